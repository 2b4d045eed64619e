// Holds a rotation open between two renames: the process that swaps the files is caught at its start, and strace lets it
// wait before each rename. Nothing of the product knows of it.
import { spawn } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Bed } from './bed.ts';
import { errorCode, run } from './command.ts';
import { repository } from './product.ts';

export interface Pair {
  readonly key: string;
  readonly certificate: string;
}

/**
 * Waits for the agent's `apply`, slows its renames down, and kills the node's PID 1 at the moment at which the key is new
 * and the certificate is not.
 */
export async function losePowerBetween(bed: Bed, node: string, pair: Pair, seconds: number): Promise<void> {
  await run(join(repository, 'scripts/debian.sh'), ['install', 'strace']);
  const end = performance.now() + seconds * 1000;
  const before = inodesOf(bed, node, pair);
  const pid = await catchApply(bed, node, end);
  const strace = slowDown(pid);
  try {
    await strace.attached;
    process.kill(pid, 'SIGCONT');
    for (;;) {
      const now = inodesOf(bed, node, pair);
      const [keyIsNew, certificateIsNew] = [now.key !== before.key, now.certificate !== before.certificate];
      if (certificateIsNew) throw new Error('the certificate was renamed before the moment was seen');
      if (keyIsNew) break;
      if (performance.now() > end) throw new Error(`the key of ${pair.key} was not renamed in ${seconds} s`);
      await nextTurn();
    }
    process.kill(Number(readFileSync(`${bed.state}/${node}/pid`, 'utf8')), 'SIGKILL');
    // strace holds the second rename until nothing of the node is left
    await bed.kill(node);
  } finally {
    strace.end();
  }
}

function inodesOf(bed: Bed, node: string, pair: Pair): { key: number; certificate: number } {
  const inode = (path: string) => statSync(bed.file(node, path)).ino;
  return { key: inode(pair.key), certificate: inode(pair.certificate) };
}

/** Stops the process before it has done anything: its first steps take longer than one turn here. */
async function catchApply(bed: Bed, node: string, end: number): Promise<number> {
  while (performance.now() < end) {
    const pid = bed.processes(node).find(isApply);
    if (pid !== undefined) {
      process.kill(pid, 'SIGSTOP');
      return pid;
    }
    await nextTurn();
  }
  throw new Error('the container that swaps the files did not start');
}

function isApply(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').endsWith('/cert-renew\0agent\0apply\0');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errorCode(error))) return false;
    throw error;
  }
}

const renames = 'rename,renameat,renameat2';

function slowDown(pid: number): { readonly attached: Promise<void>; end(): void } {
  const child = spawn(
    'strace',
    ['-f', '-p', String(pid), '-e', `trace=${renames}`, '-e', `inject=${renames}:delay_enter=400000`],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-4000);
    if (said.includes('attached')) resolve();
  });
  child.on('error', reject);
  child.on('close', () => reject(new Error(`strace ended: ${said}`)));
  return { attached: promise, end: () => void child.kill('SIGTERM') };
}
