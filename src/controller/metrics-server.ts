// Serves the metrics to Prometheus: TLS by the Secret that the leader keeps, and only for whom the API server vouches
// (docs/adr/0017). Begins when there is a certificate, and takes up a new one without a restart.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { CertError } from '../errors.ts';
import { pause } from '../kube/reflector.ts';
import { listen, type ListenAddress } from '../listen.ts';
import type { ServingMaterial } from '../pki/serving.ts';
import type { Metrics } from './metrics.ts';
import type { ScrapeAccess } from './scrape-access.ts';

export interface MetricsServerOptions extends ListenAddress {
  readonly metrics: Metrics;
  readonly access: ScrapeAccess;
  /** Undefined: not made yet. */
  readonly material: () => Promise<ServingMaterial | undefined>;
  readonly onError: (error: CertError) => void;
  readonly onListening?: (server: Server) => void;
}

/** Milliseconds between two looks for a certificate: while there is none, and then. */
const looks = { missing: 5000, served: 60_000 } as const;

/** Until `signal` aborts. Errors: BadConfiguration when the address cannot be had. */
export async function serveMetrics(options: MetricsServerOptions, signal: AbortSignal): Promise<void> {
  let serving: { readonly server: Server; readonly certificate: string } | undefined;
  while (!signal.aborted) {
    const material = await lookFor(options);
    if (material !== undefined && material.certificate !== serving?.certificate) {
      const server = await take(serving?.server, material, options);
      if (server !== undefined) serving = { server, certificate: material.certificate };
    }
    await pause(serving === undefined ? looks.missing : looks.served, signal);
  }
  serving?.server.close();
  serving?.server.closeAllConnections();
}

async function lookFor({ material, onError }: MetricsServerOptions): Promise<ServingMaterial | undefined> {
  try {
    return await material();
  } catch (error) {
    onError(asError(error));
    return undefined;
  }
}

/** Undefined: the certificate cannot be used, and the one from before stays. */
async function take(
  server: Server | undefined,
  { certificate, key }: ServingMaterial,
  options: MetricsServerOptions,
): Promise<Server | undefined> {
  const tls = { cert: certificate, key, minVersion: 'TLSv1.2' } as const;
  try {
    if (server === undefined) return await begin(tls, options);
    server.setSecureContext(tls);
    return server;
  } catch (error) {
    if (error instanceof CertError) throw error;
    options.onError(
      new CertError('KeyMismatch', 'key and certificate of the metrics cannot be used', { cause: error }),
    );
    return undefined;
  }
}

async function begin(tls: object, options: MetricsServerOptions): Promise<Server> {
  const limits = { headersTimeout: 10_000, requestTimeout: 10_000, maxHeaderSize: 16_384 };
  const server = createServer({ ...tls, ...limits }, (request, response) => {
    void answer(request, response, options);
  });
  server.maxConnections = 64;
  await listen(server, options);
  options.onListening?.(server);
  return server;
}

const hasGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';

const refusals = { unauthenticated: 401, denied: 403, busy: 503 } as const;

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { metrics, access, onError }: MetricsServerOptions,
): Promise<void> {
  try {
    if (request.url?.split('?')[0] !== '/metrics') return end(response, 404);
    if (request.method !== 'GET') return end(response, 405);
    const may = await access.of(request.headers.authorization);
    if (may !== 'allowed') return end(response, refusals[may]);
    await send(response, metrics, /\bgzip\b/.test(String(request.headers['accept-encoding'])));
  } catch (error) {
    // Whoever asked may go before all was said.
    if (!hasGone(error)) onError(asError(error));
    // Who cannot be asked about is not let in.
    if (!response.headersSent) end(response, 503);
    else response.destroy();
  }
}

async function send(response: ServerResponse, metrics: Metrics, packed: boolean): Promise<void> {
  const head = { 'content-type': metrics.contentType };
  if (!packed) {
    response.writeHead(200, head);
    await pipeline(metrics.pieces(), response);
    return;
  }
  response.writeHead(200, { ...head, 'content-encoding': 'gzip' });
  await pipeline(metrics.pieces(), createGzip({ level: 1 }), response);
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, status === 401 ? { 'www-authenticate': 'Bearer' } : {}).end();
}

function asError(error: unknown): CertError {
  if (error instanceof CertError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new CertError('Io', `the metrics cannot be served: ${message}`, { cause: error });
}
