// An API server over HTTPS that keeps everything in memory. What it does not do: docs/adr/0014.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { setInterval } from 'node:timers';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { Authority, createAuthority, type Pair } from './authority.ts';
import { Collector } from './collector.ts';
import { impersonated } from './impersonation.ts';
import type { Context } from './kinds.ts';
import type { Fields } from './objects.ts';
import { authorize, refusal } from './rbac.ts';
import { Registry } from './registry.ts';
import { readRequestInfo } from './request-info.ts';
import { answer, type Parts } from './routes.ts';
import { plantSeeds } from './seeds.ts';
import { ApiError, plainError } from './status.ts';
import { Store } from './store.ts';
import { Tokens } from './tokens.ts';
import { authenticate, type User } from './users.ts';
import { listen } from '../../listen.ts';

export interface ApiOptions {
  /** Signs users and, unless `serving` is given, the server. A new one when absent. */
  readonly authority?: Authority;
  readonly serving?: Pair;
  /** PEM bundle of whose certificates are users; the authority's when absent. */
  readonly clientCa?: string;
  /** Of ServiceAccounts' tokens, P-256. */
  readonly tokenKey?: KeyObject;
  readonly listen?: { readonly host: string; readonly port: number };
  readonly now?: () => Date;
  /** Changes that are remembered for watches and pages. */
  readonly history?: number;
  /** Milliseconds between bookmarks, and between the collector's looks. */
  readonly bookmark?: number;
  readonly sweep?: number;
}

export interface ApiServer {
  readonly url: string;
  readonly port: number;
  readonly caPem: string;
  readonly store: Store;
  /** A client certificate of its authority. */
  clientCertificate(user: string, groups: readonly string[]): Pair;
  /** From the next handshake on. */
  setServingCertificate(pair: Pair): void;
  /** Ends every connection at once; the store stays. */
  stop(): Promise<void>;
  /** On the same port again. Errors: BadConfiguration when it cannot be had. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** Errors: BadConfiguration when the address cannot be had. */
export async function startApi(options: ApiOptions = {}): Promise<ApiServer> {
  const server = new Api(options, options.authority ?? createAuthority());
  await server.start();
  return server;
}

const superuser: User = { name: 'system:apiserver', groups: ['system:masters'], extra: {} };

class Api implements ApiServer {
  readonly store: Store;
  readonly #options: ApiOptions;
  readonly #authority: Authority;
  readonly #parts: Parts;
  readonly #collector: Collector;
  #serving: Pair;
  #server: Server | undefined;
  #port: number;
  #sweeps: NodeJS.Timeout | undefined;

  constructor(options: ApiOptions, authority: Authority) {
    this.#options = options;
    this.#authority = authority;
    this.store = new Store(options.history ?? 10_000);
    const tokenKey = options.tokenKey ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    this.#parts = {
      registry: new Registry(this.store),
      tokens: new Tokens(this.store, tokenKey, () => this.#now()),
      timing: { bookmark: options.bookmark ?? 60_000 },
    };
    this.#serving = options.serving ?? authority.issue(servingWish);
    this.#port = options.listen?.port ?? 0;
    this.#collector = new Collector(this.#parts.registry, () => this.#contextOf(superuser));
    plantSeeds(this.#contextOf(superuser));
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `https://${this.#host}:${this.#port}`;
  }

  get caPem(): string {
    return this.#authority.caPem;
  }

  clientCertificate(user: string, groups: readonly string[]): Pair {
    return this.#authority.issue({ commonName: user, organizations: groups, usage: 'clientAuth' });
  }

  setServingCertificate(pair: Pair): void {
    this.#serving = pair;
    this.#server?.setSecureContext({ ...pair, ca: this.#clientCa });
  }

  async start(): Promise<void> {
    const server = createServer(
      {
        ...this.#serving,
        ca: this.#clientCa,
        requestCert: true,
        rejectUnauthorized: false,
        ALPNProtocols: ['http/1.1'],
      },
      (request, response) => void this.#serve(request, response),
    );
    await listen(server, { host: this.#host, port: this.#port });
    const address = server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
    this.#server = server;
    this.#sweeps = setInterval(() => this.#collector.sweep(), this.#options.sweep ?? 500);
  }

  async stop(): Promise<void> {
    clearInterval(this.#sweeps);
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    server.closeAllConnections();
    await closed;
  }

  async close(): Promise<void> {
    await this.stop();
  }

  get #host(): string {
    return this.#options.listen?.host ?? '127.0.0.1';
  }

  get #clientCa(): string {
    return this.#options.clientCa ?? this.#authority.caPem;
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date();
  }

  #contextOf(user: User): Context {
    const { store } = this;
    return {
      now: this.#now(),
      user,
      store,
      may: (wanted) => authorize(store, user, { ...nothing, ...wanted }).allowed,
    };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const answered = await this.#answer(request, response);
      if (answered !== undefined) send(response, answered.code, answered.body);
    } catch (error) {
      if (response.headersSent) response.destroy();
      else if (error instanceof ApiError) send(response, error.code, error.toStatus());
      else send(response, 500, plainError(String(error)).toStatus());
    }
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Awaited<ReturnType<typeof answer>>> {
    const asker = await authenticate(request, this.#parts.tokens, this.#now());
    const user = impersonated(this.store, asker, request);
    const url = new URL(request.url ?? '/', this.url);
    const info = readRequestInfo(request.method ?? 'GET', url);
    const { allowed, reason } = authorize(this.store, user, info);
    if (!allowed) throw refusal(user, info, reason);
    const context = this.#contextOf(user);
    return answer({ request, response, info, query: url.searchParams, context }, this.#parts);
  }
}

const nothing = {
  isResource: true,
  path: '',
  verb: '',
  group: '',
  namespace: undefined,
  resource: '',
  subresource: '',
  name: '',
};

const servingWish = {
  commonName: 'kube-apiserver',
  sans: [
    { kind: 'ip', value: '127.0.0.1' },
    { kind: 'dns', value: 'localhost' },
  ],
  usage: 'serverAuth',
} as const;

function send(response: ServerResponse, code: number, body: Fields | string): void {
  const isText = typeof body === 'string';
  const text = isText ? body : JSON.stringify(body);
  response.writeHead(code, {
    'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
    'cache-control': 'no-cache, private',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
