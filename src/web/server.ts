// The HTTP server around the routes: what it grants a client, what it answers to those who speak no HTTP, and its log.
import {
  STATUS_CODES,
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import type { Downloads } from './downloads.ts';
import { closeOnAbort, listen, type ListenAddress } from '../listen.ts';
import type { Logger } from '../log.ts';
import { account } from './account.ts';
import { errorScript, scriptType } from './error-script.ts';
import { lingerAtEnd, unlessEnding } from './linger.ts';
import { hasBody, messages, routes, type Limits as RouteLimits } from './routes.ts';

export interface Limits extends RouteLimits {
  /** Connections at once; above it they are shut unheard. */
  readonly connections: number;
  /** Milliseconds from a request to the end of its answer, however slowly it is taken. */
  readonly answer: number;
  /** Milliseconds for a request's headers, and for all of it. */
  readonly headers: number;
}

// A client that takes its time costs up to 3 MB, most of it in the kernel; one that waits 50 kB.
export const defaultLimits: Limits = {
  turns: 32,
  waiting: 10 * 60_000,
  // The kernel asks for more by the megabyte, which is twenty seconds at this pace: it must be well within `stalled`.
  floor: 64 * 1024,
  stalled: 30_000,
  connections: 1500,
  answer: 40 * 60_000,
  headers: 10_000,
};

export interface WebServerOptions extends ListenAddress {
  readonly downloads: Downloads;
  readonly log: Logger;
  readonly limits?: Partial<Limits>;
}

/** Serves until `signal` aborts. Errors: BadConfiguration when the address cannot be had. */
export async function serveDownloads(options: WebServerOptions, signal: AbortSignal): Promise<Server> {
  const limits = { ...defaultLimits, ...options.limits };
  const server = createServer({
    // Without a Host it is answered all the same: Node's own refusal has no body.
    requireHostHeader: false,
    maxHeaderSize: 8192,
    headersTimeout: limits.headers,
    requestTimeout: limits.headers,
    connectionsCheckingInterval: Math.min(limits.headers, 5000),
    keepAliveTimeout: 5000,
  });
  server.maxConnections = limits.connections;
  const listener = unlessEnding(listenerOf(options, limits));
  server.on('request', listener);
  // Nobody is asked to go on with a body: there is none that we would read.
  server.on('checkContinue', listener);
  server.on('checkExpectation', listener);
  for (const event of ['connect', 'upgrade'] as const)
    server.on(event, (_: IncomingMessage, socket: Duplex) => refuseRaw(socket, 405, messages.method));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) =>
    refuseRaw(socket, ...clientErrors(error)),
  );
  await listen(server, options);
  closeOnAbort(server, signal);
  return server;
}

type Listener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

function listenerOf({ downloads, log }: WebServerOptions, limits: Limits): Listener {
  const app = routes({
    downloads,
    limits,
    onError: (error) => log.error({ err: error }, 'a request failed'),
  });
  const serve = getRequestListener(async (request, env) => app.fetch(request, env), {
    // Of a request that names none; its path alone is looked at.
    hostname: 'localhost',
    overrideGlobalObjects: false,
    // What cannot be made a Request: a Host that is none, a path that is none.
    errorHandler: () =>
      new Response(errorScript(400, badRequest), { status: 400, headers: { 'content-type': scriptType } }),
  });
  return (incoming, outgoing) => {
    const timer = setTimeout(() => outgoing.destroy(), limits.answer);
    const tell = account(log, incoming, outgoing);
    outgoing.once('close', () => {
      clearTimeout(timer);
      tell();
    });
    // Its body is not read: what follows on this connection would be that.
    if (hasBody(incoming)) lingerAtEnd(outgoing);
    // Hono takes a path with a backslash for no request at all; it is one, for a name that is none of ours.
    incoming.url = incoming.url?.replaceAll('\\', '%5C');
    void serve(incoming, outgoing);
  };
}

const badRequest = 'the request cannot be understood';

/** What Node itself found wrong before there was a request. */
function clientErrors({ code }: NodeJS.ErrnoException): [number, string] {
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'the headers of the request are too long'];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'the request did not come to its end in time'];
  return [400, badRequest];
}

/** To a socket that is no request's. */
function refuseRaw(socket: Duplex, status: number, message: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = errorScript(status, message);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `content-type: ${scriptType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.on('error', () => socket.destroy());
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
