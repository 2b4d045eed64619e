// Private keys: read in any of the three usual forms, made like an existing one, written in the form that was there.
import type { KeyObject } from 'node:crypto';
import { createPrivateKey, createPublicKey, generateKeyPair, generateKeyPairSync } from 'node:crypto';
import { promisify } from 'node:util';
import { readKeyAlgorithm } from './algorithms.ts';
import type { Certificate, KeyAlgorithm } from './certificate.ts';
import { equalBytes, oid, readDer, tags } from './der.ts';
import type { PemBlock } from './pem.ts';
import { pem, readPem } from './pem.ts';
import { publicKeyOf } from './verify.ts';
import { CertError } from '../errors.ts';

export type KeyForm = 'pkcs1' | 'sec1' | 'pkcs8';

/** How a key is written: its form, and whether an EC PARAMETERS block goes before it (as openssl ecparam -genkey does). */
export interface KeyStyle {
  readonly form: KeyForm;
  readonly ecParameters: boolean;
}

export interface PrivateKey extends KeyStyle {
  readonly key: KeyObject;
  readonly algorithm: KeyAlgorithm;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
}

/** A new key pair before it has a form. */
export interface KeyPair {
  readonly key: KeyObject;
  readonly spki: Uint8Array;
}

const labels: Readonly<Record<string, KeyForm>> = {
  'RSA PRIVATE KEY': 'pkcs1',
  'EC PRIVATE KEY': 'sec1',
  'PRIVATE KEY': 'pkcs8',
};
const formLabels: Readonly<Record<KeyForm, string>> = {
  pkcs1: 'RSA PRIVATE KEY',
  sec1: 'EC PRIVATE KEY',
  pkcs8: 'PRIVATE KEY',
};

/**
 * Reads the one private key of a PEM text (certificates beside it are ignored).
 * Errors: MalformedPem, MalformedDer, KeyEncrypted, Unsupported.
 */
export function readPrivateKey(text: string): PrivateKey {
  const blocks = readPem(text);
  const keys = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY'));
  const [block] = keys;
  if (block === undefined) throw new CertError('MalformedPem', 'holds no private key');
  if (keys.length > 1) throw new CertError('Unsupported', 'holds more than one private key; leave one');
  const ecParameters = blocks.some(({ label, end }) => label === 'EC PARAMETERS' && end <= block.start);
  return { ...importKey(block), ecParameters };
}

function importKey(block: PemBlock): Omit<PrivateKey, 'ecParameters'> {
  const encrypted =
    block.label.startsWith('ENCRYPTED') || block.headers.some((line) => line.includes('ENCRYPTED'));
  if (encrypted) {
    throw new CertError('KeyEncrypted', 'the private key is encrypted; give it without a passphrase');
  }
  const form = labels[block.label];
  if (form === undefined) throw new CertError('Unsupported', `a ${block.label} cannot be used`);
  // The library reads a key of another form under this label too; written back, the file would not keep its form.
  if (readDer(block.der).children[1]?.tag !== secondPart[form]) throw notSuchKey(form);
  const key = toKeyObject(block.der, form);
  const spki = spkiOf(key);
  const algorithm = readKeyAlgorithm(readDer(spki));
  if (algorithm.startsWith('unsupported:')) {
    throw new CertError('Unsupported', `private keys of type ${algorithm.slice(12)} cannot be used`);
  }
  return { key, form, algorithm, spki };
}

function toKeyObject(der: Uint8Array, form: KeyForm): KeyObject {
  try {
    return createPrivateKey({ key: Buffer.from(der), format: 'der', type: form });
  } catch {
    // The library's own error is left out on purpose: it could carry bytes of the key into a log.
    throw notSuchKey(form);
  }
}

const notSuchKey = (form: KeyForm): CertError =>
  new CertError('MalformedDer', `is labelled ${formLabels[form]} but is no such key`);

/** What follows the version: the modulus, the secret in octets, the algorithm. */
const secondPart: Readonly<Record<KeyForm, string>> = {
  pkcs1: tags.integer,
  sec1: tags.octetString,
  pkcs8: tags.sequence,
};

function spkiOf(key: KeyObject): Uint8Array {
  const publicKey = key.type === 'public' ? key : createPublicKey(key);
  return new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }));
}

/** PEM text of a key in the style of an existing one. Errors: Unsupported when the form cannot hold the key. */
export function writePrivateKey(key: KeyObject, like: KeyStyle, newline: '\n' | '\r\n' = '\n'): string {
  const fitting = { pkcs1: ['rsa'], sec1: ['ec'], pkcs8: ['rsa', 'ec', 'ed25519'] }[like.form];
  if (!fitting.includes(key.asymmetricKeyType ?? '')) {
    throw new CertError(
      'Unsupported',
      `a key of type ${key.asymmetricKeyType ?? 'unknown'} has no form ${like.form}`,
    );
  }
  const body = pem(formLabels[like.form], new Uint8Array(exportKey(key, like.form)), newline);
  const curve = curveOids[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (!like.ecParameters || curve === undefined) return body;
  return pem('EC PARAMETERS', oid(curve), newline) + body;
}

// pkcs1, sec1 and pkcs8 are overloads in the types, hence one branch each.
function exportKey(key: KeyObject, form: KeyForm): Buffer {
  if (form === 'pkcs1') return key.export({ format: 'der', type: 'pkcs1' });
  if (form === 'sec1') return key.export({ format: 'der', type: 'sec1' });
  return key.export({ format: 'der', type: 'pkcs8' });
}

const curveOids: Readonly<Record<string, string>> = {
  prime256v1: '1.2.840.10045.3.1.7',
  secp384r1: '1.3.132.0.34',
  secp521r1: '1.3.132.0.35',
};
const namedCurves: Readonly<Record<string, string>> = {
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
};

/** A new key pair of the same type and size. RSA takes up to a few seconds. Errors: Unsupported. */
export function generateLike(like: { readonly keyAlgorithm: KeyAlgorithm }): KeyPair {
  const recipe = recipeOf(like.keyAlgorithm);
  if (recipe.type === 'ec') return pairOf(generateKeyPairSync('ec', recipe.options).privateKey);
  if (recipe.type === 'rsa') return pairOf(generateKeyPairSync('rsa', recipe.options).privateKey);
  return pairOf(generateKeyPairSync('ed25519').privateKey);
}

/** As generateLike, off the main thread: several at once use all processors. */
export async function generateLikeAsync(like: { readonly keyAlgorithm: KeyAlgorithm }): Promise<KeyPair> {
  const recipe = recipeOf(like.keyAlgorithm);
  // The library's overloads want one call each.
  const generate = promisify(generateKeyPair);
  if (recipe.type === 'ec') return pairOf((await generate('ec', recipe.options)).privateKey);
  if (recipe.type === 'rsa') return pairOf((await generate('rsa', recipe.options)).privateKey);
  return pairOf((await generate('ed25519', undefined)).privateKey);
}

type Recipe =
  | { readonly type: 'ec'; readonly options: { namedCurve: string } }
  | { readonly type: 'rsa'; readonly options: { modulusLength: number } }
  | { readonly type: 'ed25519' };

function recipeOf(keyAlgorithm: KeyAlgorithm): Recipe {
  const namedCurve = namedCurves[keyAlgorithm];
  if (namedCurve !== undefined) return { type: 'ec', options: { namedCurve } };
  if (keyAlgorithm === 'Ed25519') return { type: 'ed25519' };
  const modulusLength = Number(/^RSA-(\d+)$/.exec(keyAlgorithm)?.[1]);
  if (modulusLength >= 2048 && modulusLength <= 4096) return { type: 'rsa', options: { modulusLength } };
  throw new CertError(
    'Unsupported',
    `no new key of type ${keyAlgorithm} can be made; RSA 2048 to 4096, P-256, P-384, P-521`,
  );
}

const pairOf = (key: KeyObject): KeyPair => ({ key, spki: spkiOf(key) });

/** Whether a private key belongs to a certificate. */
export function keyFits(certificate: Pick<Certificate, 'spki'>, key: KeyObject): boolean {
  const inCertificate = publicKeyOf(certificate);
  // Compared after one round through the library: a certificate may spell the same key otherwise (compressed points).
  return inCertificate !== undefined && equalBytes(spkiOf(inCertificate), spkiOf(key));
}
