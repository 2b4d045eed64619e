// Programs as the tests run them: arguments never pass through a shell, output is kept, an unexpected exit is an error
// that shows what the program said.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
  /** Milliseconds; 10 minutes when absent. */
  readonly timeout?: number;
}

/** Runs a program to its end and tells how it ended, whatever that is. Errors: it cannot be started, timeout. */
export async function outcome(
  command: string,
  words: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const limit = AbortSignal.timeout(options.timeout ?? 600_000);
  const child = spawn(command, words, {
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
    signal: options.signal ? AbortSignal.any([options.signal, limit]) : limit,
    killSignal: 'SIGKILL',
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  // a program that ends without reading its input is no fault of ours
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  return await new Promise<Outcome>((resolve, reject) => {
    child.on('error', (cause) =>
      reject(new Error(`${command} ${words.join(' ')}: ${cause.message}`, { cause })),
    );
    child.on('close', (status, signal) =>
      resolve({
        code: status ?? (signal === null ? 1 : 128),
        stdout: Buffer.concat(stdout).toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
      }),
    );
  });
}

/** Runs a program that must exit 0, and returns its standard output. */
export async function run(
  command: string,
  words: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const result = await outcome(command, words, options);
  if (result.code !== 0) {
    const said = (result.stderr || result.stdout).trim().slice(-2000);
    throw new Error(`${command} ${words.join(' ')}: exit ${result.code}: ${said}`);
  }
  return result.stdout;
}

export interface WaitOptions {
  readonly seconds: number;
  /** Milliseconds between two looks; 500 when absent. */
  readonly every?: number;
  readonly signal?: AbortSignal;
}

/** Looks until `look` returns something; an error says what was waited for and what was seen last. */
export async function waitFor<T>(
  what: string,
  look: () => Promise<T | undefined>,
  options: WaitOptions,
): Promise<T> {
  const end = performance.now() + options.seconds * 1000;
  let last = 'nothing';
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const seen = await look();
      if (seen !== undefined) return seen;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (performance.now() > end)
      throw new Error(`waited ${options.seconds} s for ${what}; last error: ${last}`);
    await pause(options.every ?? 500, options.signal);
  }
}

/** `ENOENT` and the like, of an error of the operating system. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await setTimeout(milliseconds, undefined, signal ? { signal } : {});
}

/** For programs that take a file: it is for us alone, and is gone when `work` has ended. */
export async function withFile<T>(
  name: string,
  text: string,
  work: (path: string) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'e2e-'));
  try {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return await work(path);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
