// The executable that runs, by its bytes: whether another copy of it is the same.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import process from 'node:process';
import { libc } from './libc.ts';

let own: string | undefined;

/** Undefined under plain Node, whose executable is not ours. */
export function ownSha256(): string | undefined {
  if (libc() !== undefined) own ??= sha256OfFile(process.execPath);
  return own;
}

/** Piece by piece: an executable has a hundred megabytes. Throws what node:fs throws. */
export function sha256OfFile(realPath: string): string {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(1024 * 1024);
  const fd = fs.openSync(realPath, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW);
  try {
    for (let length = fs.readSync(fd, buffer); length > 0; length = fs.readSync(fd, buffer))
      hash.update(buffer.subarray(0, length));
    return hash.digest('hex');
  } finally {
    fs.closeSync(fd);
  }
}
