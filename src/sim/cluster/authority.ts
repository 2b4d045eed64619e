// The cluster's authorities and the first certificates of its nodes, as kubeadm makes them.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Certificate } from '../../pki/certificate.ts';
import { issueFromIdentity, newSerial, type Identity } from '../../pki/issue.ts';
import { generateLike, writePrivateKey } from '../../pki/keys.ts';
import { pem } from '../../pki/pem.ts';
import { selfSigned, type Validity } from '../api/authority.ts';

export type { Validity };

export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority extends Pair {
  readonly parsed: Certificate;
  readonly keyObject: KeyObject;
}

const keyType = { keyAlgorithm: 'P-256' } as const;

export function makeAuthority(commonName: string, validity: Validity): Authority {
  const { certificate, key } = selfSigned(commonName, validity);
  return { ...pairOf(certificate.der, key), parsed: certificate, keyObject: key };
}

/** PEM of another certificate over the same key and name: all that the CA has signed stays signed. */
export function renewedAuthority(commonName: string, key: string, validity: Validity): string {
  const { certificate } = selfSigned(commonName, validity, createPrivateKey(key));
  return pem('CERTIFICATE', certificate.der);
}

/** A leaf with a key of its own. */
export function makeLeaf(
  authority: Authority,
  identity: Partial<Identity>,
  { notBefore, notAfter }: Validity,
): Pair {
  const { key, spki } = generateLike(keyType);
  const { der } = issueFromIdentity({
    ca: authority.parsed,
    caKey: authority.keyObject,
    spki,
    notBefore,
    notAfter,
    serial: newSerial(),
    identity: { commonName: '', organizations: [], sans: [], extendedKeyUsages: ['clientAuth'], ...identity },
  });
  return pairOf(der, key);
}

const pairOf = (der: Uint8Array, key: KeyObject): Pair => ({
  certificate: pem('CERTIFICATE', der),
  key: writePrivateKey(key, { form: 'sec1', ecParameters: false }),
});
