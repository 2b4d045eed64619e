// Key and certificate of one of the product's own TLS servers, with a CA that is made for it alone (R9): the CA's key signs
// once and is forgotten, so nothing that is stored can sign for another name.
import type { San } from './certificate.ts';
import { issueFromIdentity, issueRoot, newSerial } from './issue.ts';
import { generateLike, writePrivateKey } from './keys.ts';
import { pem } from './pem.ts';
import { validity } from './time.ts';

/** PEM texts, as a Secret of type kubernetes.io/tls holds them. */
export interface ServingMaterial {
  /** What clients trust. */
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

const day = 86_400_000;

/** Long: nobody else is asked for a new one, and no client sees the change but through `ca`. */
export const servingLifetime = 365 * day;

/** Makes it new. `commonName` is for people; clients look for one of `sans`. P-256. */
export function makeServing(server: {
  readonly commonName: string;
  readonly sans: readonly San[];
  readonly now: Date;
}): ServingMaterial {
  const { commonName, sans, now } = server;
  const [root, leaf] = [generateLike({ keyAlgorithm: 'P-256' }), generateLike({ keyAlgorithm: 'P-256' })];
  const forever = { notBefore: new Date(0), notAfter: new Date(now.getTime() + servingLifetime) };
  // A client's clock may be behind ours.
  const { notBefore, notAfter } = validity({
    now,
    lifetimeMs: servingLifetime,
    backdateMs: day,
    ca: forever,
  });
  const ca = issueRoot({
    pair: root,
    commonName: `CA of ${commonName}`,
    notBefore,
    notAfter,
    serial: newSerial(),
  });
  const certificate = issueFromIdentity({
    ca,
    caKey: root.key,
    spki: leaf.spki,
    notBefore,
    notAfter,
    serial: newSerial(),
    identity: { commonName, organizations: [], sans, extendedKeyUsages: ['serverAuth'] },
  });
  return {
    ca: pem('CERTIFICATE', ca.der),
    certificate: pem('CERTIFICATE', certificate.der),
    key: writePrivateKey(leaf.key, { form: 'pkcs8', ecParameters: false }),
  };
}
