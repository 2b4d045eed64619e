// How a person calls this program on this machine, for lines that can be pasted: the tool is laid down where no PATH leads,
// and a download is ./cert-renew.
import * as fs from 'node:fs';
import { posix } from 'node:path';
import process from 'node:process';
import { shellWord } from '../formats/text.ts';

/** What it is called where a PATH leads to it, and on machines of which nothing is known. */
export const programName = 'cert-renew';

let own: string | undefined;

/** One or more words of a shell. */
export function ownCall(): string {
  // Under plain Node (the tests) the executable is not ours.
  own ??= process.versions['bun'] === undefined ? programName : callOf(process.execPath, process.env['PATH']);
  return own;
}

/**
 * The bare name where it leads to this very file, by links or not, else the path of the file.
 *
 * @param path of the executable that runs
 * @param searchPath directories by colons; what a relative one leads to changes with every cd
 */
export function callOf(path: string, searchPath: string = ''): string {
  // Without /proc it may not be known.
  const own = posix.isAbsolute(path) ? statOf(path) : undefined;
  if (own === undefined) return programName;
  const found = searchPath
    .split(':')
    .filter((directory) => posix.isAbsolute(directory))
    .map((directory) => posix.join(directory, programName))
    .find(isExecutable);
  const first = found === undefined ? undefined : statOf(found);
  return first?.dev === own.dev && first.ino === own.ino ? programName : shellWord(path);
}

function isExecutable(path: string): boolean {
  try {
    fs.accessSync(path, fs.constants.X_OK);
    return fs.statSync(path).isFile();
  } catch {
    // A shell goes on as well.
    return false;
  }
}

/** Undefined also where it may not be looked at: a message that is being made does not fail for its name of the program. */
function statOf(path: string): fs.BigIntStats | undefined {
  try {
    return fs.statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}
