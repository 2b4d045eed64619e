// Sealing of a CA's private key to the leader of the controller (R11): HPKE, RFC 9180, base mode with
// DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM. The recipient's key lives for one capture in the leader's
// memory, and `info` binds the message to the Pod, the Node, the cluster and the CA that it was made for.
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { CertError } from '../errors.ts';
import type { CaId } from '../catalogue/ids.ts';
import { readPem, type PemBlock } from '../pki/pem.ts';
import {
  captureInfo,
  terminationMessageLimit,
  type CaCertificatesMessage,
  type Capture,
  type HarvestMessage,
} from './protocol.ts';

/**
 * Seals `plaintext` to a raw X25519 public key (32 bytes).
 * Returns the encapsulated key (32 bytes) followed by the ciphertext (plaintext + 16 bytes).
 */
export async function sealKey(what: {
  readonly publicKey: Uint8Array;
  readonly info: Uint8Array;
  readonly plaintext: Uint8Array;
}): Promise<Uint8Array> {
  const suite = new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Aes256Gcm(),
  });
  try {
    const recipientPublicKey = await suite.kem.deserializePublicKey(buffer(what.publicKey));
    const sender = await suite.createSenderContext({ recipientPublicKey, info: buffer(what.info) });
    const ciphertext = await sender.seal(buffer(what.plaintext));
    return Buffer.concat([Buffer.from(sender.enc), Buffer.from(ciphertext)]);
  } catch (cause) {
    throw new CertError('Unsupported', 'the leader’s public key is not a raw X25519 key of 32 bytes', {
      cause,
    });
  }
}

/**
 * The whole message of a harvest container: the file's key, unwrapped from PEM to DER so that RSA-4096 fits one
 * termination message, and sealed. `pem` undefined = no such file: an external CA. Never throws for what a file holds.
 */
export async function harvestMessage(
  pem: Uint8Array | undefined,
  publicKey: Uint8Array,
  capture: Capture,
): Promise<string> {
  const { ca } = capture;
  if (pem === undefined) return text({ schema: 1, ca, missing: true });
  const found = privateKeyDer(Buffer.from(pem).toString('latin1'));
  if ('problem' in found) return text({ schema: 1, ca, error: found.problem });
  const sealed = await sealKey({ publicKey, info: captureInfo(capture), plaintext: found.der });
  return text({ schema: 1, ca, sealed: Buffer.from(sealed).toString('base64') });
}

/** The whole message of a ca-certificates container. `pem` undefined = no such file. */
export function caCertificatesMessage(pem: Uint8Array | undefined, ca: CaId): string {
  if (pem === undefined) return text({ schema: 1, ca, missing: true });
  const certificates = blocks(Buffer.from(pem).toString('latin1'))
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ der }) => Buffer.from(der).toString('base64'));
  if (certificates.length === 0) return text({ schema: 1, ca, error: 'the file holds no PEM certificate' });
  return text({ schema: 1, ca, certificates });
}

function privateKeyDer(pem: string): { readonly der: Uint8Array } | { readonly problem: string } {
  const keys = blocks(pem).filter(({ label }) => label.endsWith('PRIVATE KEY'));
  const [key, second] = keys;
  if (key === undefined) return { problem: 'the file holds no PEM private key' };
  if (second !== undefined) return { problem: 'the file holds more than one private key' };
  if (key.label.startsWith('ENCRYPTED') || key.headers.some((header) => header.includes('ENCRYPTED'))) {
    return { problem: 'the key is encrypted by a passphrase; it is left alone, as an external CA would be' };
  }
  return { der: key.der };
}

/** What cannot be read has no blocks: the message then says what was looked for and not found. */
function blocks(pem: string): readonly PemBlock[] {
  try {
    return readPem(pem);
  } catch (error) {
    if (error instanceof CertError) return [];
    throw error;
  }
}

function text(message: HarvestMessage | CaCertificatesMessage): string {
  const json = JSON.stringify(message);
  if (json.length <= terminationMessageLimit) return json;
  // Never a cut (R7): what does not fit is said in words.
  const error = `${json.length} bytes do not fit one termination message of ${terminationMessageLimit}`;
  return JSON.stringify({ schema: 1, ca: message.ca, error });
}

/** WebCrypto wants an ArrayBuffer of exactly these bytes; a Buffer may be a view into a shared pool. */
function buffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
