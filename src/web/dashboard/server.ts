// The HTTPS server of the dashboard: what it grants a client, and when it tells that something is new.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import type { KubeConfig } from '@kubernetes/client-node';
import type { KubeClient } from '../../kube/client.ts';
import { pause } from '../../kube/reflector.ts';
import { closeOnAbort, listen, type ListenAddress } from '../../listen.ts';
import type { Logger } from '../../log.ts';
import { account } from '../account.ts';
import { unlessEnding } from '../linger.ts';
import { Content } from './content.ts';
import { readStatic } from './files.ts';
import { serviceNames } from '../../kube/objects.ts';
import { PictureKeeper } from './picture-keeper.ts';
import { dashboardRoutes, defaultRouteLimits, refuse } from './routes.ts';
import { firstPair, followPair } from './serving-certificate.ts';
import { defaultStreamLimits, Stream, type StreamLimits } from './stream.ts';

export interface DashboardLimits extends StreamLimits {
  /** Connections at once, of which a page that follows has two; above it they are shut unheard. */
  readonly connections: number;
  /** Milliseconds for a request, and in which a client takes nothing of its answer. */
  readonly request: number;
  /** Milliseconds from a request to the end of its answer. */
  readonly answer: number;
  /** Milliseconds of rest between two versions. */
  readonly rest: number;
}

export const defaultDashboardLimits: DashboardLimits = {
  ...defaultStreamLimits,
  connections: 2 * defaultStreamLimits.clients + 500,
  request: 30_000,
  answer: 5 * 60_000,
  rest: 2000,
};

export interface DashboardOptions extends ListenAddress {
  /** The page, as `vite build` leaves it. */
  readonly directory: string;
  /** `tls.crt` and `tls.key`. */
  readonly tlsDirectory: string;
  readonly publicNamespace: string;
  /** Names under which it may be called, beside those of its Service. */
  readonly hostNames: readonly string[];
  readonly client: KubeClient;
  readonly cluster: KubeConfig;
  readonly log: Logger;
  readonly limits?: Partial<DashboardLimits>;
}

export const serviceName = 'cluster-cert-rotator';

/** What is shown changes with the time, too: days that are left. Milliseconds. */
const tick = 60_000;

/**
 * Serves until `signal` aborts, from when its certificate is there. Errors: NotFound (no page), BadConfiguration (address),
 * Aborted.
 */
export async function serveDashboard(options: DashboardOptions, signal: AbortSignal): Promise<Server> {
  const { log, client, publicNamespace, tlsDirectory } = options;
  const limits = { ...defaultDashboardLimits, ...options.limits };
  const files = await readStatic(options.directory);
  const fresh = new Freshness();
  const keeper = new PictureKeeper({ client, publicNamespace, log, onChange: () => fresh.note() });
  const content = new Content(() => keeper.picture(new Date()));
  const stream = new Stream(limits);
  const routes = dashboardRoutes({
    files,
    content,
    stream,
    synced: () => keeper.synced,
    cluster: options.cluster,
    hostNames: [
      ...serviceNames(serviceName, publicNamespace),
      `${serviceName}.${publicNamespace}`,
      ...options.hostNames,
    ],
    onAction: () => keeper.lookNow(),
    limits: defaultRouteLimits,
  });
  void keeper.run(signal);
  const pair = await firstPair(tlsDirectory, log, signal);
  const server = open(pair, limits, handlerOf(routes, limits, log));
  await listen(server, options);
  stream.start(signal);
  void followPair(tlsDirectory, pair, (next) => server.setSecureContext(next), { log, signal });
  void tellVersions(fresh, content, stream, limits.rest, signal);
  closeOnAbort(server, signal);
  return server;
}

type Listener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

function handlerOf(
  routes: ReturnType<typeof dashboardRoutes>,
  limits: DashboardLimits,
  log: Logger,
): Listener {
  return (incoming, outgoing) => {
    outgoing.once('close', account(log, incoming, outgoing));
    const timer = setTimeout(() => endUnlessStream(outgoing), limits.answer);
    outgoing.once('close', () => clearTimeout(timer));
    routes(incoming, outgoing).catch((error: unknown) => {
      log.error({ err: error }, 'a request failed');
      refuse(outgoing, 'failed', 'the server could not do it: its log says why');
    });
  };
}

/** However slowly it is taken, an answer comes to its end; a stream has none. */
function endUnlessStream(outgoing: ServerResponse): void {
  if (outgoing.getHeader('content-type') !== 'text/event-stream') outgoing.destroy();
}

function open(pair: { cert: string; key: string }, limits: DashboardLimits, listener: Listener): Server {
  const server = createServer({
    ...pair,
    minVersion: 'TLSv1.2',
    // A token with many groups is long.
    maxHeaderSize: 32 * 1024,
    headersTimeout: limits.request,
    requestTimeout: limits.request,
    handshakeTimeout: limits.request,
    connectionsCheckingInterval: Math.min(limits.request, 5000),
    keepAliveTimeout: 5000,
  });
  server.maxConnections = limits.connections;
  // Of a stream every sign of life starts it anew.
  server.setTimeout(Math.max(limits.request, 2 * limits.heartbeat), (socket) => socket.destroy());
  const heard = unlessEnding(listener);
  server.on('request', heard);
  // Nobody is asked to go on with a body before it is known whether it is wanted.
  server.on('checkContinue', heard);
  server.on('checkExpectation', heard);
  for (const event of ['connect', 'upgrade'] as const)
    server.on(event, (_: IncomingMessage, socket: Duplex) => socket.destroy());
  server.on('clientError', (_: Error, socket: Duplex) => {
    const text = 'HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';
    // Ended alone, it would be kept by a client that goes on sending and never closes.
    if (socket.writable) socket.end(text, () => socket.destroy());
    else socket.destroy();
  });
  return server;
}

/** Whether something has changed since it was last told. */
class Freshness {
  #changed = true;
  #wake: (() => void) | undefined;

  note(): void {
    this.#changed = true;
    this.#wake?.();
  }

  /** Waits for a change, or so long. */
  async next(most: number, signal: AbortSignal): Promise<void> {
    if (!this.#changed) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await pause(most, AbortSignal.any([signal, woken.signal]));
      this.#wake = undefined;
    }
    this.#changed = false;
  }
}

async function tellVersions(
  fresh: Freshness,
  content: Content,
  stream: Stream,
  rest: number,
  signal: AbortSignal,
): Promise<void> {
  // Another start counts from the beginning: its versions are no others' successors.
  const start = Date.now().toString(36);
  while (!signal.aborted) {
    await fresh.next(tick, signal);
    if (signal.aborted) return;
    content.renew();
    stream.tell(`${start}-${content.version}`);
    await pause(rest, signal);
  }
}
