// Writes captured CAs into Secret kubernetes-ca: ciphertext, certificate and fingerprint of each.
import type { Secret } from 'kubernetes-types/core/v1.js';
import type { KeyObject } from 'node:crypto';
import type { CaId } from '../../catalogue/ids.ts';
import type { KubeClient, Written } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { pem } from '../../pki/pem.ts';
import { sealEnvelope, type KeyEncryptionKey } from './envelope.ts';
import { caSecretName, vaultAnnotations } from './vault.ts';

/** What is to be recorded about one CA. */
export type Captured =
  | { readonly id: CaId; readonly certificate: Certificate; readonly key: KeyObject; readonly source: string }
  | { readonly id: CaId; readonly external: string };

/** The Secret with the captured CAs in it; what it holds of others stays as it is. Pure but for the random keys. */
export function secretWith(
  before: Secret | undefined,
  captured: readonly Captured[],
  known: { readonly kek: KeyEncryptionKey; readonly clusterUID: string; readonly publicNamespace: string },
): Secret {
  const { kek, clusterUID, publicNamespace } = known;
  const data: Record<string, string> = { ...before?.data };
  const notes: Record<string, string> = {
    ...before?.metadata?.annotations,
    [vaultAnnotations.clusterUID]: clusterUID,
  };
  // The wish is fulfilled by this write; the acceptance stays, as it names one fingerprint only.
  delete notes[vaultAnnotations.harvest];
  for (const one of captured) {
    const { id } = one;
    if ('external' in one) {
      // A stored key of a CA that left the nodes must not go on signing.
      delete data[`${id}.sealed`];
      delete data[`${id}.crt`];
      notes[vaultAnnotations.external(id)] = 'true';
      notes[vaultAnnotations.source(id)] = one.external;
      continue;
    }
    const { certificate, key, source } = one;
    const plaintext = key.export({ type: 'pkcs8', format: 'der' });
    const sealed = sealEnvelope(kek, { clusterUID, ca: id, sha256: certificate.sha256 }, plaintext);
    plaintext.fill(0);
    data[`${id}.sealed`] = sealed.toString('base64');
    data[`${id}.crt`] = Buffer.from(pem('CERTIFICATE', certificate.der)).toString('base64');
    delete notes[vaultAnnotations.external(id)];
    notes[vaultAnnotations.fingerprint(id)] = certificate.sha256;
    notes[vaultAnnotations.source(id)] = source;
  }
  return {
    ...before,
    metadata: {
      labels: { 'app.kubernetes.io/name': 'cluster-cert-rotator' },
      ...before?.metadata,
      name: caSecretName,
      namespace: publicNamespace,
      annotations: notes,
    },
    type: before?.type ?? 'Opaque',
    data,
  };
}

/** Creates or replaces the Secret; a change by others in between is a value. Errors: those of the API. */
export async function writeSecret(client: KubeClient, secret: Secret): Promise<Written<Secret>> {
  return secret.metadata?.resourceVersion === undefined
    ? client.create(resources.secrets, secret)
    : client.replace(resources.secrets, secret);
}
