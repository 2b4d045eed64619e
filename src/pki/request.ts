// Certificate requests (PKCS#10, RFC 2986) and the proof by the old key that a renewal is asked for by its owner (R4).
import type { KeyObject } from 'node:crypto';
import { sign } from 'node:crypto';
import { readKeyAlgorithm, readSignatureAlgorithm, signerFor } from './algorithms.ts';
import type { Certificate, DistinguishedName, KeyAlgorithm } from './certificate.ts';
import {
  bitString,
  context,
  contextTag,
  expectTag,
  join,
  malformed,
  readDer,
  readOctetAlignedBits,
  sequence,
  tags,
  unsignedInteger,
} from './der.ts';
import type { KeyPair } from './keys.ts';
import { readName, writeName } from './name.ts';
import { publicKeyOf, verifies } from './verify.ts';
import { CertError } from '../errors.ts';

/** DER of a request for a key pair; the common name is a label only, no signer of ours reads it. */
export function makeRequest(pair: KeyPair, commonName: string): Uint8Array {
  const version = unsignedInteger(Uint8Array.of(0));
  const info = sequence(version, writeName({ commonName }), pair.spki, context(0, true));
  const { identifier, hash } = signerFor(pair.key);
  return sequence(info, identifier, bitString(sign(hash, info, pair.key)));
}

export interface CertificateRequest {
  readonly spki: Uint8Array;
  readonly keyAlgorithm: KeyAlgorithm;
  readonly subject: DistinguishedName;
  /** It asks for extensions (SANs, usages) or carries other attributes. */
  readonly hasAttributes: boolean;
}

/** Reads a request and checks its signature: whoever made it has the key. Errors: MalformedDer, SigningRefused. */
export function parseRequest(der: Uint8Array): CertificateRequest {
  const { children } = expectTag(readDer(der), tags.sequence, 'request');
  const [info, algorithm, signature] = children;
  if (children.length !== 3) throw malformed(`a request has 3 parts, not ${children.length}`);
  const [version, subject, spki, ...rest] = expectTag(info, tags.sequence, 'body of the request').children;
  expectTag(version, tags.integer, 'version of the request');
  const request = {
    spki: expectTag(spki, tags.sequence, 'public key of the request').bytes,
    keyAlgorithm: readKeyAlgorithm(expectTag(spki, tags.sequence, 'public key of the request')),
    subject: readName(subject, 'subject of the request'),
    hasAttributes: rest.some(({ tag, children }) => tag !== contextTag(0, true) || children.length > 0),
  };
  const scheme = readSignatureAlgorithm(expectTag(algorithm, tags.sequence, 'algorithm of the request'));
  const bits = readOctetAlignedBits(signature, 'signature of the request');
  const key = publicKeyOf(request);
  const proved =
    info !== undefined &&
    scheme !== undefined &&
    key?.asymmetricKeyType === scheme.kind &&
    verifies(scheme.hash, info.bytes, key, bits);
  if (!proved) throw new CertError('SigningRefused', 'the request is not signed by the key that it names');
  return request;
}

/** The exact bytes that the old key signs: rotation, catalogue id and new key, so that no signature fits another renewal. */
export function renewalBytes(rotationUID: string, id: string, spki: Uint8Array): Uint8Array {
  if (/\n/.test(rotationUID + id))
    throw new CertError('SigningRefused', 'a line break in a rotation UID or certificate id');
  return join([Buffer.from(`renews-v1\n${rotationUID}\n${id}\n`, 'utf8'), spki]);
}

/** Signature by the old key: RSA PKCS#1 v1.5 or ECDSA (DER) with SHA-256, Ed25519 as it is. */
export function signRenewal(oldKey: KeyObject, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(sign(renewalHash(oldKey), bytes, oldKey));
}

/** Whether the key of `oldCertificate` made `signature` over `bytes`. Never throws. */
export function verifyRenewal(
  oldCertificate: Pick<Certificate, 'spki'>,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  const key = publicKeyOf(oldCertificate);
  return key !== undefined && verifies(renewalHash(key), bytes, key, signature);
}

const renewalHash = (key: KeyObject): 'sha256' | null =>
  key.asymmetricKeyType === 'ed25519' ? null : 'sha256';
