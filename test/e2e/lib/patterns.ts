// How a private key can look when it has leaked: its secret number as bytes, hex, and base64 of one to three rounds, at
// any alignment and broken into lines anywhere. Each form gives short windows of which at least one survives.
import { createPrivateKey, type JsonWebKey } from 'node:crypto';

export type Form = 'der' | 'hex' | 'pem' | 'base64' | 'base64-twice';

export interface Pattern {
  readonly form: Form;
  readonly bytes: Buffer;
}

/** No pattern is shorter: 16 bytes of base64 are 96 bits, which do not occur by chance. */
export const shortestPattern = 16;

/** The first 48 bytes of an RSA key's first prime, or an EC key's number: it stands in PKCS#1, SEC1, PKCS#8 and JWK alike. */
export function secretOf(pem: string): Buffer {
  const jwk: JsonWebKey = createPrivateKey(pem).export({ format: 'jwk' });
  const number = jwk.p ?? jwk.d;
  if (number === undefined)
    throw new Error(`a key of type ${jwk.kty} has no secret number that is known here`);
  return Buffer.from(number, 'base64url').subarray(0, 48);
}

export function patternsOf(secret: Buffer): readonly Pattern[] {
  const hex = secret.toString('hex');
  // openssl's `aa:bb:` in lines of 15 bytes: 6 bytes that begin at any third
  const colons = windows(secret, 6, 3).map((part) => part.toString('hex').replace(/..(?!$)/g, '$&:'));
  // only the innermost text is cut into windows: what encodes a window is as short as a line break can spare
  const pem = base64Of([secret]).flatMap((text) => windows(text, shortestPattern, 4));
  const base64 = base64Of(pem);
  return [
    ...windows(secret, 16, 8).map((bytes) => ({ form: 'der' as const, bytes })),
    ...windows(Buffer.from(hex), 24, 8).map((bytes) => ({ form: 'hex' as const, bytes })),
    ...windows(Buffer.from(hex.toUpperCase()), 24, 8).map((bytes) => ({ form: 'hex' as const, bytes })),
    ...colons.flatMap((text) =>
      [text, text.toUpperCase()].map((t) => ({ form: 'hex' as const, bytes: Buffer.from(t) })),
    ),
    ...pem.map((bytes) => ({ form: 'pem' as const, bytes })),
    ...base64.map((bytes) => ({ form: 'base64' as const, bytes })),
    ...base64Of(base64).map((bytes) => ({ form: 'base64-twice' as const, bytes })),
  ];
}

/** What base64 makes of each text, at each of the three places where it can stand in what is encoded. */
function base64Of(texts: readonly Buffer[]): Buffer[] {
  return texts.flatMap((text) =>
    [0, 1, 2].map((shift) => {
      const encoded = Buffer.concat([Buffer.alloc(shift), text]).toString('base64');
      // the first and last characters also carry bits of what stands beside the text
      const first = shift === 0 ? 0 : shift + 1;
      const end = Math.floor(((shift + text.length) * 8) / 6);
      return Buffer.from(encoded.slice(first, end));
    }),
  );
}

/** All windows of `size` at multiples of `step`, and the last one. A text that is shorter gives none. */
function windows(text: Buffer, size: number, step: number): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at + size <= text.length; at += step) all.push(text.subarray(at, at + size));
  if (text.length >= size && (text.length - size) % step !== 0) all.push(text.subarray(text.length - size));
  return all;
}
