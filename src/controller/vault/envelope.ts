// Envelope encryption of one CA's private key: a data key of its own seals the key, the key-encryption key (KEK)
// seals the data key, both by AES-256-GCM. What is authenticated with both names the cluster, the CA, its
// fingerprint and the KEK, so that a ciphertext of another cluster, another CA or another time never opens.
//
//   "CCRV1" | key id 16 | nonce 12 | data key 32 | tag 16 | nonce 12 | private key … | tag 16
import { createCipheriv, createDecipheriv, createHmac, randomBytes, type KeyObject } from 'node:crypto';
import type { CaId } from '../../catalogue/ids.ts';
import { CertError } from '../../errors.ts';

export interface KeyEncryptionKey {
  /** 32 hex digits that say which key it is and nothing about it. */
  readonly id: string;
  readonly key: KeyObject;
}

/** What the ciphertext is bound to. */
export interface Binding {
  readonly clusterUID: string;
  readonly ca: CaId;
  /** sha256 over the CA certificate's DER, lower-case hex. */
  readonly sha256: string;
}

const magic = Buffer.from('CCRV1');
const idLength = 16;
const nonceLength = 12;
const tagLength = 16;
const dataKeyLength = 32;
const wrappedLength = nonceLength + dataKeyLength + tagLength;
const headerLength = magic.length + idLength + wrappedLength;

/** Id of a KEK: a keyed hash of a constant. */
export function kekId(key: KeyObject): string {
  return createHmac('sha256', key)
    .update('cluster-cert-rotator kek id')
    .digest('hex')
    .slice(0, 2 * idLength);
}

/** Seals `plaintext`; every call has a new data key and new nonces. */
export function sealEnvelope(kek: KeyEncryptionKey, binding: Binding, plaintext: Uint8Array): Buffer {
  const dataKey = randomBytes(dataKeyLength);
  try {
    return Buffer.concat([
      magic,
      Buffer.from(kek.id, 'hex'),
      encrypt(kek.key, associated('data key', kek.id, binding), dataKey),
      encrypt(dataKey, associated('private key', kek.id, binding), plaintext),
    ]);
  } finally {
    dataKey.fill(0);
  }
}

export type EnvelopeProblem = 'KekLost' | 'Tampered';

export type Opened =
  | { readonly ok: true; readonly plaintext: Buffer }
  | { readonly ok: false; readonly problem: EnvelopeProblem };

/** Opens what sealEnvelope made. KekLost: sealed by another KEK. Tampered: any byte or any binding differs. */
export function openEnvelope(kek: KeyEncryptionKey, binding: Binding, sealed: Uint8Array): Opened {
  const bytes = Buffer.from(sealed);
  if (
    bytes.length <= headerLength + nonceLength + tagLength ||
    !bytes.subarray(0, magic.length).equals(magic)
  ) {
    return { ok: false, problem: 'Tampered' };
  }
  const id = bytes.subarray(magic.length, magic.length + idLength).toString('hex');
  if (id !== kek.id) return { ok: false, problem: 'KekLost' };
  const wrapped = bytes.subarray(magic.length + idLength, headerLength);
  const dataKey = decrypt(kek.key, associated('data key', id, binding), wrapped);
  if (dataKey === undefined) return { ok: false, problem: 'Tampered' };
  const plaintext = decrypt(dataKey, associated('private key', id, binding), bytes.subarray(headerLength));
  dataKey.fill(0);
  return plaintext === undefined ? { ok: false, problem: 'Tampered' } : { ok: true, plaintext };
}

function associated(purpose: string, id: string, { clusterUID, ca, sha256 }: Binding): Buffer {
  const parts = ['cluster-cert-rotator vault v1', purpose, clusterUID, ca, sha256, id];
  // A line break in a part could make two bindings look the same.
  if (parts.some((part) => part.includes('\n'))) {
    throw new CertError('Unsupported', `a line break in what a CA is bound to: ${JSON.stringify(parts)}`);
  }
  return Buffer.from(parts.join('\n'));
}

function encrypt(key: KeyObject | Buffer, aad: Buffer, plaintext: Uint8Array): Buffer {
  const nonce = randomBytes(nonceLength);
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength });
  cipher.setAAD(aad);
  const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([nonce, body, cipher.getAuthTag()]);
}

function decrypt(key: KeyObject | Buffer, aad: Buffer, sealed: Buffer): Buffer | undefined {
  const nonce = sealed.subarray(0, nonceLength);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagLength });
  decipher.setAAD(aad);
  decipher.setAuthTag(sealed.subarray(-tagLength));
  const body = decipher.update(sealed.subarray(nonceLength, -tagLength));
  try {
    decipher.final();
    return body;
  } catch {
    // The tag does not fit: the only answer that GCM gives, whatever was changed.
    body.fill(0);
    return undefined;
  }
}
