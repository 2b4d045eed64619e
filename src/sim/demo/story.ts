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

/** What there is to say of a rotation now that was not said of it before; undefined: nothing. */
export function lineOf(
  rotation: CertificateRotation,
  said: string | undefined,
): { readonly key: string; readonly line: string | undefined } {
  const { spec, status } = rotation;
  const phase = status?.phase ?? 'Pending';
  // Why something waits is worth a line, not how long it has been waiting.
  const why = phase === 'Pending' ? (status?.reason ?? '') : '';
  const key = `${phase} ${why}`;
  if (key === said || phase === 'Scheduled') return { key, line: undefined };
  const message = status?.message ?? '';
  const about = isTold(phase) && message !== '' ? `: ${message}` : '';
  const what =
    spec.certificates.length > 2 ? `${spec.certificates.length} certificates` : spec.certificates.join(', ');
  return { key, line: `${spec.nodeName.padEnd(3)} ${words[phase] ?? phase} (${what})${about}` };
}

const isTold = (phase: string): boolean =>
  ['Pending', 'Succeeded', 'RolledBack', 'Failed', 'NeedsManual'].includes(phase);

export const verifiedLine = ({ node, id, serial }: Verified): string =>
  `${node.padEnd(3)} seen live: ${id} with serial ${serial.slice(0, 12)}…`;

export const violationLine = ({ kind, message }: Violation): string => `!!! ${kind}: ${message}`;

/** Seconds since the start, and the line, cut to what a terminal shows. */
export function told(milliseconds: number, line: string, width: number): string {
  const text = `${(milliseconds / 1000).toFixed(1).padStart(6)} s  ${line}`;
  return text.length > width ? `${text.slice(0, width - 1)}…` : text;
}

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
