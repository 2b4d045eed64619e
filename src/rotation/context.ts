// What the steps of one rotation share: the node, the journal as it was last written, and time.
import type { Component } from '../catalogue/ids.ts';
import { CertError } from '../errors.ts';
import type { Journal, JournalStage } from './journal.ts';
import { withStage, writeJournal } from './journal.ts';
import { stageRules, type StageName } from './stages.ts';
import type { OutcomeStep, RotationNode, Timeouts } from './types.ts';

/** Who works on the node, and how it is found: seen by each call for itself, since the next one may find it otherwise. */
export interface Circumstances {
  /** A person stands before it, and what cannot be proved yet waits for the next call (R15). */
  readonly attended?: boolean;
  /** The kubelet is down, or the API that it needs: everything is put in place, then started together (R15). */
  readonly cold?: boolean;
}

export interface Context extends Circumstances {
  readonly node: RotationNode;
  readonly timeouts: Timeouts;
  readonly signal: AbortSignal;
  readonly told?: (journal: Journal) => void;
  /** As it lies on the disk. */
  journal: Journal;
}

/** Changes one stage and writes the journal: only after that may the next thing be touched. */
export function saveStage(context: Context, name: StageName, change: Partial<JournalStage>): JournalStage {
  save(context, withStage(context.journal, name, change));
  return stageOfJournal(context.journal, name);
}

/** The same in memory alone: for a state after which the journal's next change is the caller's, who ends it. */
export function setStage(context: Context, name: StageName, change: Partial<JournalStage>): JournalStage {
  context.journal = withStage(context.journal, name, change);
  context.told?.(context.journal);
  return stageOfJournal(context.journal, name);
}

export function save(context: Context, journal: Journal): void {
  writeJournal(context.node.files, context.node.layout, journal);
  context.journal = journal;
  context.told?.(journal);
}

export function stageOfJournal(journal: Journal, name: StageName): JournalStage {
  const stage = journal.stages.find((each) => each.name === name);
  if (stage === undefined) throw new CertError('JournalForeign', `the journal has no stage ${name}`);
  return stage;
}

export const componentOf = (name: StageName): Component => stageRules[name].component;

export const timeoutOf = (context: Context, name: StageName): number =>
  context.timeouts.component[componentOf(name)] ?? 90_000;

/** Adds a step to the journal in memory; it is written with the next state. */
export function note(
  context: Context,
  startedAt: Date,
  step: Pick<OutcomeStep, 'name' | 'result' | 'message'>,
): void {
  const { message, ...rest } = step;
  const entry: OutcomeStep = {
    ...rest,
    startedAt: startedAt.toISOString(),
    finishedAt: context.node.now().toISOString(),
    ...(message === undefined || message === '' ? {} : { message }),
  };
  context.journal = { ...context.journal, steps: [...context.journal.steps, entry] };
}
