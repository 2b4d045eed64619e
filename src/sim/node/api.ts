// The API server as the parts of a simulated cluster talk to it. A kubeconfig is read once, as the real parts do with one
// that somebody else renews: what is new in it needs a restart.
import * as fs from 'node:fs';
import { Agent, request, type RequestOptions } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { createSecureContext } from 'node:tls';
import { setTimeout as wait } from 'node:timers/promises';
import {
  currentCluster,
  currentUser,
  parseKubeconfig,
  serverOf,
  type CredentialSource,
} from '../../formats/kubeconfig.ts';

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

interface Listed {
  readonly metadata: { readonly uid?: string; readonly name?: string };
}

export class ApiError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const timeoutMs = 10_000;
const againMs = 100;
/** Each costs a handshake at both ends: many requests at once wait for a few of them. */
const maxSockets = 8;

export interface ApiAccess {
  readonly host: string;
  readonly port: number;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** What a kubeconfig's current context says, with what lies in the files that it names. */
export function accessOf(kubeconfigPath: string): ApiAccess {
  const config = parseKubeconfig(fs.readFileSync(kubeconfigPath, 'utf8'), kubeconfigPath);
  const [cluster, user] = [currentCluster(config), currentUser(config)];
  const server = serverOf(cluster?.server);
  if (server === undefined) throw new Error(`${kubeconfigPath} names no server`);
  const { host, port } = server;
  const [ca, cert, key] = [cluster?.authority, user?.certificate, user?.key].map(textOf);
  return { host, port, ca, cert, key };
}

function textOf(source: CredentialSource | undefined): string | undefined {
  if (source === undefined) return undefined;
  return source.kind === 'data' ? source.pem : fs.readFileSync(source.path, 'utf8');
}

export class Api {
  readonly #options: RequestOptions;
  readonly #agent: Agent;
  readonly server: { readonly host: string; readonly port: number };

  constructor(access: ApiAccess) {
    this.server = { host: access.host, port: access.port };
    const { host, port, ca, cert, key } = access;
    // Made once: a context costs more than a connection.
    const secureContext = createSecureContext({ ca, cert, key });
    this.#agent = new Agent({ keepAlive: true, maxSockets, secureContext });
    this.#options = { host, port, agent: this.#agent };
  }

  close(): void {
    this.#agent.destroy();
  }

  /** The parsed answer. @throws ApiError for a status of 400 and more; network errors as they come */
  async call<T>(method: string, path: string, body?: object, type = 'application/json'): Promise<T> {
    const response = await this.#send(method, path, AbortSignal.timeout(timeoutMs), body, type);
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
    const status = response.statusCode ?? 0;
    if (status >= 400) throw new ApiError(status, `${method} ${path}: ${status} ${text.slice(0, 300)}`);
    const value: T = JSON.parse(text);
    return value;
  }

  async patch<T>(path: string, body: object): Promise<T> {
    return this.call('PATCH', path, body, 'application/merge-patch+json');
  }

  /** Keeps `onChange` told of everything under a list, until the signal; what goes wrong is tried again. */
  async follow<T extends Listed>(
    path: string,
    onChange: (all: ReadonlyMap<string, T>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#followOnce(path, onChange, signal);
      } catch {
        // The server went away, or the watch is too old: list again.
      }
      await wait(againMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #followOnce<T extends Listed>(
    path: string,
    onChange: (all: ReadonlyMap<string, T>) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const list = await this.call<{ items: T[]; metadata: { resourceVersion: string } }>('GET', path);
    const all = new Map(list.items.map((each) => [each.metadata.uid ?? '', each]));
    onChange(all);
    const from = `resourceVersion=${list.metadata.resourceVersion}&allowWatchBookmarks=true`;
    const response = await this.#send(
      'GET',
      `${path}${path.includes('?') ? '&' : '?'}watch=1&${from}`,
      signal,
    );
    if (response.statusCode !== 200) throw new ApiError(response.statusCode ?? 0, 'the watch was refused');
    for await (const { type, object } of linesOf<WatchEvent<T>>(response)) {
      if (type === 'ERROR') return;
      if (type === 'BOOKMARK') continue;
      if (type === 'DELETED') all.delete(object.metadata.uid ?? '');
      else all.set(object.metadata.uid ?? '', object);
      onChange(all);
    }
  }

  async #send(
    method: string,
    path: string,
    signal: AbortSignal,
    body?: object,
    type = 'application/json',
  ): Promise<IncomingMessage> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    // Node sends no length of a DELETE's body by itself, and the server would take the body for the next request.
    const content =
      text === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) };
    const options = {
      ...this.#options,
      method,
      path,
      headers: { accept: 'application/json', ...content },
      signal,
    };
    try {
      return await exchange(options, text);
    } catch (error) {
      if (!(error instanceof LostConnection)) throw error;
      return exchange(options, text);
    }
  }
}

/** The server has closed a kept connection just as it was used again: it has not seen the request. */
class LostConnection extends Error {}

async function exchange(options: RequestOptions, text: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = request(options, resolve);
    sent.once('error', (error) => {
      const lost = sent.reusedSocket && 'code' in error && error.code === 'ECONNRESET';
      reject(lost ? new LostConnection('the connection was closed', { cause: error }) : error);
    });
    sent.end(text);
  });
}

async function* linesOf<T>(response: IncomingMessage): AsyncGenerator<T> {
  let rest = '';
  for await (const chunk of response.setEncoding('utf8')) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const value: T = JSON.parse(line);
      yield value;
    }
  }
}
