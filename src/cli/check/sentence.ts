// The one sentence on top: safe until when, and what to do next. Pure.
import { timeText } from '../../policy/due.ts';
import type { End } from './decide.ts';
import type { CheckedCertificate, Verdict } from './judge.ts';
import type { NextStep } from './next.ts';
import type { SeenRotation } from './picture.ts';

export interface Told {
  readonly certificates: readonly CheckedCertificate[];
  readonly first: End | undefined;
  readonly next: readonly NextStep[];
  readonly stopped: readonly string[];
  readonly rotation: SeenRotation;
  readonly now: Date;
}

type Teller = (told: Told) => string | undefined;

/** How it stands: the first that has something to say. */
const states: readonly Teller[] = [nothingThere, caExpired, expired, unknown, due, fine];

/** What is added to it. */
const additions: readonly Teller[] = [unfinished, notRunning, next];

export function sentenceOf(told: Told): string {
  const state = states.map((each) => each(told)).find((each) => each !== undefined) ?? '';
  return [state, ...additions.flatMap((each) => each(told) ?? [])].join('; ');
}

const withVerdict = (
  { certificates }: Told,
  ...verdicts: readonly Verdict[]
): readonly CheckedCertificate[] => certificates.filter(({ verdict }) => verdicts.includes(verdict));

/** Leaves: what is said of CAs is said by name. */
const counted = ({ certificates }: Told): readonly CheckedCertificate[] =>
  certificates.filter(({ verdict, row }) => verdict !== 'NotCounted' && row.kind !== 'ca');

function nothingThere({ certificates }: Told): string | undefined {
  if (certificates.some(({ row }) => row.kind === 'unreadable' || row.serial !== '')) return undefined;
  return 'NOT known: there is no certificate of Kubernetes that can be read here; run it as root on a node, or name files';
}

function caExpired(told: Told): string | undefined {
  const [ca] = withVerdict(told, 'Expired').filter(({ row }) => row.kind === 'ca');
  if (ca === undefined) return undefined;
  return `NOT safe: the CA ${ca.row.path} expired ${ago(told, new Date(ca.row.notAfter))}, and with it all that it signed`;
}

function expired(told: Told): string | undefined {
  const all = withVerdict(told, 'Expired').filter(({ row }) => row.kind !== 'ca');
  if (all.length === 0 || told.first === undefined) return undefined;
  const { at, of } = told.first;
  const who = all.length === 1 ? of.row.id : `${all.length} of ${counted(told).length} certificates`;
  const since = all.length === 1 ? 'expired' : `have expired, ${of.row.id} first,`;
  return `NOT safe: ${who} ${since} ${ago(told, at)}`;
}

function unknown(told: Told): string | undefined {
  const all = withVerdict(told, 'Unreadable', 'Broken');
  const [first] = all;
  if (first === undefined) return undefined;
  const more = all.length === 1 ? '' : ` (and ${all.length - 1} more)`;
  const what = first.remarks[0] ?? 'cannot be read';
  return `NOT known to be safe: ${what.includes(first.row.path) ? what : `${first.row.id}: ${what}`}${more}`;
}

function due(told: Told): string | undefined {
  const all = withVerdict(told, 'Due');
  if (all.length === 0) return undefined;
  const restarts = all.filter(({ todo }) => todo === 'restart').length;
  const renewals = all.length - restarts;
  const what = [
    ...(renewals > 0
      ? [`${renewals} of ${counted(told).length} certificates ${renewals === 1 ? 'is' : 'are'} due`]
      : []),
    ...(restarts > 0 ? [`${restarts} ${restarts === 1 ? 'is' : 'are'} not in use yet`] : []),
  ];
  return `${safeUntil(told)}; ${what.join(', ')}`;
}

function fine(told: Told): string | undefined {
  const moments = told.certificates.flatMap(({ verdict, dueAt, row }) =>
    verdict === 'Fine' && dueAt !== undefined ? [{ dueAt, id: row.id }] : [],
  );
  const [soonest] = moments.toSorted((a, b) => a.dueAt.getTime() - b.dueAt.getTime());
  const quiet = soonest === undefined ? '' : `; nothing is due before ${date(soonest.dueAt)} (${soonest.id})`;
  return `${safeUntil(told)}${quiet}`;
}

function safeUntil({ first, now }: Told): string {
  if (first === undefined) return 'Nothing here counts';
  return `Safe until ${date(first.at)} (${timeText(first.at.getTime() - now.getTime())}), when ${first.of.row.id} ends`;
}

function unfinished({ rotation }: Told): string | undefined {
  return rotation.kind === 'none' ? undefined : rotation.text;
}

function notRunning({ stopped }: Told): string | undefined {
  return stopped.length === 0 ? undefined : `not running: ${stopped.join(', ')}`;
}

function next({ next: steps }: Told): string | undefined {
  return steps.length === 0 ? undefined : `next: ${steps.map(({ say }) => say).join('; ')}`;
}

const ago = ({ now }: Told, at: Date): string =>
  `${timeText(now.getTime() - at.getTime())} ago, on ${date(at)}`;

const date = (at: Date): string => at.toISOString().slice(0, 10);
