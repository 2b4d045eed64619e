// How a call that renews and proves has ended, and its exit code: one way for `all` and `install`. Pure.
import type { CertificateId } from '../catalogue/ids.ts';
import type { Journal } from '../rotation/journal.ts';
import type { Outcome } from '../rotation/types.ts';
import { exitCodes } from './exit-codes.ts';

export type CallEnd = 'done' | 'restored' | 'refused' | 'nothing-due' | 'partly';

export const exitOfEnd = {
  done: exitCodes.done,
  restored: exitCodes.failed,
  refused: exitCodes.refused,
  'nothing-due': exitCodes.nothingToDo,
  partly: exitCodes.partlyDone,
} as const satisfies Record<CallEnd, number>;

export interface Ending {
  /** Of what was interrupted before this call, and is at its end now. */
  readonly earlier: Outcome | undefined;
  readonly outcome: Outcome;
  /** As this call left it; undefined: nothing was begun. */
  readonly journal: Journal | undefined;
}

export function endOf(ending: Ending): CallEnd {
  const { outcome } = ending.outcome;
  if (outcome === 'succeeded') return 'done';
  if (outcome === 'nothing-to-do') return idleAfter(ending.earlier);
  if (outcome === 'needs-manual' || !isUntouched(ending)) return 'partly';
  return outcome === 'rolled-back' ? 'restored' : 'refused';
}

/** A call that found nothing to do beside what was interrupted before it. */
export function idleAfter(earlier: Outcome | undefined): CallEnd {
  if (earlier === undefined) return 'nothing-due';
  return earlier.outcome === 'succeeded' ? 'done' : 'partly';
}

/** Every file is as it was before the call: a stage that was proved before another failed keeps its new ones. */
function isUntouched({ earlier, journal }: Ending): boolean {
  const untouched = ['pending', 'not-begun', 'rolled-back'];
  return earlier === undefined && (journal?.stages ?? []).every(({ state }) => untouched.includes(state));
}

/** Whether the new file lies there: of a stage that was rolled back or not begun it does not. */
export function holdsNew(journal: Journal | undefined, id: CertificateId): boolean {
  const stage = journal?.stages.find(({ certificates }) => certificates.some((each) => each.id === id));
  return stage === undefined || ['proved', 'unproved', 'kept'].includes(stage.state);
}
