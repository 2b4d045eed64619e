// What an earlier call, or the agent, did not bring to its end is taken up first by whoever works on a node.
import { apply, forget, type ApplyOptions } from '../rotation/driver.ts';
import { findJournal, type Journal, type JournalStage } from '../rotation/journal.ts';
import { shownMoment } from '../pki/time.ts';
import type { Outcome, RotationNode } from '../rotation/types.ts';
import { lookAtCluster } from './all-node.ts';
import { complain } from './output.ts';

/** Undefined: nothing was interrupted. Errors: Aborted. */
export async function takeUp(
  node: RotationNode,
  options: ApplyOptions,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const found = findJournal(node.files, node.layout);
  if (found.kind !== 'journal' || found.journal.state !== 'applying') return undefined;
  complain(`${whatIsTakenUp(found.journal)}\n`);
  const cold = (await lookAtCluster(node, found.journal.facts, signal)) !== 'alive';
  // Whoever began it: a person stands here now.
  const outcome = await apply(node, { ...options, attended: true, cold }, signal);
  forget(node);
  return outcome;
}

const ended: readonly JournalStage['state'][] = ['proved', 'rolled-back', 'kept', 'failed', 'not-begun'];

function whatIsTakenUp({ createdAt, stages }: Journal): string {
  const open = stages.filter(({ state }) => !ended.includes(state)).map(({ name }) => name);
  const proved = stages.filter(({ state }) => state === 'proved').map(({ name }) => name);
  const already = proved.length === 0 ? '' : `; proved already: ${proved.join(', ')}`;
  const rest = open.length === 0 ? 'only its end is still to be written' : open.join(', ');
  return `what began at ${shownMoment(createdAt)} is taken up: ${rest}${already}`;
}
