// The cluster's authorities and the first certificates of its nodes, as kubeadm makes them.
import { sign, type KeyObject } from 'node:crypto';
import { signerFor } from '../../pki/algorithms.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { bitString, context, sequence, time, trueBoolean, unsignedInteger } from '../../pki/der.ts';
import { oids, writeExtension, writeSubjectKeyId } from '../../pki/extensions.ts';
import { issueFromIdentity, newSerial, type Identity } from '../../pki/issue.ts';
import { generateLike, writePrivateKey } from '../../pki/keys.ts';
import { writeName } from '../../pki/name.ts';
import { parseCertificate } from '../../pki/parse.ts';
import { pem } from '../../pki/pem.ts';

export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

export interface Authority extends Pair {
  readonly parsed: Certificate;
  readonly keyObject: KeyObject;
}

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** keyCertSign, cRLSign, digitalSignature. */
const caUsage = bitString(Uint8Array.of(0x86), 1);
const keyType = { keyAlgorithm: 'P-256' } as const;

export function makeAuthority(commonName: string, { notBefore, notAfter }: Validity): Authority {
  const { key, spki } = generateLike(keyType);
  const { identifier, hash } = signerFor(key);
  const name = writeName({ commonName });
  const extensions = [
    writeExtension(oids.keyUsage, caUsage, true),
    writeExtension(oids.basicConstraints, sequence(trueBoolean()), true),
    writeExtension(oids.subjectKeyId, writeSubjectKeyId(newSerial())),
  ];
  const tbs = sequence(
    context(0, true, unsignedInteger(Uint8Array.of(2))),
    unsignedInteger(newSerial()),
    identifier,
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    spki,
    context(3, true, sequence(...extensions)),
  );
  const der = sequence(tbs, identifier, bitString(sign(hash, tbs, key)));
  return { ...pairOf(der, key), parsed: parseCertificate(der), keyObject: key };
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
