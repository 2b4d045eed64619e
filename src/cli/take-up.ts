// What an earlier call, or the agent, did not bring to its end is taken up first by whoever works on a node.
import { apply, forget, type ApplyOptions } from '../rotation/driver.ts';
import { findJournal, writeJournal } from '../rotation/journal.ts';
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
  const { journal } = found;
  // Whoever began it: a person stands here now, before a node on which nothing may be changed under a running kubelet.
  if ((await lookAtCluster(node, journal.facts, signal)) !== 'alive')
    writeJournal(node.files, node.layout, { ...journal, origin: 'cli', cold: true });
  const outcome = await apply(node, options, signal);
  forget(node);
  return outcome;
}
