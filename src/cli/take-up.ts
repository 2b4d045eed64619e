// What an earlier call, or the agent, did not bring to its end is taken up first by whoever works on a node.
import { apply, forget, type ApplyOptions } from '../rotation/driver.ts';
import { findJournal } from '../rotation/journal.ts';
import type { Outcome, RotationNode } from '../rotation/types.ts';
import { lookAtCluster } from './all-node.ts';

/** Undefined: nothing was interrupted. Errors: Aborted. */
export async function takeUp(
  node: RotationNode,
  options: ApplyOptions,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const found = findJournal(node.files, node.layout);
  if (found.kind !== 'journal' || found.journal.state !== 'applying') return undefined;
  const cold = (await lookAtCluster(node, found.journal.facts, signal)) !== 'alive';
  // Whoever began it: a person stands here now.
  const outcome = await apply(node, { ...options, attended: true, cold }, signal);
  forget(node);
  return outcome;
}
