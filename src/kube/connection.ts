// HTTP to the API server over one keep-alive Agent, with the credentials read anew for every request: tokens are
// short-lived, and the cluster's CA may be replaced while we run.
import type { RequestOptions } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher } from 'undici';
import { CertError } from '../errors.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path with query. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  /** Milliseconds for the whole answer; of a stream, until its head is there. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** What the answer's Date header says, between the moments of sending and receiving (milliseconds since 1970). */
export interface ClockSample {
  readonly server: Date;
  readonly sent: number;
  readonly received: number;
}

/** What a TLS client needs to speak to this cluster. */
export interface Credentials {
  readonly ca: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ConnectionOptions {
  readonly onClock?: (sample: ClockSample) => void;
}

const defaultTimeout = 10_000;

/** Reads a kubeconfig, or without one the ServiceAccount of the Pod. Errors: BadConfiguration. */
export function loadKubeConfig(path: string | undefined): KubeConfig {
  // KubeConfig itself would make `https://undefined` of it.
  if (path === undefined && !process.env['KUBERNETES_SERVICE_HOST']) {
    throw new CertError(
      'BadConfiguration',
      'not in a Pod of a cluster, and no kubeconfig given: use --kubeconfig',
    );
  }
  const config = new KubeConfig();
  try {
    if (path === undefined) config.loadFromCluster();
    else config.loadFromFile(path);
  } catch (cause) {
    throw new CertError('BadConfiguration', 'the kubeconfig cannot be read', {
      cause,
      ...(path === undefined ? {} : { file: path }),
    });
  }
  if (!config.getCurrentCluster()) {
    throw new CertError('BadConfiguration', 'the kubeconfig names no current cluster', {
      file: path ?? 'the ServiceAccount of this Pod',
    });
  }
  return config;
}

/** One API server (or its load balancer). Safe for concurrent use; `close` ends every connection. */
export class Connection {
  readonly server: string;
  readonly #config: KubeConfig;
  readonly #onClock: ((sample: ClockSample) => void) | undefined;
  #agent: Agent | undefined;
  #agentKey = '';

  constructor(config: KubeConfig, options: ConnectionOptions = {}) {
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new CertError('BadConfiguration', 'the kubeconfig names no current cluster');
    this.#config = config;
    this.#onClock = options.onClock;
    this.server = cluster.server.replace(/\/+$/, '');
  }

  /** Errors: Unreachable (network, timeout, credentials that cannot be read), Aborted (the caller's signal). */
  async request(request: HttpRequest): Promise<HttpAnswer> {
    const deadline = AbortSignal.timeout(request.timeout ?? defaultTimeout);
    try {
      const answer = await this.#send(request, withCaller(deadline, request.signal), 0);
      return { status: answer.statusCode, text: await answer.body.text() };
    } catch (cause) {
      throw unreachable(request, cause);
    }
  }

  /**
   * Opens a stream; the timeout covers its head only. The body fails when `request.signal` aborts.
   * Errors: Unreachable, Aborted.
   */
  async open(request: HttpRequest): Promise<{ status: number; body: Dispatcher.ResponseData['body'] }> {
    const head = new AbortController();
    const timer = setTimeout(
      () => head.abort(new Error('no answer in time')),
      request.timeout ?? defaultTimeout,
    );
    try {
      const answer = await this.#send(request, withCaller(head.signal, request.signal), 0);
      return { status: answer.statusCode, body: answer.body };
    } catch (cause) {
      throw unreachable(request, cause);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Credentials for a TLS connection of one's own to a server of this cluster. Errors: Unreachable. */
  async credentials(): Promise<Credentials> {
    const options = await this.#options();
    return { ca: asText(options.ca), headers: textHeaders(options) };
  }

  async close(): Promise<void> {
    await this.#agent?.destroy();
    this.#agent = undefined;
    this.#agentKey = '';
  }

  async #send(
    request: HttpRequest,
    signal: AbortSignal,
    bodyTimeout: number,
  ): Promise<Dispatcher.ResponseData> {
    const options = await this.#options();
    const body = request.body === undefined ? null : JSON.stringify(request.body);
    const sent = Date.now();
    const answer = await this.#dispatcher(options).request({
      origin: new URL(this.server).origin,
      path: new URL(this.server).pathname.replace(/\/$/, '') + request.path,
      method: request.method,
      headers: {
        accept: 'application/json',
        'user-agent': 'cluster-cert-rotator',
        ...(body === null ? {} : { 'content-type': request.contentType ?? 'application/json' }),
        ...textHeaders(options),
      },
      body,
      signal,
      headersTimeout: 0,
      bodyTimeout,
    });
    this.#noteClock(answer.headers['date'], sent);
    return answer;
  }

  #noteClock(header: string | string[] | undefined, sent: number): void {
    if (this.#onClock === undefined || typeof header !== 'string') return;
    const server = new Date(header);
    if (Number.isNaN(server.getTime())) return;
    this.#onClock({ server, sent, received: Date.now() });
  }

  async #options(): Promise<RequestOptions> {
    const options: RequestOptions = {};
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch (cause) {
      throw new CertError('Unreachable', 'the credentials for the API server cannot be read', { cause });
    }
    return options;
  }

  /** The Agent is kept as long as CA and client certificate keep their bytes; a changed one closes gracefully. */
  #dispatcher(options: RequestOptions): Agent {
    const tls = {
      ...(options.ca === undefined ? {} : { ca: asText(options.ca) }),
      ...(options.cert === undefined ? {} : { cert: asText(options.cert) }),
      ...(options.key === undefined ? {} : { key: asText(options.key) }),
      ...(options.rejectUnauthorized === undefined ? {} : { rejectUnauthorized: options.rejectUnauthorized }),
      ...(options.servername === undefined ? {} : { servername: options.servername }),
    };
    const key = JSON.stringify(tls);
    if (this.#agent !== undefined && key === this.#agentKey) return this.#agent;
    const old = this.#agent;
    this.#agent = new Agent({
      allowH2: false,
      keepAliveTimeout: 60_000,
      connect: { ...tls, timeout: 5000, keepAlive: true, keepAliveInitialDelay: 15_000 },
    });
    this.#agentKey = key;
    // Streams of the old Agent go on until they end by themselves: their TLS sessions were verified when made.
    old?.close(() => undefined);
    return this.#agent;
  }
}

function withCaller(own: AbortSignal, caller: AbortSignal | undefined): AbortSignal {
  return caller === undefined ? own : AbortSignal.any([own, caller]);
}

function unreachable(request: HttpRequest, cause: unknown): CertError {
  if (cause instanceof CertError) return cause;
  if (request.signal?.aborted === true) {
    return new CertError('Aborted', `${request.method} ${request.path} was given up`, { cause });
  }
  const why = cause instanceof Error ? cause.message : String(cause);
  return new CertError(
    'Unreachable',
    `the API server does not answer ${request.method} ${request.path}: ${why}`,
    {
      cause,
    },
  );
}

function asText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  return undefined;
}

function textHeaders(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (typeof value === 'string') headers[name] = value;
  }
  return headers;
}
