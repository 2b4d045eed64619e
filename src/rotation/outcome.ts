// How a rotation ended, from its journal. Pure.
import type { Reason } from '../policy/reasons.ts';
import type { Journal, JournalStage } from './journal.ts';
import { stageNames, stageRules } from './stages.ts';
import type { Outcome, OutcomeCertificate, OutcomeKind, OutcomeStep } from './types.ts';

export function outcomeOf(journal: Journal): Outcome {
  const { kind, reason, message } = verdict(journal);
  const notes = journal.notes.length === 0 ? '' : ` (${journal.notes.join('; ')})`;
  return {
    schema: 1,
    outcome: kind,
    reason,
    message: `${message}${notes}`,
    steps: journal.steps,
    certificates: certificatesOf(journal),
  };
}

/** An end without a journal of its own: of this rotation nothing was touched. */
export function endedBefore(
  kind: 'refused' | 'needs-manual' | 'nothing-to-do',
  reason: Reason,
  message: string,
  steps: readonly OutcomeStep[] = [],
): Outcome {
  return { schema: 1, outcome: kind, reason, message, steps, certificates: [] };
}

interface Verdict {
  readonly kind: OutcomeKind;
  readonly reason: Reason;
  readonly message: string;
}

function verdict(journal: Journal): Verdict {
  const { stages } = journal;
  const bad = stages.find(({ state }) => state !== 'proved' && state !== 'unproved');
  if (bad === undefined)
    return stages.every(({ state }) => state === 'proved') ? success(stages) : waiting(stages);
  const why = `${bad.name}: ${bad.failure ?? 'not begun'}`;
  // New files that wait for their proof are more than another stage's return, or that it was never begun.
  const isBack = bad.state === 'not-begun' || bad.state === 'rolled-back';
  if (isBack && stages.some(({ state }) => state === 'unproved')) {
    const { message, ...rest } = waiting(stages);
    return { ...rest, message: `${message}; ${why}` };
  }
  if (bad.state === 'not-begun') {
    const nothingDone = stages.every(({ state }) => state === 'not-begun' || state === 'pending');
    const kind = nothingDone ? 'refused' : 'rolled-back';
    return { kind, reason: 'PreflightFailed', message: `${why}; nothing of it was changed` };
  }
  if (bad.state === 'rolled-back')
    return { kind: 'rolled-back', reason: failureReason(bad), message: `${why}; the old files are back` };
  if (bad.state === 'kept') {
    const message = `${why}; the new files stay, since the old state was no place to return to`;
    return { kind: 'needs-manual', reason: 'OldStateUnsafe', message };
  }
  const reason = bad.state === 'failed' ? failureReason(bad) : 'Interrupted';
  return { kind: 'needs-manual', reason, message: why };
}

function success(stages: readonly JournalStage[]): Verdict {
  const certificates = stages.flatMap((stage) => stage.certificates);
  const count = certificates.length;
  if (certificates.every(({ rotatedByKubelet }) => rotatedByKubelet === true))
    return { kind: 'succeeded', reason: 'KubeletRotated', message: 'the kubelet had renewed it by itself' };
  return { kind: 'succeeded', reason: 'Renewed', message: `${count} renewed and proved` };
}

/** All files are new; what is missing is told of the stage that the others wait for. */
function waiting(stages: readonly JournalStage[]): Verdict {
  const unproved = stageNames.flatMap(
    (name) => stages.find((each) => each.name === name && each.state === 'unproved') ?? [],
  );
  const wrong = unproved.filter(({ offline }) => offline !== '');
  const names = unproved.map(({ name }) => name).join(', ');
  const [first] = wrong.length > 0 ? wrong : unproved;
  const here =
    wrong.length > 0 ? 'the new files are in place' : 'the new files are in place and were taken up';
  const message = `${names}: ${here}, but not proved yet (${first?.name ?? ''}: ${first?.offline || first?.failure || ''})`;
  return { kind: 'needs-manual', reason: 'NotProved', message };
}

function failureReason({ name, swappedAt }: JournalStage): Reason {
  if (swappedAt === undefined) return 'RolledBack';
  const { steps } = stageRules[name];
  return steps.includes('annotate') || steps.includes('restart') ? 'ComponentDidNotReturn' : 'NotProved';
}

function certificatesOf({ stages }: Journal): OutcomeCertificate[] {
  return stages.flatMap(({ certificates, state }) =>
    certificates.flatMap(({ id, oldSerial, newSerial, oldNotAfter, newNotAfter, proof }) => {
      if (id === undefined) return [];
      const common = { id, oldSerial, newSerial, oldNotAfter, newNotAfter };
      return [state === 'proved' && proof !== undefined ? { ...common, proof } : common];
    }),
  );
}
