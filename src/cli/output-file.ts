// Where a command puts what goes to another machine: standard output, or a file that is new or of the same kind.
import { posix } from 'node:path';
import { CertError } from '../errors.ts';
import { beginLine, largestFile, type Kind } from './offline/block.ts';
import { writeAtomically } from '../rotation/bytes.ts';
import type { Files } from '../host/files.ts';
import { say } from './output.ts';

/**
 * Refuses a file that holds something else: who mistypes a name loses nothing.
 *
 * @throws CertError Conflict, NotFound, NotRegularFile
 */
export function checkOutput(files: Files, path: string | undefined, kind: Kind): void {
  if (path === undefined) return;
  if (files.stat(posix.dirname(path))?.kind !== 'directory')
    throw new CertError('NotFound', `--out ${path}: ${posix.dirname(path)} is no directory`, { file: path });
  const there = files.lstat(path);
  if (there === undefined) return;
  const isOurs =
    there.kind === 'file' &&
    Buffer.from(files.read(path, largestFile)).toString('latin1').includes(beginLine(kind));
  if (isOurs || (there.kind === 'file' && there.size === 0)) return;
  throw new CertError('Conflict', `--out ${path} is there and holds something else; name another file`, {
    file: path,
  });
}

/** @param path undefined: standard output */
export function writeOutput(files: Files, path: string | undefined, text: string): void {
  if (path === undefined) say(text);
  else writeAtomically(files, path, new Uint8Array(Buffer.from(text, 'utf8')), 0o644);
}
