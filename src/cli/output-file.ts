// Where a command puts what goes to another machine: standard output, or a file that is new or of the same kind.
import { posix } from 'node:path';
import { CertError } from '../errors.ts';
import { beginLine, largestFile, type Kind } from './offline/block.ts';
import { writeAtomically } from '../rotation/bytes.ts';
import type { Files } from '../host/files.ts';
import { exitCodes } from './exit-codes.ts';
import { complain, say } from './output.ts';

/**
 * Refuses a file that holds something else: who mistypes a name loses nothing.
 *
 * @throws CertError Conflict, NotFound, NotRegularFile
 */
export function checkOutput(files: Files, path: string | undefined, kind: Kind): void {
  if (path === undefined) return;
  if (files.stat(posix.dirname(path))?.kind !== 'directory')
    throw new CertError('NotFound', `--out ${path}: ${posix.dirname(path)} is no directory; name another`, {
      file: path,
    });
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

/**
 * Result: whether all of it was written; a file is, or throws.
 *
 * @param path undefined: standard output
 */
export function writeOutput(files: Files, path: string | undefined, text: string): boolean {
  if (path === undefined) return say(text);
  writeAtomically(files, path, new Uint8Array(Buffer.from(text, 'utf8')), 0o644);
  return true;
}

/**
 * Half of what goes to another machine is worth nothing there, and nobody is told to bring it. Result: the exit code.
 *
 * @param path of the file in which it lies whole; undefined: it went to standard output
 */
export function unwritten(what: string, path: string | undefined): number {
  const text =
    path === undefined
      ? `${what} was not written whole; throw it away, and run this again with --out FILE`
      : `the JSON on standard output was not written whole; ${what} is: it lies in ${path}`;
  complain(`cert-renew: ${text}\n`);
  return exitCodes.failed;
}
