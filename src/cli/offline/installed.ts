// How an installation ended, for the person who called it. Pure.
import type { CertificateId } from '../../catalogue/ids.ts';
import type { Outcome, OutcomeCertificate, OutcomeKind } from '../../rotation/types.ts';
import { exitCodes } from '../exit-codes.ts';
import { rfc3339 } from '../../pki/time.ts';

export type Installed =
  | {
      readonly kind: 'dry-run';
      readonly due: readonly OutcomeCertificate[];
      readonly inPlace: readonly CertificateId[];
      readonly notes: readonly string[];
    }
  | {
      readonly kind: 'ended';
      readonly outcome: Outcome;
      readonly notes: readonly string[];
      readonly backups: string;
    };

const exits = {
  succeeded: exitCodes.done,
  'nothing-to-do': exitCodes.done,
  'rolled-back': exitCodes.failed,
  refused: exitCodes.refused,
  'needs-manual': exitCodes.partlyDone,
} as const satisfies Record<OutcomeKind, number>;

export const exitOf = (installed: Installed): number =>
  installed.kind === 'dry-run' ? exitCodes.done : exits[installed.outcome.outcome];

/** `isError`: it belongs on standard error. */
export function renderInstalled(
  installed: Installed,
  { json }: { readonly json: boolean },
): { readonly text: string; readonly isError: boolean } {
  if (json) return { text: `${JSON.stringify(valueOf(installed))}\n`, isError: false };
  const isError = exitOf(installed) !== exitCodes.done;
  return { text: `${linesOf(installed).join('\n')}\n`, isError };
}

function valueOf(installed: Installed): object {
  if (installed.kind === 'dry-run') {
    const { due, inPlace, notes } = installed;
    return { schema: 1, dryRun: true, certificates: due.map(withSeconds), inPlace, notes };
  }
  const { outcome, notes } = installed;
  const { outcome: result, reason, message, certificates, steps } = outcome;
  return {
    schema: 1,
    dryRun: false,
    result,
    reason,
    message,
    certificates: certificates.map(withSeconds),
    steps,
    notes,
  };
}

const seconds = (time: string): string => rfc3339(new Date(time));

const withSeconds = (each: OutcomeCertificate): OutcomeCertificate => ({
  ...each,
  oldNotAfter: seconds(each.oldNotAfter),
  newNotAfter: seconds(each.newNotAfter),
});

function linesOf(installed: Installed): string[] {
  const noted = installed.notes.map((note) => `note: ${note}`);
  if (installed.kind === 'dry-run') {
    const would = installed.due.map((each) => `${each.id}: would be installed, ${changeOf(each)}`);
    const there = installed.inPlace.map((id) => `${id}: is in place already, and would be proved`);
    return [...would, ...there, ...noted];
  }
  const { outcome } = installed;
  return [
    ...outcome.certificates.map((each) => certificateLine(each, outcome)),
    ...noted,
    lastLine(installed),
  ];
}

function certificateLine(each: OutcomeCertificate, { outcome }: Outcome): string {
  if (outcome === 'rolled-back') return `${each.id}: the old one is back`;
  const verb = each.oldSerial === each.newSerial ? 'in place' : `installed, ${changeOf(each)}`;
  return `${each.id}: ${verb}: ${each.proof ?? 'not proved'}`;
}

const changeOf = ({ oldSerial, newSerial, oldNotAfter, newNotAfter }: OutcomeCertificate): string =>
  `expires ${seconds(oldNotAfter)} → ${seconds(newNotAfter)}, serial ${oldSerial} → ${newSerial}`;

function lastLine({ outcome: { outcome, message } }: Installed & { readonly kind: 'ended' }): string {
  if (outcome === 'succeeded' || outcome === 'nothing-to-do') return `done: ${message}`;
  if (outcome === 'rolled-back') return `cert-renew: ${message}; every file is as it was`;
  if (outcome === 'refused') return `cert-renew: ${message}; nothing was touched`;
  return `cert-renew: partly done: ${message}; mend that (on control planes: cert-renew all), then run cert-renew install again`;
}
