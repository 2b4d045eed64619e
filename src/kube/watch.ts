// One watch stream: newline-separated JSON events, until the server ends it or nothing comes for too long.
import { CertError } from '../errors.ts';
import { refusal } from './answers.ts';
import type { Connection } from './connection.ts';

/** `expired`: the resourceVersion is too old (410); list again. */
export type WatchEvent<T> =
  | { readonly type: 'added' | 'modified' | 'deleted'; readonly object: T }
  | { readonly type: 'bookmark'; readonly resourceVersion: string }
  | { readonly type: 'expired' };

export interface WatchRequest {
  readonly path: string;
  readonly idleTimeout: number;
  readonly signal: AbortSignal;
}

/** No object that the API server stores is larger (etcd's limit is 1.5 MiB; a line holds one object). */
const longestLine = 8 * 1024 * 1024;

/** Errors: Unreachable (network, silence, a line that is no event), Denied, Aborted. */
export async function* readWatch<T>(
  connection: Connection,
  request: WatchRequest,
): AsyncGenerator<WatchEvent<T>> {
  const own = new AbortController();
  const silent = setTimeout(() => own.abort(new Error('silent for too long')), request.idleTimeout);
  try {
    const { status, body } = await connection.open({
      method: 'GET',
      path: request.path,
      signal: AbortSignal.any([request.signal, own.signal]),
    });
    if (status === 410) {
      yield { type: 'expired' };
      return;
    }
    if (status !== 200) throw refusal(`watch ${request.path}`, { status, text: await body.text() });
    for await (const line of lines(body, () => silent.refresh())) yield decodeEvent<T>(line);
  } catch (cause) {
    throw broken(request, own.signal, cause);
  } finally {
    clearTimeout(silent);
    // Whoever stops reading early must not leave the stream open behind.
    own.abort();
  }
}

async function* lines(body: AsyncIterable<Uint8Array>, onBytes: () => void): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    onBytes();
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    if (rest.length > longestLine) throw new CertError('TooLarge', 'a watch event is larger than any object');
    for (const line of parts) if (line.trim() !== '') yield line;
  }
}

function decodeEvent<T>(line: string): WatchEvent<T> {
  let event: {
    type: string;
    object: T & { code?: number; message?: string; metadata?: { resourceVersion?: string } };
  };
  try {
    event = JSON.parse(line);
  } catch (cause) {
    throw new CertError('Unreachable', 'a watch event is cut off or not JSON', { cause });
  }
  switch (event.type) {
    case 'ADDED':
      return { type: 'added', object: event.object };
    case 'MODIFIED':
      return { type: 'modified', object: event.object };
    case 'DELETED':
      return { type: 'deleted', object: event.object };
    case 'BOOKMARK':
      return { type: 'bookmark', resourceVersion: event.object.metadata?.resourceVersion ?? '' };
    default:
      if (event.object.code === 410) return { type: 'expired' };
      throw new CertError(
        'Unreachable',
        `the watch ended with an error: ${event.object.message ?? event.type}`,
      );
  }
}

function broken(request: WatchRequest, own: AbortSignal, cause: unknown): CertError {
  if (request.signal.aborted) {
    return new CertError('Aborted', `watch ${request.path} was given up`, { cause });
  }
  if (own.aborted) {
    const seconds = Math.round(request.idleTimeout / 1000);
    return new CertError('Unreachable', `watch ${request.path} was silent for ${seconds} s`, { cause });
  }
  if (cause instanceof CertError) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new CertError('Unreachable', `watch ${request.path} broke: ${why}`, { cause });
}
