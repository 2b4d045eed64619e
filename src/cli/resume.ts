// cert-renew resume: what the boot unit runs before the kubelet starts. Keys and certificates fit afterwards.
import process from 'node:process';
import { withLock } from '../host/lock.ts';
import { resumeAtBoot } from '../rotation/driver.ts';
import { findJournal } from '../rotation/journal.ts';
import { settleEarlier } from '../rotation/renew-files.ts';
import type { RotationNode } from '../rotation/types.ts';
import { exitCodes } from './exit-codes.ts';
import { localNode } from './local-node.ts';

const lockTimeoutMs = 30_000;

/** Resolves with the exit code. Errors: LockHeld, and what keeps files from fitting. */
export async function resume(signal: AbortSignal): Promise<number> {
  const node = localNode();
  return await withLock(node.layout.lock, { timeoutMs: lockTimeoutMs, signal }, () =>
    Promise.resolve(resumeLocked(node)),
  );
}

function resumeLocked(node: RotationNode): number {
  const found = findJournal(node.files, node.layout);
  // A person's own call is finished for good; a rotation of the controller goes on in its Pod.
  if (found.kind === 'journal' && found.journal.origin === 'cli')
    return say(settleEarlier(node), exitCodes.done);
  const { kind, messages } = resumeAtBoot(node);
  return say(messages, kind === 'stuck' ? exitCodes.failed : exitCodes.done);
}

function say(messages: readonly string[], code: number): number {
  for (const message of messages) process.stderr.write(`cert-renew resume: ${message}\n`);
  return code;
}
