// What every signer of ours asks of a certificate request, whoever brings it. Pure.
import type { KeyAlgorithm } from '../pki/certificate.ts';
import type { CertificateRequest } from '../pki/request.ts';

/** We write one CN, as a label. What asks for more is not ours, even where its wish would not be heard. */
export function wishesOf({ subject, hasAttributes }: CertificateRequest): string | undefined {
  if (hasAttributes) return 'asks for extensions';
  const names = subject.text.split(/(?<!\\)[,+]/u).length;
  return names === 1 && subject.commonName !== undefined ? undefined : `asks for subject "${subject.text}"`;
}

const strong: ReadonlySet<KeyAlgorithm> = new Set(['P-256', 'P-384', 'P-521']);

/** A kind of key that is signed: one that verifiers take, or the one that was there. */
export function isSignable(key: KeyAlgorithm, old: KeyAlgorithm | undefined): boolean {
  const bits = Number(/^RSA-(\d+)$/u.exec(key)?.[1] ?? 0);
  return strong.has(key) || (bits >= 2048 && bits <= 8192) || key === old;
}
