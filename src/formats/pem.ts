// PEM files as they lie on a node: a pair's certificate (perhaps with a chain), a key, or both in one file. Edits
// change the one block that must change; text around it, line ends, order and other blocks stay byte for byte.
import type { KeyObject } from 'node:crypto';
import type { Certificate } from '../pki/certificate.ts';
import type { PrivateKey } from '../pki/keys.ts';
import { readPrivateKey, writePrivateKey } from '../pki/keys.ts';
import { parseCertificate } from '../pki/parse.ts';
import type { PemBlock } from '../pki/pem.ts';
import { pem, readPem } from '../pki/pem.ts';
import { CertError } from '../errors.ts';

export type { PemBlock };
export { pem, readPem };

/** What a PEM file holds. `certificate` is the first one, the leaf; `chain` the others as they come. */
export interface PemBundle {
  readonly certificate: Certificate | undefined;
  readonly chain: readonly Certificate[];
  readonly key: PrivateKey | undefined;
}

/** Reads certificates and key of a PEM file. Errors: MalformedPem, MalformedDer, KeyEncrypted, Unsupported. */
export function readBundle(bytes: Uint8Array): PemBundle {
  const text = toText(bytes);
  const blocks = readPem(text);
  const certificates = blocks.filter(isCertificate).map(({ der }) => parseCertificate(der));
  return {
    certificate: certificates[0],
    chain: certificates.slice(1),
    key: blocks.some(isKey) ? readPrivateKey(text) : undefined,
  };
}

/** Every certificate of a PEM file, in order; keys in it are not looked at. Errors: MalformedPem, MalformedDer. */
export function readCertificates(bytes: Uint8Array): Certificate[] {
  return readPem(toText(bytes))
    .filter(isCertificate)
    .map(({ der }) => parseCertificate(der));
}

/** The file with its first CERTIFICATE block replaced. Errors: MalformedPem. */
export function replaceCertificate(bytes: Uint8Array, certificate: Pick<Certificate, 'der'>): Uint8Array {
  return replaceBlock(bytes, isCertificate, (newline) => pem('CERTIFICATE', certificate.der, newline));
}

/** The file with its private key replaced, in the same form; an EC PARAMETERS block before it stays. Errors: MalformedPem, Unsupported. */
export function replaceKey(bytes: Uint8Array, key: KeyObject): Uint8Array {
  const style = { form: readPrivateKey(toText(bytes)).form, ecParameters: false };
  return replaceBlock(bytes, isKey, (newline) => writePrivateKey(key, style, newline));
}

const isCertificate = ({ label }: PemBlock): boolean => label === 'CERTIFICATE';
const isKey = ({ label }: PemBlock): boolean => label.endsWith('PRIVATE KEY');

function replaceBlock(
  bytes: Uint8Array,
  which: (block: PemBlock) => boolean,
  write: (newline: '\n' | '\r\n') => string,
): Uint8Array {
  const text = toText(bytes);
  const block = readPem(text).find(which);
  if (block === undefined) throw new CertError('MalformedPem', 'has no block to replace');
  const newline = text.slice(block.start, block.end).includes('\r\n') ? '\r\n' : '\n';
  // The block's place ends before its last line end, whatever that is, so ours is cut off.
  const written = write(newline).trimEnd();
  return new Uint8Array(Buffer.from(text.slice(0, block.start) + written + text.slice(block.end), 'latin1'));
}

/** Latin-1 maps every byte to one character and back, so that text which is not UTF-8 survives an edit. */
function toText(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
