// How an installation ended, for the person who called it. Pure.
import type { CertificateId } from '../../catalogue/ids.ts';
import type { Journal } from '../../rotation/journal.ts';
import type { Outcome, OutcomeCertificate, OutcomeKind } from '../../rotation/types.ts';
import { exitOfEnd, holdsNew, type CallEnd } from '../call-end.ts';
import { exitCodes } from '../exit-codes.ts';
import { shownMoment } from '../../pki/time.ts';

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
      readonly end: CallEnd;
      readonly journal: Journal | undefined;
      readonly notes: readonly string[];
      readonly backups: string;
      /** How this program is called here. */
      readonly call: string;
    };

/** What the kubelet has renewed by itself meanwhile is done (R2), not nothing to do. */
const exits = { ...exitOfEnd, 'nothing-due': exitCodes.done } as const;

export const exitOf = (installed: Installed): number =>
  installed.kind === 'dry-run' ? exitCodes.done : exits[installed.end];

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
  const { outcome, end, notes } = installed;
  const { reason, message, certificates, steps } = outcome;
  const result: OutcomeKind = end === 'partly' ? 'needs-manual' : outcome.outcome;
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

const withSeconds = (each: OutcomeCertificate): OutcomeCertificate => ({
  ...each,
  oldNotAfter: shownMoment(each.oldNotAfter),
  newNotAfter: shownMoment(each.newNotAfter),
});

function linesOf(installed: Installed): string[] {
  const noted = installed.notes.map((note) => `note: ${note}`);
  if (installed.kind === 'dry-run') {
    const would = installed.due.map((each) => `${each.id}: would be installed, ${changeOf(each)}`);
    const there = installed.inPlace.map((id) => `${id}: is in place already, and would be proved`);
    return [...would, ...there, ...noted];
  }
  const { outcome, journal } = installed;
  return [
    ...outcome.certificates.map((each) => certificateLine(each, holdsNew(journal, each.id))),
    ...noted,
    lastLine(installed),
  ];
}

function certificateLine(each: OutcomeCertificate, isNew: boolean): string {
  if (!isNew) return `${each.id}: the old one is back`;
  const verb = each.oldSerial === each.newSerial ? 'in place' : `installed, ${changeOf(each)}`;
  return `${each.id}: ${verb}: ${each.proof ?? 'not proved'}`;
}

const changeOf = ({ oldSerial, newSerial, oldNotAfter, newNotAfter }: OutcomeCertificate): string =>
  `expires ${shownMoment(oldNotAfter)} → ${shownMoment(newNotAfter)}, serial ${oldSerial} → ${newSerial}`;

function lastLine({ outcome: { message }, end, call }: Installed & { readonly kind: 'ended' }): string {
  const lines: Readonly<Record<CallEnd, string>> = {
    done: `done: ${message}`,
    'nothing-due': `done: ${message}`,
    restored: `cert-renew: ${message}; every file is as it was`,
    refused: `cert-renew: ${message}; nothing was touched`,
    partly: `cert-renew: partly done: ${message}; mend that (on control planes: ${call} all), then run ${call} install again`,
  };
  return lines[end];
}
