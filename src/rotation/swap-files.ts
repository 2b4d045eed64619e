// The swap of named files, all or none: whatever fails after the first write, the old files are put back and nothing of
// the call is left; where that fails as well the journal stays, for the next call or the boot.
import { CertError, describeError } from '../errors.ts';
import { removeFlatDirectory } from './bytes.ts';
import type { Context } from './context.ts';
import { forget } from './driver.ts';
import { removeJournal } from './journal.ts';
import { layDraft, type Draft } from './prepare.ts';
import { removeRecoverUnit } from './recover-unit.ts';
import { runStage } from './stage.ts';
import { liveState, swap } from './swap.ts';
import { defaultTimeouts, type RotationNode } from './types.ts';

export interface SwapOptions {
  /** Backups are removed again after success. */
  readonly noBackup?: boolean;
  readonly keepBackups?: number;
}

export type SwapEnd =
  | {
      readonly done: true;
      readonly backup: { readonly backup?: string };
      /** What could not be tidied up. */
      readonly problems: readonly string[];
    }
  | { readonly done: false; readonly message: string; readonly isRestored: boolean };

/** Never rejects: how it ended is the answer, also for a fault of ours, since files were touched. */
export async function swapAll(
  node: RotationNode,
  made: Draft,
  options: SwapOptions,
  signal: AbortSignal,
): Promise<SwapEnd> {
  const { journal } = made;
  const context: Context = { node, timeouts: defaultTimeouts, signal, journal };
  const failure = await failureOf(context, made);
  if (failure !== undefined) return undo(context, failure, options);
  const problem = attempt(() => close(node, journal.id, options, options.noBackup !== true));
  return {
    done: true,
    backup: options.noBackup === true ? {} : { backup: `${node.layout.backups}/${journal.id}` },
    problems: problem === undefined ? [] : [`all is renewed, but not all was tidied up: ${problem}`],
  };
}

/** Undefined when every file is in its place. */
async function failureOf(context: Context, made: Draft): Promise<string | undefined> {
  try {
    // Nothing comes between making and applying here: the journal is first written when the stage begins to swap.
    context.journal = { ...made.journal, state: 'applying' };
    layDraft(context.node, made);
    const [stage] = context.journal.stages;
    if (stage === undefined) throw new CertError('Usage', 'no certificate was found in the named files');
    const ended = await runStage(context, stage);
    return ended.state === 'proved' ? undefined : (ended.failure ?? 'nothing was changed');
  } catch (error) {
    return describeError(error);
  }
}

/** By what the files are, not by what the journal could still be told: it may be the journal that cannot be written. */
function undo({ node, journal }: Context, message: string, options: SwapOptions): SwapEnd {
  const { files } = node;
  const problem = attempt(() => {
    for (const stage of journal.stages) {
      const renewed = stage.files.filter((file) => liveState(files, file) === 'new');
      swap(files, renewed, 'back', journal.id);
    }
    close(node, journal.id, options, false);
  });
  if (problem === undefined || message.includes(problem))
    return { done: false, message, isRestored: problem === undefined };
  return {
    done: false,
    message: `${message}; and what was begun could not be undone: ${problem}`,
    isRestored: false,
  };
}

/** Leaves nothing of a call but, where wanted, its backup. The journal goes first: without it nothing of the rest counts. */
function close(node: RotationNode, id: string, { keepBackups }: SwapOptions, keepsBackup: boolean): void {
  const { files, layout } = node;
  removeRecoverUnit(files);
  removeJournal(files, layout, id);
  removeFlatDirectory(files, `${layout.staging}/${id}`);
  if (!keepsBackup) removeFlatDirectory(files, `${layout.backups}/${id}`);
  forget(node, keepBackups);
}

/** What failed, in words. */
function attempt(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return describeError(error);
  }
}
