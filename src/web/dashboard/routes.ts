// The addresses of the dashboard: the page, its API, the stream, the actions.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import type { KubeConfig } from '@kubernetes/client-node';
import { CertError } from '../../errors.ts';
import { lingerAtEnd } from '../linger.ts';
import { hasBody } from '../routes.ts';
import { Turns } from '../turns.ts';
import { carryOut, readAction } from './actions.ts';
import { readBody } from './body.ts';
import { isPage, type Answer, type Content } from './content.ts';
import type { StaticFile } from './files.ts';
import { bearerOf, isForeign, isOwnHost, securityHeaders } from './guard.ts';
import { asPerson, whoAmI, type Outcome, type Person, type Refused } from './person.ts';
import type { Stream } from './stream.ts';

export interface DashboardRoutes {
  readonly files: ReadonlyMap<string, StaticFile>;
  readonly content: Content;
  readonly stream: Stream;
  /** Everything has been read once. */
  readonly synced: () => boolean;
  /** Where the API server is; a person's requests take nothing else from it. */
  readonly cluster: KubeConfig;
  readonly hostNames: readonly string[];
  /** Told after an action: the configuration is not watched. */
  readonly onAction: () => void;
  readonly limits: { readonly body: number; readonly actions: number; readonly waiting: number };
}

export const defaultRouteLimits = { body: 16 * 1024, actions: 16, waiting: 10_000 } as const;

/** Bytes: a record of TLS (RFC 8446, 5.1). */
const pieceSize = 16 * 1024;

type Refusal =
  Refused['why'] | 'host' | 'foreign' | 'method' | 'type' | 'large' | 'busy' | 'starting' | 'failed';

const statuses: Readonly<Record<Refusal, number>> = {
  token: 401,
  denied: 403,
  foreign: 403,
  gone: 404,
  method: 405,
  conflict: 409,
  large: 413,
  type: 415,
  host: 421,
  invalid: 422,
  failed: 500,
  unreachable: 502,
  busy: 503,
  starting: 503,
};

export type Handler = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>;

export function dashboardRoutes(options: DashboardRoutes): Handler {
  const turns = new Turns(options.limits.actions);
  return async (incoming, outgoing) => {
    for (const [name, value] of Object.entries(securityHeaders)) outgoing.setHeader(name, value);
    if (!isOwnHost(incoming.headers.host, options.hostNames))
      return refuse(outgoing, 'host', 'this server has no such name');
    // The path as it came: what is not word for word one of ours is none.
    const path = incoming.url?.split('?', 1)[0] ?? '';
    if (path === '/api/v1/actions') return act(options, turns, incoming, outgoing);
    if (incoming.method !== 'GET' && incoming.method !== 'HEAD') {
      outgoing.setHeader('allow', 'GET, HEAD');
      return refuse(outgoing, 'method', 'only GET and HEAD are answered here');
    }
    if (hasBody(incoming)) return refuse(outgoing, 'large', 'no body is read here');
    if (path.startsWith('/api/')) return api(options, turns, path, incoming, outgoing);
    return page(options, path, incoming, outgoing);
  };
}

function page(
  { files }: DashboardRoutes,
  path: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): void {
  const file = files.get(path);
  if (file === undefined) return refuse(outgoing, 'gone', 'there is no such page');
  send(incoming, outgoing, file, file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache');
}

async function api(
  options: DashboardRoutes,
  turns: Turns,
  path: string,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  if (isForeign(incoming.headers)) return refuse(outgoing, 'foreign', 'this is asked for by another site');
  if (path === '/api/v1/me') return withPerson(options, turns, incoming, outgoing, whoAmI);
  if (!options.synced()) {
    outgoing.setHeader('retry-after', '2');
    return refuse(outgoing, 'starting', 'the cluster is being read for the first time');
  }
  if (path === '/api/v1/stream') {
    if (options.stream.join(outgoing, {})) return;
    outgoing.setHeader('retry-after', '30');
    return refuse(outgoing, 'busy', 'too many follow already: ask again now and then');
  }
  const answer = await contentAt(options.content, path);
  return answer === undefined
    ? refuse(outgoing, 'gone', 'there is no such thing')
    : send(incoming, outgoing, answer, 'no-cache');
}

async function contentAt(content: Content, path: string): Promise<Answer | undefined> {
  const [, page = '', node] = /^\/api\/v1\/([a-z]+)(?:\/([-.a-z0-9]{1,253}))?$/.exec(path) ?? [];
  if (node !== undefined) return page === 'nodes' ? content.node(node) : undefined;
  return isPage(page) ? content.page(page) : undefined;
}

async function act(
  options: DashboardRoutes,
  turns: Turns,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  if (incoming.method !== 'POST') {
    outgoing.setHeader('allow', 'POST');
    return refuse(outgoing, 'method', 'an action is asked for by POST');
  }
  if (isForeign(incoming.headers)) return refuse(outgoing, 'foreign', 'this is asked for by another site');
  // No form can send it: a page of another site would have to ask first, and is never answered.
  if (incoming.headers['content-type'] !== 'application/json')
    return refuse(outgoing, 'type', 'an action is application/json');
  if (bearerOf(incoming.headers).kind !== 'token')
    return refuse(outgoing, 'token', 'an action needs a Kubernetes token of your own');
  if (!options.synced()) return refuse(outgoing, 'starting', 'the cluster is being read for the first time');
  const text = await readBody(incoming, options.limits.body);
  if (text === undefined)
    return refuse(outgoing, 'large', `an action has at most ${options.limits.body} bytes`);
  const action = readAction(text);
  if (action === undefined) return refuse(outgoing, 'invalid', 'this is no action that there is');
  return withPerson(options, turns, incoming, outgoing, async (person) => {
    const outcome = await carryOut(person, action, options.content.seen);
    options.onAction();
    return outcome;
  });
}

/** A few at once: each is a connection of its own to the API server. */
async function withPerson<T extends object>(
  { cluster, limits }: DashboardRoutes,
  turns: Turns,
  { headers }: IncomingMessage,
  outgoing: ServerResponse,
  work: (person: Person) => Promise<Outcome<T>>,
): Promise<void> {
  const bearer = bearerOf(headers);
  if (bearer.kind !== 'token') return refuse(outgoing, 'token', 'this is no Kubernetes token');
  let done: () => void;
  try {
    done = await turns.take(AbortSignal.timeout(limits.waiting));
  } catch (error) {
    if (error instanceof CertError && error.code === 'Aborted')
      return refuse(outgoing, 'busy', 'too many at once: try again');
    throw error;
  }
  try {
    const outcome = await asPerson(cluster, bearer.token, work);
    if (!outcome.ok) return refuse(outgoing, outcome.why, outcome.message);
    sendJson(outgoing, 200, outcome.value);
  } finally {
    done();
  }
}

function send(incoming: IncomingMessage, outgoing: ServerResponse, answer: Answer, cache: string): void {
  const { etag, type, plain, gzip } = answer;
  const headers = { etag, 'cache-control': cache, vary: 'accept-encoding' };
  const known = incoming.headers['if-none-match'];
  if (known !== undefined && known.split(',').some((one) => one.trim().replace(/^W\//, '') === etag)) {
    outgoing.writeHead(304, headers).end();
    return;
  }
  const isSmall = /\bgzip\b/.test(incoming.headers['accept-encoding'] ?? '');
  const body = isSmall ? gzip : plain;
  outgoing.writeHead(200, {
    ...headers,
    'content-type': type,
    'content-length': body.length,
    ...(isSmall ? { 'content-encoding': 'gzip' } : {}),
  });
  if (incoming.method === 'HEAD') outgoing.end();
  // A client that goes takes its connection with it: nobody is left to be told.
  else pipeline(Readable.from(piecesOf(body)), outgoing, () => undefined);
}

/** What is written at once is encrypted at once: a thousand slow clients would have a thousand copies of the list of nodes. */
function* piecesOf(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += pieceSize) yield body.subarray(at, at + pieceSize);
}

function sendJson(outgoing: ServerResponse, status: number, value: object): void {
  const text = JSON.stringify(value);
  outgoing.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(text);
}

export function refuse(outgoing: ServerResponse, error: Refusal, message: string): void {
  if (outgoing.headersSent) {
    outgoing.destroy();
    return;
  }
  if (error === 'token') outgoing.setHeader('www-authenticate', 'Bearer');
  // Its body, if there is one, is not read: what follows on this connection would be that.
  if (hasBody(outgoing.req) && !outgoing.req.complete) lingerAtEnd(outgoing);
  sendJson(outgoing, statuses[error], { error, message });
}
