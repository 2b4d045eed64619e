// Small things about bytes and names that the procedure uses everywhere.
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { besideName } from '../host/beside.ts';
import type { Files } from '../host/files.ts';

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Latin-1 maps every byte to one character and back: text that is not UTF-8 survives an edit. */
export const toText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
export const toBytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

/** sha256 of a regular file; undefined when there is none at that name. */
export function hashOf(files: Files, path: string): string | undefined {
  return files.lstat(path)?.kind === 'file' ? sha256(files.read(path)) : undefined;
}

/** Makes a directory and those above it (0700), and makes their names last. */
export function makeDirectories(files: Files, path: string): void {
  if (files.stat(path) !== undefined) return;
  makeDirectories(files, posix.dirname(path));
  files.mkdir(path, 0o700);
  files.syncDirectory(posix.dirname(path));
}

/** Writes a file of our own so that after a crash it is there as a whole, old or new. */
export function writeAtomically(files: Files, path: string, bytes: Uint8Array, mode = 0o600): void {
  const temporary = besideName(path, 'new');
  if (files.lstat(temporary) !== undefined) files.unlink(temporary);
  files.create(temporary, bytes, { mode, uid: 0, gid: 0 });
  files.rename(temporary, path);
  files.syncDirectory(posix.dirname(path));
}

/** Removes a directory of our own with the files in it; nothing when it is not there. */
export function removeFlatDirectory(files: Files, path: string): void {
  if (files.lstat(path)?.kind !== 'directory') return;
  for (const name of files.readdir(path)) files.unlink(`${path}/${name}`);
  files.rmdir(path);
  files.syncDirectory(posix.dirname(path));
}
