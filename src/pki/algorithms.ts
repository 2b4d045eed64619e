// Key and signature algorithms: what SubjectPublicKeyInfo and AlgorithmIdentifier say, and which hash goes with which key.
import type { KeyObject } from 'node:crypto';
import type { KeyAlgorithm } from './certificate.ts';
import type { DerNode } from './der.ts';
import {
  expectTag,
  nullValue,
  oid,
  readDer,
  readOctetAlignedBits,
  readOid,
  readUnsigned,
  sequence,
  tags,
} from './der.ts';
import { CertError } from '../errors.ts';

const curves: Readonly<Record<string, KeyAlgorithm>> = {
  '1.2.840.10045.3.1.7': 'P-256',
  '1.3.132.0.34': 'P-384',
  '1.3.132.0.35': 'P-521',
};
const rsaKey = '1.2.840.113549.1.1.1';
const ecKey = '1.2.840.10045.2.1';
const ed25519 = '1.3.101.112';

/** Which algorithm a SubjectPublicKeyInfo is for. Errors: MalformedDer. */
export function readKeyAlgorithm(spki: DerNode): KeyAlgorithm {
  const { children } = expectTag(spki, tags.sequence, 'public key');
  const [algorithm, key] = children;
  const [id, parameters] = expectTag(algorithm, tags.sequence, 'algorithm of the public key').children;
  const bits = readOctetAlignedBits(key, 'public key');
  const dotted = readOid(id, 'algorithm of the public key');
  if (dotted === rsaKey) return `RSA-${modulusLength(bits)}`;
  if (dotted === ed25519) return 'Ed25519';
  if (dotted !== ecKey) return `unsupported:${dotted}`;
  if (parameters?.tag !== tags.oid) return 'unsupported:explicit-curve';
  const curve = readOid(parameters, 'curve of the public key');
  return curves[curve] ?? `unsupported:${curve}`;
}

function modulusLength(key: Uint8Array): number {
  const modulus = readUnsigned(expectTag(readDer(key), tags.sequence, 'RSA key').children[0], 'RSA modulus');
  return modulus.length * 8 - (Math.clz32(modulus[0] ?? 0) - 24);
}

/** The octets inside the BIT STRING of a SubjectPublicKeyInfo. */
export function publicKeyBits(spki: Uint8Array): Uint8Array {
  return readOctetAlignedBits(readDer(spki).children[1], 'public key');
}

export type SignatureHash = 'md5' | 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';
interface SignatureAlgorithm {
  readonly kind: 'rsa' | 'ec' | 'ed25519';
  /** null: the algorithm hashes by itself. */
  readonly hash: SignatureHash | null;
}

const signatureAlgorithms: Readonly<Record<string, SignatureAlgorithm>> = {
  '1.2.840.113549.1.1.4': { kind: 'rsa', hash: 'md5' },
  '1.2.840.113549.1.1.5': { kind: 'rsa', hash: 'sha1' },
  '1.2.840.113549.1.1.14': { kind: 'rsa', hash: 'sha224' },
  '1.2.840.113549.1.1.11': { kind: 'rsa', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { kind: 'rsa', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { kind: 'rsa', hash: 'sha512' },
  '1.2.840.10045.4.1': { kind: 'ec', hash: 'sha1' },
  '1.2.840.10045.4.3.1': { kind: 'ec', hash: 'sha224' },
  '1.2.840.10045.4.3.2': { kind: 'ec', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { kind: 'ec', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { kind: 'ec', hash: 'sha512' },
  [ed25519]: { kind: 'ed25519', hash: null },
};

/** Undefined for algorithms that are not checked here (RSA-PSS, Ed448, …). */
export function readSignatureAlgorithm(node: DerNode): SignatureAlgorithm | undefined {
  const { children } = expectTag(node, tags.sequence, 'signature algorithm');
  return signatureAlgorithms[readOid(children[0], 'signature algorithm')];
}

export interface Signer {
  /** AlgorithmIdentifier, DER. */
  readonly identifier: Uint8Array;
  readonly hash: SignatureHash | null;
}

/** Of ECDSA, by curve as OpenSSL names it. */
const curveSignatures: Readonly<Record<string, string>> = {
  prime256v1: '1.2.840.10045.4.3.2',
  secp384r1: '1.2.840.10045.4.3.3',
  secp521r1: '1.2.840.10045.4.3.4',
};

/** How a key signs: the hash follows the key (RSA and P-256 SHA-256, P-384 SHA-384, P-521 SHA-512). Errors: Unsupported. */
export function signerFor(key: KeyObject): Signer {
  if (key.asymmetricKeyType === 'rsa') {
    return { identifier: sequence(oid('1.2.840.113549.1.1.11'), nullValue()), hash: 'sha256' };
  }
  if (key.asymmetricKeyType === 'ed25519') return { identifier: sequence(oid(ed25519)), hash: null };
  const curve = key.asymmetricKeyDetails?.namedCurve ?? '';
  const signature = key.asymmetricKeyType === 'ec' ? curveSignatures[curve] : undefined;
  if (signature !== undefined) {
    return { identifier: sequence(oid(signature)), hash: signatureAlgorithms[signature]?.hash ?? null };
  }
  throw new CertError(
    'Unsupported',
    `keys of type ${key.asymmetricKeyType ?? 'unknown'} ${curve} cannot sign here`,
  );
}
