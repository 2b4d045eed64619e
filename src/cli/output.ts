// What the commands say to people and scripts, written at once: process.stdout would load the runtime's streams first,
// which is half of what a start of the executable takes.
import * as fs from 'node:fs';
import process from 'node:process';
import { errnoOf } from '../host/errno.ts';

/** On standard output. Never throws: what was done is done, whoever listens. Result: whether all of it was written. */
export function say(text: string): boolean {
  const problem = write(1, text);
  // That nobody reads it needs no words.
  if (problem !== undefined && problem !== 'EPIPE')
    complain(`cert-renew: standard output cannot be written: ${problem}\n`);
  return problem === undefined;
}

/** On standard error. Never throws. */
export function complain(text: string): void {
  write(2, text);
}

/** Result: why it could not be written. */
function write(fd: 1 | 2, text: string): string | undefined {
  // Under plain Node (the tests) the streams are there already.
  if (process.versions['bun'] === undefined) {
    streamOf(fd).write(text);
    return undefined;
  }
  const bytes = Buffer.from(text, 'utf8');
  let written = 0;
  try {
    while (written < bytes.length) written += fs.writeSync(fd, bytes, written);
  } catch (error) {
    const errno = errnoOf(error);
    // A pipe that does not block, and is full: only the stream knows how to wait for it.
    if (errno === 'EAGAIN') streamOf(fd).write(bytes.subarray(written));
    else return errno ?? 'unknown error';
  }
  return undefined;
}

/** A function: to name the stream is to load it. */
const streamOf = (fd: 1 | 2): NodeJS.WriteStream => (fd === 1 ? process.stdout : process.stderr);
