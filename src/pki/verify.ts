// Whether a certificate was signed by a CA, and whether a CA may be used at all.
import type { KeyObject } from 'node:crypto';
import { createPublicKey, verify } from 'node:crypto';
import { readSignatureAlgorithm } from './algorithms.ts';
import type { Certificate } from './certificate.ts';
import { equalBytes } from './der.ts';
import { oids, readMaySignCertificates } from './extensions.ts';
import { readParts } from './parse.ts';
import { CertError } from '../errors.ts';

/** Issuer bytes and signature; says nothing of validity or of what `ca` may sign. Never throws. */
export function isSignedBy(certificate: Certificate, ca: Certificate): boolean {
  if (!equalBytes(certificate.issuer.der, ca.subject.der)) return false;
  const { tbs, signatureAlgorithm, signature } = readParts(certificate.der);
  const algorithm = readSignatureAlgorithm(signatureAlgorithm);
  const key = publicKeyOf(ca);
  if (algorithm === undefined || key?.asymmetricKeyType !== algorithm.kind) return false;
  return verifies(algorithm.hash, tbs, key, signature);
}

/** Undefined when the key is of a kind that cannot be used, or no key at all. */
export function publicKeyOf(certificate: Pick<Certificate, 'spki'>): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(certificate.spki), format: 'der', type: 'spki' });
  } catch {
    // A foreign key that the library does not know cannot have signed anything of ours.
    return undefined;
  }
}

/** True if `signature` over `bytes` verifies; a signature that cannot even be read does not. */
export function verifies(
  hash: string | null,
  bytes: Uint8Array,
  key: KeyObject,
  signature: Uint8Array,
): boolean {
  try {
    return verify(hash, bytes, key, signature);
  } catch {
    // OpenSSL throws on some malformed signatures where it could return false.
    return false;
  }
}

/**
 * Whether a certificate may be used as CA. Says nothing of its dates (`validity` does).
 * Errors: NotACertificateAuthority, WeakCa (MD5, SHA-1, RSA under 2048 bits), Unsupported (Ed25519 and other keys).
 */
export function checkCa(ca: Certificate): void {
  const who = `CA ${ca.subject.text}`;
  const { extensions, signatureAlgorithm } = readParts(ca.der);
  const keyUsage = extensions.find(({ oid }) => oid === oids.keyUsage)?.value;
  if (!ca.isCa || (keyUsage !== undefined && !readMaySignCertificates(keyUsage))) {
    throw new CertError(
      'NotACertificateAuthority',
      `${ca.subject.text} is not a CA; name the CA's own certificate`,
    );
  }
  if (!/^(RSA-\d+|P-256|P-384|P-521)$/.test(ca.keyAlgorithm)) {
    throw new CertError(
      'Unsupported',
      `${who} has a key of type ${ca.keyAlgorithm}; RSA, P-256, P-384 and P-521 can sign`,
    );
  }
  if (ca.keyAlgorithm.startsWith('RSA-') && Number(ca.keyAlgorithm.slice(4)) < 2048) {
    throw new CertError(
      'WeakCa',
      `${who} has a key of only ${ca.keyAlgorithm.slice(4)} bits; 2048 are the least`,
    );
  }
  const hash = readSignatureAlgorithm(signatureAlgorithm)?.hash;
  if (hash === 'md5' || hash === 'sha1') {
    throw new CertError(
      'WeakCa',
      `${who} was itself signed with ${hash.toUpperCase()}, which verifiers refuse; replace it`,
    );
  }
}
