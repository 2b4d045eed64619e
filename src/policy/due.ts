// When a certificate is due (R1). Every rule is a small function that says from which moment on it holds, so that
// «is it due?» and «when will it be?» (the plan) are one computation and cannot disagree.
//
//   due  ⇔  remaining < max(trigger share of Lold, min(trigger days, Lnew / 3))   and   gain ≥ 10 % of Lnew
//   Lold = min(notAfter − notBefore, profile): leaves of kubeadm begin with their CA, years ago; that is no lifetime
//   Lnew = min(profile, CA.notAfter − now):    a leaf never outlives its CA
import type { Reason } from './reasons.ts';

const day = 86_400_000;

/** The manual's (S3): what holds where nobody has configured anything else. */
export const manualTrigger = { percent: 20, days: 30 } as const;

/** The manual's lifetimes (S3) in milliseconds. */
export const manualLifetimes = { kubelet: 91 * day, 'control-plane': 365 * day } as const;

/** All lifetimes in milliseconds. */
export interface DueTerms {
  readonly certificate: { readonly notBefore: Date; readonly notAfter: Date };
  /** The lifetime that a new certificate of this kind would get. */
  readonly profile: number;
  /** Undefined: the CA is not known yet; the gates keep such a rotation from starting, not this rule. */
  readonly caNotAfter: Date | undefined;
  /** `percent` of the lifetime, 0 to 100; `days` may be fractional, 0 switches that rule off. */
  readonly trigger: { readonly percent: number; readonly days: number };
}

export interface DueInput extends DueTerms {
  readonly now: Date;
}

export interface DueAnswer {
  readonly due: boolean;
  readonly reason: Extract<Reason, 'NotDue' | 'Expired' | 'NearingExpiry' | 'NoGain'>;
  /** The moment after which it is due; undefined: never, since its CA ends before a renewal gains anything. */
  readonly dueAt: Date | undefined;
  readonly message: string;
}

/** From when on one rule holds, in milliseconds since 1970. Infinity: never. */
type Rule = (terms: DueTerms) => number;

// Any one of these makes a certificate want renewal …
const triggers: readonly Rule[] = [
  shareOfLifetimeRemains, // less than 20 % of the lifetime remains
  triggerDaysRemain, //      fewer than 30 days remain, or a third of the new lifetime where that is less
];

// … and each of these must hold as well, or renewing would only make the loop spin.
const conditions: readonly Rule[] = [
  gainsOnProfile, // the new end lies at least 10 % of the new lifetime after the old one
  gainsOnCa, //      the same, where the CA's end shortens the new lifetime
];

/** The moment after which it is due by R1, whenever it is asked; undefined: never, its CA ends before. */
export function dueMoment(terms: DueTerms): Date | undefined {
  const moment = Math.max(wantedFrom(terms), usefulFrom(terms));
  return moment >= caEnd(terms) ? undefined : new Date(moment);
}

/** Decides by R1, in words. */
export function decideDue(input: DueInput): DueAnswer {
  const now = input.now.getTime();
  const dueAt = now >= caEnd(input) ? undefined : dueMoment(input);
  const due = dueAt !== undefined && now > dueAt.getTime();
  if (!due && now > wantedFrom(input)) return noGain(input, dueAt);
  return due ? isDue(input, dueAt) : notDue(input, dueAt);
}

function wantedFrom(terms: DueTerms): number {
  return Math.min(...triggers.map((rule) => rule(terms)));
}

function usefulFrom(terms: DueTerms): number {
  return Math.max(...conditions.map((rule) => rule(terms)));
}

function shareOfLifetimeRemains({ certificate, profile, trigger }: DueTerms): number {
  const lifetime = certificate.notAfter.getTime() - certificate.notBefore.getTime();
  const counted = Math.max(0, Math.min(lifetime, profile));
  return certificate.notAfter.getTime() - (counted * trigger.percent) / 100;
}

/** remaining < days, and remaining < Lnew / 3 for both bounds of Lnew; each solved for the moment. */
function triggerDaysRemain(input: DueTerms): number {
  const notAfter = input.certificate.notAfter.getTime();
  return Math.max(
    notAfter - input.trigger.days * day,
    notAfter - input.profile / 3,
    (3 * notAfter - caEnd(input)) / 2,
  );
}

function gainsOnProfile({ certificate, profile }: DueTerms): number {
  return certificate.notAfter.getTime() - 0.9 * profile;
}

/** remaining ≤ 90 % of (CA.notAfter − moment), solved for the moment. */
function gainsOnCa(input: DueTerms): number {
  return 10 * input.certificate.notAfter.getTime() - 9 * caEnd(input);
}

function caEnd({ caNotAfter }: DueTerms): number {
  return caNotAfter?.getTime() ?? Number.POSITIVE_INFINITY;
}

function isDue(input: DueInput, dueAt: Date): DueAnswer {
  const { now, certificate } = input;
  if (now.getTime() > certificate.notAfter.getTime()) {
    return { due: true, reason: 'Expired', dueAt, message: `expired ${days(input, -1)} ago` };
  }
  return {
    due: true,
    reason: 'NearingExpiry',
    dueAt,
    message: `${days(input)} remain, due since ${dueAt.toISOString()}`,
  };
}

function notDue(input: DueInput, dueAt: Date | undefined): DueAnswer {
  const until =
    dueAt === undefined ? 'not to be renewed before its CA ends' : `due after ${dueAt.toISOString()}`;
  return { due: false, reason: 'NotDue', dueAt, message: `${days(input)} remain, ${until}` };
}

function noGain(input: DueInput, dueAt: Date | undefined): DueAnswer {
  const end = input.caNotAfter;
  const why =
    end === undefined
      ? 'a new one would hardly live longer'
      : `its CA ends ${end.toISOString()}, so a new one would hardly live longer; renew the CA`;
  return { due: false, reason: 'NoGain', dueAt, message: `${days(input)} remain, but ${why}` };
}

/** Remaining time for people. */
function days(input: DueInput, sign: 1 | -1 = 1): string {
  return timeText(sign * (input.certificate.notAfter.getTime() - input.now.getTime()));
}

/** Milliseconds for people: `30 d`, `2.5 h`, `6 min`; of the past with a sign. */
export function timeText(milliseconds: number): string {
  const size = Math.abs(milliseconds);
  if (size >= 2 * day) return `${Math.trunc(milliseconds / day)} d`;
  if (size >= 3_600_000) return `${(milliseconds / 3_600_000).toFixed(1)} h`;
  return `${Math.trunc(milliseconds / 60_000)} min`;
}
