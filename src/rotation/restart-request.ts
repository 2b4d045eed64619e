// How the container that swaps files asks for the kubelet's restart without the API: two files in the host directory.
// The servant, a Pod with hostPID, takes the request, restarts, and answers.
import { CertError, describeError } from '../errors.ts';
import type { Files } from '../host/files.ts';
import type { HostLayout } from '../host/layout.ts';
import { makeDirectories, writeAtomically } from './bytes.ts';

type Sleep = (milliseconds: number, signal: AbortSignal) => Promise<void>;

interface Request {
  readonly id: string;
  readonly unit: 'kubelet';
}

interface Done {
  readonly id: string;
  readonly ok: boolean;
  readonly message: string;
}

const requestPath = (layout: HostLayout): string => `${layout.restart}/request.json`;
const donePath = (layout: HostLayout): string => `${layout.restart}/done.json`;
const lookEveryMs = 50;

/**
 * Asks the servant and waits for its answer.
 *
 * @param options.id unique for this restart, so that an answer to an earlier one is not taken for it
 * @throws CertError RestartFailed when it failed or nobody answered in time, Aborted
 */
export async function requestRestart(
  files: Files,
  layout: HostLayout,
  options: { readonly id: string; readonly timeoutMs: number; readonly sleep: Sleep },
  signal: AbortSignal,
): Promise<void> {
  const request: Request = { id: options.id, unit: 'kubelet' };
  makeDirectories(files, layout.restart);
  writeJson(files, requestPath(layout), request);
  for (let waited = 0; waited < options.timeoutMs; waited += lookEveryMs) {
    const done = readJson(files, donePath(layout));
    if (isDone(done) && done.id === options.id) {
      if (done.ok) return;
      throw new CertError('RestartFailed', `the kubelet was not restarted: ${done.message}`);
    }
    await options.sleep(lookEveryMs, signal);
  }
  throw new CertError(
    'RestartFailed',
    `nobody restarted the kubelet within ${options.timeoutMs / 1000} s; is the Pod restart-kubelet of this node running?`,
  );
}

/** The servant's end: serves until the signal. A request is served once; a failure is told, not thrown. */
export async function serveRestarts(
  files: Files,
  layout: HostLayout,
  options: { readonly restart: (signal: AbortSignal) => Promise<void>; readonly sleep: Sleep },
  signal: AbortSignal,
): Promise<void> {
  makeDirectories(files, layout.restart);
  while (!signal.aborted) {
    const request = readJson(files, requestPath(layout));
    const done = readJson(files, donePath(layout));
    if (isRequest(request) && !(isDone(done) && done.id === request.id))
      writeJson(files, donePath(layout), await serve(request, options.restart, signal));
    try {
      await options.sleep(lookEveryMs, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

async function serve(
  { id }: Request,
  restart: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<Done> {
  try {
    await restart(signal);
    return { id, ok: true, message: '' };
  } catch (error) {
    return { id, ok: false, message: describeError(error) };
  }
}

/** Leaves nothing behind. */
export function forgetRestarts(files: Files, layout: HostLayout): void {
  for (const path of [requestPath(layout), donePath(layout)])
    if (files.lstat(path) !== undefined) files.unlink(path);
}

function writeJson(files: Files, path: string, value: Request | Done): void {
  writeAtomically(files, path, new Uint8Array(Buffer.from(`${JSON.stringify(value)}\n`, 'utf8')));
}

/** Undefined when it is not there; a file of somebody else is no message of ours. */
function readJson(files: Files, path: string): unknown {
  if (files.lstat(path)?.kind !== 'file') return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(files.read(path)).toString('utf8'));
    return value;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const text = (value: unknown, name: string): boolean =>
  typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'string';

const isRequest = (value: unknown): value is Request =>
  text(value, 'id') &&
  typeof value === 'object' &&
  value !== null &&
  Reflect.get(value, 'unit') === 'kubelet';

const isDone = (value: unknown): value is Done =>
  text(value, 'id') &&
  text(value, 'message') &&
  typeof value === 'object' &&
  value !== null &&
  typeof Reflect.get(value, 'ok') === 'boolean';
