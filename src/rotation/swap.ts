// The swap of a stage's files, forward to the new ones or back to the old ones: the same few system calls, and every
// one may be repeated after a crash. The bytes of both sides lie in the host directory until the journal is gone, so
// that what waits beside a target is never the only copy.
import { posix } from 'node:path';
import { CertError } from '../errors.ts';
import { besideName } from '../host/beside.ts';
import type { Files } from '../host/files.ts';
import { hashOf } from './bytes.ts';
import type { JournalFile } from './journal.ts';
import { touch } from './touched.ts';

export type Direction = 'forward' | 'back';

/** Where a journal's file is now. */
export type LiveState = 'old' | 'new' | 'foreign';

/** What lies at the live name. A link of the kubelet that leads to another pem is `foreign`: the kubelet made it (R2). */
export function liveState(files: Files, file: JournalFile): LiveState {
  const hash = file.kind === 'replace' ? hashOf(files, file.path) : linkedHash(files, file.path);
  if (hash === file.newSha256) return 'new';
  return hash === file.oldSha256 ? 'old' : 'foreign';
}

function linkedHash(files: Files, path: string): string | undefined {
  if (files.stat(path)?.kind !== 'file') return undefined;
  return hashOf(files, files.realpath(path));
}

/** Whether the bytes for a direction lie in the host directory as they were recorded. */
export function isIntact(files: Files, file: JournalFile, direction: Direction): boolean {
  return direction === 'forward'
    ? hashOf(files, file.preparedPath) === file.newSha256
    : hashOf(files, file.backupPath) === file.oldSha256;
}

/** Copies the live files to the backups; those that are there already stay. Errors: Conflict, NoSpace, … */
export function backUp(files: Files, list: readonly JournalFile[]): void {
  for (const file of list) {
    if (isIntact(files, file, 'back')) continue;
    if (liveState(files, file) !== 'old') throw changed(file);
    if (files.lstat(file.backupPath) !== undefined) files.unlink(file.backupPath);
    files.create(file.backupPath, files.read(files.realpath(file.path)), { mode: 0o600, uid: 0, gid: 0 });
  }
  for (const directory of new Set(list.map(({ backupPath }) => posix.dirname(backupPath))))
    files.syncDirectory(directory);
}

/**
 * Brings every file of a list to one side. First all are laid beside their targets, so that no room, a read-only mount
 * or an immutable directory shows before anything is renamed; then they are renamed in the list's order, which is
 * key before certificate. Files that are there already stay as they are.
 *
 * @throws CertError Conflict when a live file is neither old nor new; then nothing was renamed
 */
export function swap(files: Files, list: readonly JournalFile[], direction: Direction, id: string): void {
  const wanted: LiveState = direction === 'forward' ? 'new' : 'old';
  const due = list.filter((file) => liveState(files, file) !== wanted);
  if (due.length > 0) touch();
  try {
    for (const file of due) lay(files, file, direction, id);
    // Looked at again after the slow part: from here on there is nothing but renames.
    for (const file of due) if (liveState(files, file) === 'foreign') throw changed(file);
    for (const file of due) files.rename(besideName(file.path, id), file.path);
  } finally {
    for (const file of list) sweep(files, file, id);
  }
  // Also for those that were there already: an earlier run may have died before this.
  for (const directory of new Set(list.map(({ path }) => posix.dirname(path))))
    files.syncDirectory(directory);
  if (direction === 'back') for (const file of list) removeLinkedPem(files, file);
}

function changed(file: JournalFile): CertError {
  return new CertError('Conflict', `${file.path} was changed by somebody else since it was read; try again`, {
    file: file.path,
  });
}

/** Lays the new bytes, or the new link, beside the target. */
function lay(files: Files, file: JournalFile, direction: Direction, id: string): void {
  const beside = besideName(file.path, id);
  if (files.lstat(beside) !== undefined) files.unlink(beside);
  const needsBytes = file.kind === 'replace' || direction === 'forward';
  if (needsBytes && !isIntact(files, file, direction)) {
    throw new CertError('JournalForeign', `what was kept for ${file.path} is missing or was changed`, {
      file: file.path,
    });
  }
  if (file.kind === 'replace') {
    const bytes = files.read(direction === 'forward' ? file.preparedPath : file.backupPath);
    files.create(beside, bytes, { mode: file.mode, uid: file.uid, gid: file.gid, like: file.path });
    return;
  }
  if (file.link === undefined) throw new CertError('JournalForeign', `no link is recorded for ${file.path}`);
  if (direction === 'forward') makeLinkedPem(files, file, file.link.newPath, id);
  files.symlink(direction === 'forward' ? file.link.new : file.link.old, beside);
}

/** The dated pem under its own name: whole or not at all, and lasting before the link leads to it. */
function makeLinkedPem(files: Files, file: JournalFile, newPath: string, id: string): void {
  if (hashOf(files, newPath) === file.newSha256) return;
  if (files.lstat(newPath) !== undefined)
    throw new CertError('Conflict', `${newPath} is there already, and not of this rotation; try again`, {
      file: newPath,
    });
  const beside = besideName(newPath, id);
  if (files.lstat(beside) !== undefined) files.unlink(beside);
  const like = files.realpath(file.path);
  files.create(beside, files.read(file.preparedPath), {
    mode: file.mode,
    uid: file.uid,
    gid: file.gid,
    like,
  });
  files.rename(beside, newPath);
  files.syncDirectory(posix.dirname(newPath));
}

/** Our dated pem, once the link leads elsewhere for good. */
export function removeLinkedPem(files: Files, { path, link, newSha256 }: JournalFile): void {
  if (link === undefined || hashOf(files, link.newPath) !== newSha256) return;
  if (files.readlink(path) === link.new) return;
  files.unlink(link.newPath);
  files.syncDirectory(posix.dirname(link.newPath));
}

/** Removes what of ours still waits beside a target. */
export function sweep(files: Files, file: JournalFile, id: string): void {
  const names = [besideName(file.path, id)];
  if (file.link !== undefined) names.push(besideName(file.link.newPath, id));
  for (const name of names) if (files.lstat(name) !== undefined) files.unlink(name);
}
