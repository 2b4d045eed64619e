// A question to the person at the terminal.
import { createInterface } from 'node:readline';
import process from 'node:process';
import { complain } from './output.ts';

/** Whether the person agrees; whatever is no yes is a no, an interruption too. */
export type Ask = (question: string, signal: AbortSignal) => Promise<boolean>;

/** Undefined where nobody could answer. */
export function askPerson(): Ask | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  return (question, signal) =>
    new Promise((resolve) => {
      // Not as a terminal: then Ctrl-C reaches the program's own handler.
      const face = createInterface({ input: process.stdin, terminal: false });
      face.once('line', (line) => {
        resolve(/^y(?:es)?$/iu.test(line.trim()));
        face.close();
      });
      face.once('close', () => resolve(false));
      signal.addEventListener('abort', () => face.close(), { once: true });
      complain(question);
    });
}
