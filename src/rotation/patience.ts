// How long a stage is waited for before a person, and with what he is content meanwhile (R15). Pure.
import type { Circumstances, Context } from './context.ts';
import type { JournalStage } from './journal.ts';

export interface Patience {
  /** Milliseconds; the component's own time by default. */
  readonly timeoutMs?: number;
  /** What this node alone can tell is enough for now. */
  readonly offlineIsEnough?: boolean;
}

/** As long as what a stage needs is not there, there is no sense in waiting for the whole proof. */
export function patienceFor(
  { journal, attended }: Pick<Context, 'journal' | 'attended'>,
  stage: JournalStage,
): Patience {
  if (attended !== true || stage.mayReturn === true) return {};
  const place = journal.stages.findIndex(({ name }) => name === stage.name);
  const earlier = journal.stages.slice(0, place);
  return earlier.some(({ state }) => state === 'unproved') ? withoutNeeds : {};
}

/** For the last look of a call. */
export function lastPatience(
  { cold }: Circumstances,
  { name, failure }: JournalStage,
  needsMissing: boolean,
): Patience {
  if (needsMissing) return withoutNeeds;
  // What was waited for in full already gets what a slow machine may need, but not all again.
  if (cold !== true) return failure === undefined ? {} : { timeoutMs: 30_000 };
  // A member that finds no quorum may look for it for ever.
  return name === 'etcd' ? { timeoutMs: 60_000 } : {};
}

const withoutNeeds: Patience = { offlineIsEnough: true, timeoutMs: 60_000 };
