// How long a stage is waited for before a person, and with what he is content meanwhile (R15). Pure.
import type { Context } from './context.ts';
import type { Journal, JournalStage } from './journal.ts';

export interface Patience {
  /** Milliseconds; the component's own time by default. */
  readonly timeoutMs?: number;
  /** What this node alone can tell is enough for now: the rest is looked at again at the end. */
  readonly offlineIsEnough?: boolean;
}

/** A person stands before the node, and calls again. */
export const isAttended = ({ origin }: Journal): boolean => origin === 'cli';

/** As long as what a stage needs is not there, there is no sense in waiting for the whole proof. */
export function patienceFor({ journal }: Pick<Context, 'journal'>, stage: JournalStage): Patience {
  if (!isAttended(journal) || stage.mayReturn === true) return {};
  const place = journal.stages.findIndex(({ name }) => name === stage.name);
  const isLast = place === journal.stages.length - 1;
  // First of all, since static Pods need it: the API that could accept its certificate comes after it.
  if (stage.name === 'kubelet' && !isLast) return { offlineIsEnough: true };
  const earlier = journal.stages.slice(0, place).filter(({ name }) => name !== 'kubelet');
  return earlier.some(({ state }) => state === 'unproved') ? { offlineIsEnough: true } : {};
}
