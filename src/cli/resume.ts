// cert-renew resume: what the boot unit runs before the kubelet starts. Keys and certificates fit afterwards.
import { Command } from 'commander';
import { describeError } from '../errors.ts';
import { withLock } from '../host/lock.ts';
import { resumeAtBoot } from '../rotation/driver.ts';
import { findJournal, type FoundJournal } from '../rotation/journal.ts';
import { settle } from '../rotation/settle-earlier.ts';
import type { RotationNode } from '../rotation/types.ts';
import { exitCodes } from './exit-codes.ts';
import { complain } from './output.ts';
import { parse, unlessHelp } from './grammar.ts';
import { localNode } from './local-node.ts';
import { ownCall } from './own-call.ts';

const lockTimeoutMs = 30_000;

export const command = (): Command =>
  new Command('cert-renew resume').description(
    'Make keys and certificates fit that an interrupted rotation left behind; the boot unit runs it.',
  );

export async function run(arguments_: readonly string[], signal: AbortSignal): Promise<number> {
  return await unlessHelp(parse(command(), arguments_), async () => resume(signal));
}

/** Resolves with the exit code. Errors: LockHeld, before anything was touched. */
export async function resume(signal: AbortSignal, node: RotationNode = localNode()): Promise<number> {
  return await withLock(node.layout.lock, { timeoutMs: lockTimeoutMs, signal }, () =>
    Promise.resolve(resumeLocked(node)),
  );
}

/** Files that do not fit are no state that was returned to: the next call tries again. */
function resumeLocked(node: RotationNode): number {
  try {
    const found = findJournal(node.files, node.layout);
    // A call with named files is finished for good; all else goes on, in its Pod or by the next `cert-renew all`.
    if (found.kind === 'journal' && found.journal.stages.every(({ name }) => name === 'files')) {
      const { notes, stuck } = settle(node);
      return tell([...notes, stuck ?? 'keys and certificates fit'], stuck !== undefined);
    }
    const { kind, messages } = resumeAtBoot(node);
    return tell(kind === 'stuck' ? messages : [...messages, endOf(found)], kind === 'stuck');
  } catch (error) {
    return tell([describeError(error)], true);
  }
}

/** What is left to others. It is the same before files were made to fit as after. */
function endOf(found: FoundJournal): string {
  if (found.kind !== 'journal') return 'nothing was interrupted on this node';
  return found.journal.state === 'applying'
    ? `no file is half replaced; the rotation itself goes on in its Pod, or by ${ownCall()} all`
    : 'nothing was interrupted on this node: of the rotation that lies here no file is half done';
}

function tell(messages: readonly string[], isStuck: boolean): number {
  for (const message of messages) complain(`cert-renew resume: ${message}\n`);
  return isStuck ? exitCodes.partlyDone : exitCodes.done;
}
