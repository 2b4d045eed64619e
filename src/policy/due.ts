// When a certificate is due (R1). Every rule is a small function that says from which moment on it holds, so that
// «is it due?» and «when will it be?» (the plan) are one computation and cannot disagree.
//
//   due  ⇔  remaining < max(trigger share of Lold, min(trigger days, Lnew / 3))   and   gain ≥ 10 % of Lnew
//   Lold = min(notAfter − notBefore, profile): leaves of kubeadm begin with their CA, years ago; that is no lifetime
//   Lnew = min(profile, CA.notAfter − now):    a leaf never outlives its CA
import type { Reason } from './reasons.ts';

const day = 86_400_000;

/** All lifetimes in milliseconds. */
export interface DueInput {
  readonly certificate: { readonly notBefore: Date; readonly notAfter: Date };
  /** The lifetime that a new certificate of this kind would get. */
  readonly profile: number;
  /** Undefined: the CA is not known yet; the gates keep such a rotation from starting, not this rule. */
  readonly caNotAfter: Date | undefined;
  readonly now: Date;
  /** `percent` of the lifetime, 0 to 100; `days` may be fractional, 0 switches that rule off. */
  readonly trigger: { readonly percent: number; readonly days: number };
}

export interface DueAnswer {
  readonly due: boolean;
  readonly reason: Extract<Reason, 'NotDue' | 'Expired' | 'NearingExpiry' | 'NoGain'>;
  /** The moment after which it is due; undefined: never, since its CA ends before a renewal gains anything. */
  readonly dueAt: Date | undefined;
  readonly message: string;
}

/** From when on one rule holds, in milliseconds since 1970. Infinity: never. */
type Rule = (input: DueInput) => number;

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

/** Decides by R1. */
export function decideDue(input: DueInput): DueAnswer {
  const wanted = Math.min(...triggers.map((rule) => rule(input)));
  const useful = Math.max(...conditions.map((rule) => rule(input)));
  const dueAt = Math.max(wanted, useful);
  const now = input.now.getTime();
  const never = dueAt >= caEnd(input) || now >= caEnd(input);
  if (now > wanted && (never || now <= dueAt)) return noGain(input, never ? undefined : new Date(dueAt));
  if (never) return notDue(input, undefined);
  if (now <= dueAt) return notDue(input, new Date(dueAt));
  return isDue(input, new Date(dueAt));
}

function shareOfLifetimeRemains({ certificate, profile, trigger }: DueInput): number {
  const lifetime = certificate.notAfter.getTime() - certificate.notBefore.getTime();
  const counted = Math.max(0, Math.min(lifetime, profile));
  return certificate.notAfter.getTime() - (counted * trigger.percent) / 100;
}

/** remaining < days, and remaining < Lnew / 3 for both bounds of Lnew; each solved for the moment. */
function triggerDaysRemain(input: DueInput): number {
  const notAfter = input.certificate.notAfter.getTime();
  return Math.max(
    notAfter - input.trigger.days * day,
    notAfter - input.profile / 3,
    (3 * notAfter - caEnd(input)) / 2,
  );
}

function gainsOnProfile({ certificate, profile }: DueInput): number {
  return certificate.notAfter.getTime() - 0.9 * profile;
}

/** remaining ≤ 90 % of (CA.notAfter − moment), solved for the moment. */
function gainsOnCa(input: DueInput): number {
  return 10 * input.certificate.notAfter.getTime() - 9 * caEnd(input);
}

function caEnd({ caNotAfter }: DueInput): number {
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

/** Remaining time for people: `30 d`, `2.5 h`, `6 min`. */
function days(input: DueInput, sign: 1 | -1 = 1): string {
  const remaining = sign * (input.certificate.notAfter.getTime() - input.now.getTime());
  if (Math.abs(remaining) >= 2 * day) return `${Math.floor(remaining / day)} d`;
  if (Math.abs(remaining) >= 3_600_000) return `${(remaining / 3_600_000).toFixed(1)} h`;
  return `${Math.floor(remaining / 60_000)} min`;
}
