// Times of certificates: reading them (RFC 5280 4.1.2.5) and choosing a new validity (design §3, Time).
import type { Certificate } from './certificate.ts';
import type { DerNode } from './der.ts';
import { expectTag, malformed, tags } from './der.ts';
import { CertError } from '../errors.ts';

/** UTCTime or GeneralizedTime in the only forms that RFC 5280 allows: with seconds, in UTC, without fractions. */
export function readTime(node: DerNode | undefined, what: string): Date {
  const utc = node?.tag === tags.utcTime;
  const { content } = expectTag(node, utc ? tags.utcTime : tags.generalizedTime, what);
  const text = Buffer.from(content).toString('latin1');
  const match = /^(\d\d|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null || text.length !== (utc ? 13 : 15))
    throw malformed(`${what} is no time: ${JSON.stringify(text)}`);
  const [, year = '', month, day, hour, minute, second] = match;
  const fullYear = utc ? `${Number(year) < 50 ? 20 : 19}${year}` : year;
  const iso = `${fullYear}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const date = new Date(iso);
  // Date carries 30 February over to March; the way back shows it.
  if (Number.isNaN(date.getTime()) || date.toISOString() !== iso)
    throw malformed(`${what} is no time: ${text}`);
  return date;
}

const hourMs = 3_600_000;

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** The wish went past the CA's end and was cut to it. */
  readonly clamped: boolean;
}

/**
 * New validity: notAfter = now + lifetime, never after the CA's; notBefore = now − backdate, the backdate at most a
 * tenth of what is left of the lifetime and an hour, never before the CA's. Whole seconds. Errors: CaExpired.
 */
export function validity(wish: {
  readonly now: Date;
  readonly lifetimeMs: number;
  readonly backdateMs: number;
  readonly ca: Pick<Certificate, 'notBefore' | 'notAfter'>;
}): Validity {
  const { now, lifetimeMs, backdateMs, ca } = wish;
  if (now < ca.notBefore) {
    throw new CertError(
      'CaExpired',
      `the CA is not valid before ${ca.notBefore.toISOString()}; check the clock`,
    );
  }
  const end = Math.min(now.getTime() + lifetimeMs, ca.notAfter.getTime());
  const notAfter = wholeSeconds(end);
  if (notAfter <= now) {
    throw new CertError(
      'CaExpired',
      `the CA ended at ${ca.notAfter.toISOString()}; nothing more can be signed with it; check the clock, or replace the CA`,
    );
  }
  const backdate = Math.max(0, Math.min(backdateMs, (end - now.getTime()) / 10, hourMs));
  const start = Math.max(now.getTime() - backdate, ca.notBefore.getTime());
  return {
    notBefore: wholeSeconds(start),
    notAfter,
    clamped: now.getTime() + lifetimeMs > ca.notAfter.getTime(),
  };
}

const wholeSeconds = (ms: number): Date => new Date(Math.floor(ms / 1000) * 1000);

/** RFC 3339 in UTC, whole seconds: as Kubernetes and the inventory write times. */
export function rfc3339(moment: Date): string {
  return `${moment.toISOString().slice(0, -'.000Z'.length)}Z`;
}

/** A moment that a file of ours tells people: a damaged date alone is no reason to refuse the file. */
export function shownMoment(text: string): string {
  const moment = new Date(text);
  return Number.isNaN(moment.getTime()) ? 'an unknown time' : rfc3339(moment);
}
