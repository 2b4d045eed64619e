// The addresses of the downloads and what each answers. Whatever is not a download is an error script (R26).
import { open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono, type Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { CertError } from '../errors.ts';
import {
  architectureOf,
  architectures,
  downloadNames,
  ownArchitecture,
  type Architecture,
  type Download,
  type DownloadName,
  type Downloads,
} from './downloads.ts';
import { errorScript, scriptType } from './error-script.ts';
import { keepPace, type Pace } from './pace.ts';
import { partOf, type Part } from './range.ts';
import { Turns } from './turns.ts';

export const prefix = '/cluster-cert-rotator/download/';

interface Environment {
  Bindings: HttpBindings;
}

export interface RouteOptions {
  readonly downloads: Downloads;
  readonly limits: Limits;
  /** Told of what must not happen; the client gets a 500. */
  readonly onError: (error: unknown) => void;
}

export interface Limits extends Pace {
  /** Large files that are sent at once; who comes later waits for its turn. */
  readonly turns: number;
  /** Milliseconds that one waits for it. */
  readonly waiting: number;
}

/** What is larger needs a turn, parts of a file too: the kernel may hold all of it for each of the connections. */
const large = 64 * 1024;

export const messages = {
  name: `there is no such download: there are ${downloadNames.map((name) => prefix + name).join(', ')}`,
  architecture: `there is no such architecture: ?arch= is ${architectures.join(' or ')}`,
  method: 'downloads are asked for by GET or HEAD',
  body: 'a download is asked for without a body',
  busy: 'too many downloads at once: try again in a minute',
  range: 'the file is shorter than the range that was asked for: it may be here already',
  failed: 'the server could not do it: its log says why',
} as const;

export function routes({ downloads, limits, onError }: RouteOptions): Hono<Environment> {
  const send = sender(limits, onError);
  // The path as it came, not what a URL parser makes of it: `x/../cert-renew` and `%63ert-renew` are no names of ours.
  const app = new Hono<Environment>({ getPath: (_, options) => pathOf(options?.env?.incoming) });
  for (const name of downloadNames) app.all(prefix + name, async (c) => answer(c, downloads, name, send));
  app.notFound((c) => refuse(c, 404, messages.name));
  app.onError((error, c) => {
    onError(error);
    return refuse(c, 500, messages.failed);
  });
  return app;
}

function pathOf(incoming: IncomingMessage | undefined): string {
  return incoming?.url?.split('?', 1)[0] ?? '';
}

async function answer(
  c: Context<Environment>,
  downloads: Downloads,
  name: DownloadName,
  send: Send,
): Promise<Response> {
  if (c.req.method !== 'GET' && c.req.method !== 'HEAD')
    return refuse(c, 405, messages.method, { allow: 'GET, HEAD' });
  if (hasBody(c.env.incoming)) return refuse(c, 413, messages.body);
  const architecture = askedArchitecture(c.req.queries('arch'));
  if (architecture === undefined) return refuse(c, 400, messages.architecture);
  const download = downloads[architecture][name];
  const part = partOf(
    {
      range: c.req.method === 'GET' ? c.req.header('range') : undefined,
      ifRange: c.req.header('if-range'),
      ifNoneMatch: c.req.header('if-none-match'),
    },
    download,
  );
  if (part.kind === 'unsatisfiable')
    return refuse(c, 416, messages.range, { 'content-range': `bytes */${download.size}` });
  const headers = headersOf(download, part);
  if (part.kind === 'not-modified') return c.body(null, 304, headers);
  if (c.req.method === 'HEAD') return c.body(null, statusOf(part), headers);
  return send(c, download, part);
}

export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || !/^0*$/.test(headers['content-length'] ?? '');
}

function askedArchitecture(words: readonly string[] = []): Architecture | undefined {
  const [word, ...others] = words;
  if (word === undefined) return ownArchitecture;
  return others.length === 0 ? architectureOf(word) : undefined;
}

/** What every answer about a file says; with bytes of it, which they are. */
function headersOf({ size, etag, type }: Download, part: Part): Record<string, string> {
  const validators = { etag, 'accept-ranges': 'bytes', 'cache-control': 'no-cache' };
  if (part.kind === 'not-modified') return validators;
  const { first, last } = endsOf(part, size);
  return {
    ...validators,
    'content-type': type,
    'content-length': String(last - first + 1),
    'x-content-type-options': 'nosniff',
    ...(part.kind === 'part' ? { 'content-range': `bytes ${first}-${last}/${size}` } : {}),
  };
}

const statusOf = (part: Part): 200 | 206 => (part.kind === 'part' ? 206 : 200);

function endsOf(part: Part, size: number): { readonly first: number; readonly last: number } {
  return part.kind === 'part' ? part : { first: 0, last: size - 1 };
}

type Send = (c: Context<Environment>, download: Download, part: Part) => Promise<Response>;

/** Sends from the disk, as fast as the client takes it, and not to too many at once. */
function sender({ turns: count, waiting, ...pace }: Limits, onError: RouteOptions['onError']): Send {
  const turns = new Turns(count);
  return async (c, download, part) => {
    const { first, last } = endsOf(part, download.size);
    const { incoming, outgoing } = c.env;
    if (last - first >= large) {
      const done = await turnOf(turns, AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(waiting)]));
      if (done === undefined) return refuse(c, 503, messages.busy, { 'retry-after': '60' });
      if (outgoing.closed) done();
      else outgoing.once('close', done);
    }
    // Opened before the answer begins, so that a failure can still be told.
    const file = await open(download.path);
    const stream = file.createReadStream({ start: first, end: last });
    // From here on: the wait for a turn does not count.
    const endPace = keepPace(incoming.socket, pace);
    try {
      if (!outgoing.destroyed) {
        outgoing.writeHead(statusOf(part), headersOf(download, part));
        await pipeline(stream, outgoing);
      }
    } catch (error) {
      // A client that has gone is seen in the log's line; a disk that fails is not.
      if (!isPrematureClose(error)) onError(error);
    } finally {
      endPace();
      // Not every end of the one is an end of the other: a client may go before the first byte.
      stream.destroy();
    }
    return RESPONSE_ALREADY_SENT;
  };
}

function isPrematureClose(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}

async function turnOf(turns: Turns, signal: AbortSignal): Promise<(() => void) | undefined> {
  try {
    return await turns.take(signal);
  } catch (error) {
    if (error instanceof CertError && error.code === 'Aborted') return undefined;
    throw error;
  }
}

function refuse(
  c: Context<Environment>,
  status: ContentfulStatusCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return c.body(errorScript(status, message), status, { ...headers, 'content-type': scriptType });
}
