// The executable that runs, by its bytes: whether another copy of it is the same.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import process from 'node:process';
import type { Files } from './files.ts';
import { libc } from './libc.ts';

/** What runs, also when another file has taken its name since. */
const running = '/proc/self/exe';

let own: string | undefined;

/** Undefined under plain Node, whose executable is not ours. */
export function ownSha256(): string | undefined {
  if (libc() !== undefined) own ??= hashOf(fs.openSync(ownPath(), fs.constants.O_RDONLY));
  return own;
}

/**
 * Whether a file of the node is the executable that runs, or a copy of it. Undefined under plain Node. Only a copy of the
 * same length is read to its end: that takes two tenths of a second.
 */
export function isOwnExecutable(files: Files, path: string): boolean | undefined {
  if (libc() === undefined) return undefined;
  const mine = fs.statSync(ownPath(), { bigint: true });
  const stat = files.stat(path);
  if (stat === undefined || BigInt(stat.size) !== mine.size) return false;
  if (stat.dev === mine.dev && stat.ino === mine.ino) return true;
  return files.sha256(files.realpath(path)) === ownSha256();
}

/** A rescue system may have no /proc. */
const ownPath = (): string => (fs.existsSync(running) ? running : process.execPath);

/** Piece by piece: an executable has a hundred megabytes. Throws what node:fs throws. */
export function sha256OfFile(realPath: string): string {
  return hashOf(fs.openSync(realPath, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW));
}

/** Closes it. */
function hashOf(fd: number): string {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(1024 * 1024);
  try {
    for (let length = fs.readSync(fd, buffer); length > 0; length = fs.readSync(fd, buffer))
      hash.update(buffer.subarray(0, length));
    return hash.digest('hex');
  } finally {
    fs.closeSync(fd);
  }
}
