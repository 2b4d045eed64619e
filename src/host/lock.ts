// One rotation at a time on a node, whoever runs it: flock(2) on a file of the host directory. A lock of the kernel,
// never a pid file: it ends with its process, and a pid of a Pod means nothing on the host.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { CertError } from '../errors.ts';
import { onFile } from './errno.ts';
import { libc } from './libc.ts';
import { makeOwnDirectory } from './own-directory.ts';

const retryMs = 200;

/**
 * Runs `work` while holding the lock, which is given back whatever comes.
 *
 * @param path where the lock file is seen by this process (in a Pod: under HOST_ROOT); its directory is made, or closed to others (0700)
 * @param options.timeoutMs how long to wait for another holder
 * @throws CertError LockHeld, Aborted, Io
 */
export async function withLock<T>(
  path: string,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
  work: () => Promise<T>,
): Promise<T> {
  const fd = onFile(path, () => {
    makeOwnDirectory(dirname(path));
    return fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_NOFOLLOW, 0o600);
  });
  try {
    await acquire(fd, path, options);
    return await work();
  } finally {
    fs.closeSync(fd);
  }
}

async function acquire(
  fd: number,
  path: string,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!tryLock(fd)) {
    if (signal.aborted) throw new CertError('Aborted', 'interrupted while waiting for the lock');
    if (performance.now() >= end) {
      throw new CertError(
        'LockHeld',
        `${path} is locked: another rotation works on this node; wait for its end, or see with: fuser ${path}`,
        { file: path },
      );
    }
    await wait(retryMs);
  }
}

function tryLock(fd: number): boolean {
  const library = libc();
  if (library !== undefined) return library.tryLock(fd);
  // The lock belongs to the open file, which the child shares: it stays with us when the child has gone.
  const { status, error } = spawnSync('flock', ['--exclusive', '--nonblock', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', fd],
  });
  if (error !== undefined)
    throw new CertError('Io', 'flock (util-linux) is needed to lock a node outside of the executable', {
      cause: error,
    });
  return status === 0;
}
