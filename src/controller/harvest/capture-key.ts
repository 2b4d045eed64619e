// The leader's key for one capture (R11): made for two Pods, held in memory, gone with the capture. The opening side
// of agent/seal.ts: HPKE, RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256, HpkeError } from '@hpke/core';
import { captureInfo, type Capture } from '../../agent/protocol.ts';

const encapsulatedLength = 32;

export interface CaptureKey {
  /** Raw X25519 public key, base64: what the Pod's environment carries. */
  readonly publicKey: string;
  /** The plaintext, or undefined when it was not sealed to this key for exactly this capture. */
  open(capture: Capture, sealed: Uint8Array): Promise<Uint8Array | undefined>;
}

export async function makeCaptureKey(): Promise<CaptureKey> {
  const suite = new CipherSuite({
    kem: new DhkemX25519HkdfSha256(),
    kdf: new HkdfSha256(),
    aead: new Aes256Gcm(),
  });
  const { publicKey, privateKey } = await suite.kem.generateKeyPair();
  return {
    publicKey: Buffer.from(await suite.kem.serializePublicKey(publicKey)).toString('base64'),
    async open(capture, sealed) {
      try {
        const recipient = await suite.createRecipientContext({
          recipientKey: privateKey,
          enc: arrayBuffer(sealed.subarray(0, encapsulatedLength)),
          info: arrayBuffer(captureInfo(capture)),
        });
        return new Uint8Array(await recipient.open(arrayBuffer(sealed.subarray(encapsulatedLength))));
      } catch (error) {
        if (error instanceof HpkeError) return undefined;
        throw error;
      }
    },
  };
}

/** WebCrypto wants an ArrayBuffer of exactly these bytes; a Buffer may be a view into a shared pool. */
function arrayBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
