// The demo told in the terminal, a line an event. Pure.
import type { CertificateRotation } from '../../kube/types.ts';
import type { Verified, Violation } from '../observer/judge.ts';

const words: Readonly<Record<string, string>> = {
  Scheduled: 'planned',
  Pending: 'waits',
  Admitted: 'may go',
  Running: 'at work',
  Verifying: 'proved on the node; asked again from outside',
  Succeeded: 'SUCCEEDED',
  RolledBack: 'ROLLED BACK',
  Failed: 'FAILED',
  NeedsManual: 'NEEDS A PERSON',
  Superseded: 'superseded',
};

export interface Told {
  /** What is not to be said twice. */
  readonly key: string;
  readonly line: string | undefined;
  /** Too good to be cut. */
  readonly isWhole: boolean;
}

/** What there is to say of a rotation now that was not said of it before; undefined: nothing. */
export function lineOf(rotation: CertificateRotation, said: string | undefined): Told {
  const { spec, status } = rotation;
  // A moment after it was made nothing is said of it yet.
  const phase = status?.phase ?? 'Scheduled';
  // Why something waits is worth a line, not how long it has been waiting.
  const why = phase === 'Pending' ? (status?.reason ?? '') : '';
  const key = `${phase} ${why}`;
  if (key === said || phase === 'Scheduled') return { key, line: undefined, isWhole: false };
  const message = status?.message ?? '';
  const about = isTold(phase) && message !== '' ? `: ${message}` : '';
  const what =
    spec.certificates.length > 2 ? `${spec.certificates.length} certificates` : spec.certificates.join(', ');
  const line = `${spec.nodeName.padEnd(3)} ${words[phase] ?? phase} (${what})${about}`;
  // What a person must type stands at its end.
  return { key, line, isWhole: phase === 'NeedsManual' };
}

const isTold = (phase: string): boolean =>
  ['Pending', 'Succeeded', 'RolledBack', 'Failed', 'NeedsManual'].includes(phase);

/** Whether every certificate of a rotation was seen in use. */
export const isVerified = ({ spec }: CertificateRotation, seen: readonly Verified[]): boolean =>
  spec.certificates.every((wanted) => seen.some(({ node, id }) => node === spec.nodeName && id === wanted));

export const verifiedLine = ({ node, id, serial }: Verified): string =>
  `${node.padEnd(3)} seen live: ${id} with serial ${serial.slice(0, 12)}…`;

export const violationLine = ({ kind, message }: Violation): string => `!!! ${kind}: ${message}`;

/** Seconds since the start, and the line, cut to what a terminal shows, or broken into as many as it needs. */
export function told(milliseconds: number, line: string, width: number, isWhole = false): string {
  const text = `${(milliseconds / 1000).toFixed(1).padStart(6)} s  ${line}`;
  if (text.length <= width) return text;
  return isWhole ? broken(text, width).join('\n') : `${text.slice(0, width - 1)}…`;
}

const indent = ' '.repeat(14);

/** At blanks; what has none stays as it is, since it may be something to copy. */
function broken(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : `${indent}${word}`);
  }
  return lines;
}

/** The last line: these keys and no others are what a reader of it may count on. */
export interface Tally {
  readonly rotations: number;
  readonly verified: number;
  readonly rolledBack: number;
  readonly violations: number;
  readonly nodes: number;
}

/** Only what was seen by an eye that is not the product's own counts. */
export const exitCodeOf = ({ verified, violations }: Tally): number =>
  verified > 0 && violations === 0 ? 0 : 1;
