// What is asked of the controller itself over plain HTTP: /healthz and /readyz by the kubelet; /metrics only from within
// the Pod, since there is no TLS and nobody is asked who he is.
import { createServer, type Server, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { listen, type ListenAddress } from '../listen.ts';
import type { Metrics } from './metrics.ts';

export interface HealthServerOptions extends ListenAddress {
  readonly metrics: Metrics;
  /** Undefined = well; else what is wrong. Not well for long: the kubelet restarts us. */
  readonly alive: () => string | undefined;
  readonly ready: () => string | undefined;
}

/** Serves until `signal` aborts. Errors: BadConfiguration when the address cannot be had. */
export async function serveHealth(options: HealthServerOptions, signal: AbortSignal): Promise<Server> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/healthz') answer(response, options.alive());
    else if (path === '/readyz') answer(response, options.ready());
    else if (path === '/metrics' && isLoopback(request.socket.localAddress))
      void sendMetrics(response, options.metrics);
    else response.writeHead(404).end();
  });
  await listen(server, options);
  signal.addEventListener(
    'abort',
    () => {
      server.close();
      server.closeAllConnections();
    },
    { once: true },
  );
  return server;
}

/** Whether the connection came in on an address that nobody else can reach. */
function isLoopback(address = ''): boolean {
  return address === '::1' || /^(?:::ffff:)?127\./u.test(address);
}

function answer(response: ServerResponse, problem: string | undefined): void {
  response.writeHead(problem === undefined ? 200 : 503, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${problem ?? 'ok'}\n`);
}

async function sendMetrics(response: ServerResponse, metrics: Metrics): Promise<void> {
  try {
    response.writeHead(200, { 'content-type': metrics.contentType });
    await pipeline(metrics.pieces(), response);
  } catch {
    // Whoever asked has gone, or sees that it was cut off.
    response.destroy();
  }
}
