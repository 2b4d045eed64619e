// The end of a call by an error that nobody expected: how far it came only the journal can tell.
import { isInterrupted } from '../rotation/settle-earlier.ts';
import type { RotationNode } from '../rotation/types.ts';
import { exitCodes } from './exit-codes.ts';
import { localNode } from './local-node.ts';

/** The exit code: that every file is as it was is said only where no rotation is seen to be under way. */
export function exitOfUnexpected(node: () => RotationNode = localNode): number {
  try {
    return isInterrupted(node()) ? exitCodes.partlyDone : exitCodes.failed;
  } catch {
    // What cannot be seen may well be under way.
    return exitCodes.partlyDone;
  }
}
