// kubectl as a process. It stands in PATH by definition, and knows every way to the API server that its user has: client
// certificates, tokens, programs that ask for a password, proxies, impersonation (ADR 0018).
import { spawn } from 'node:child_process';
import process from 'node:process';
import { CertError } from '../errors.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs kubectl with these words; `input` becomes its standard input. */
export type Run = (words: readonly string[], input?: string) => Promise<Ran>;

/** What kubectl says of the call itself; all else may be a question of a program that it calls for credentials. */
const ownWords = /^(?:Error from server|error:|Unable to connect|The connection to the server|[EWIF]\d{4} )/;

export function kubectlProcess(signal: AbortSignal): Run {
  return async (words, input) =>
    await new Promise((resolve, reject) => {
      const child = spawn('kubectl', [...words], {
        stdio: [input === undefined ? 'inherit' : 'pipe', 'pipe', 'pipe'],
        signal,
      });
      const out: Buffer[] = [];
      const said: Buffer[] = [];
      child.stdout?.on('data', (part: Buffer) => out.push(part));
      child.stderr?.on('data', (part: Buffer) => {
        said.push(part);
        if (!ownWords.test(part.toString('utf8'))) process.stderr.write(part);
      });
      child.once('error', (cause) => reject(notStarted(cause, signal)));
      child.once('close', (code) => {
        const [stdout, stderr] = [Buffer.concat(out).toString('utf8'), Buffer.concat(said).toString('utf8')];
        resolve({ code: code ?? 1, stdout, stderr });
      });
      // Whoever refuses the call does not read its input to the end.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(input);
    });
}

function notStarted(cause: Error, signal: AbortSignal): CertError {
  if (signal.aborted) return new CertError('Aborted', 'interrupted', { cause });
  const isMissing = 'code' in cause && cause.code === 'ENOENT';
  const text = isMissing ? 'kubectl is not in PATH' : `kubectl cannot be started: ${cause.message}`;
  return new CertError('NotFound', text, { cause });
}
