// Calls on API objects. What is expected is a value (not there, conflict, exists already); what is not is a CertError:
// Unreachable (network, timeout, 429, 5xx), Denied (refused by the server), Aborted. Nothing is retried here: the
// API server restarts under us, and the controller's loop is what tries again.
import { CertError } from '../errors.ts';
import { decode, statusOf } from './answers.ts';
import type { Connection, Credentials, HttpAnswer, HttpRequest } from './connection.ts';
import { collectionPath, objectPath } from './resources.ts';
import type { ObjectRef, Resource, Subresource } from './resources.ts';
import { readWatch, type WatchEvent } from './watch.ts';

export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface Trim<T> {
  /** Drops what nobody reads, page by page: thousands of objects are never in memory whole. */
  readonly trim?: (object: T) => T;
}

export interface List<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

/** Outcome of a write. `conflict`: changed since it was read. `exists`: name taken. `gone`: no such object. */
export type Written<T> =
  | { readonly ok: true; readonly object: T }
  | { readonly ok: false; readonly why: 'conflict' | 'exists' | 'gone'; readonly message: string };

export interface CreateOptions {
  /** The server checks and admits, and stores nothing. */
  readonly dryRun?: boolean;
}

export interface DeleteOptions {
  /** Only this very object; another one under its name is a conflict. */
  readonly uid: string;
  /** Only as it was read; what has changed since is a conflict. */
  readonly resourceVersion?: string;
  /** Seconds; the kind's default when absent. */
  readonly gracePeriodSeconds?: number;
}

export interface WatchOptions extends ListOptions {
  readonly resourceVersion: string;
  /** The stream is given up after this many milliseconds without a byte. */
  readonly idleTimeout: number;
  readonly signal: AbortSignal;
}

export interface KubeClient {
  get<T>(of: Resource<T>, ref: ObjectRef): Promise<T | undefined>;
  /** All pages. A list that expires between pages is begun again once. */
  list<T>(of: Resource<T>, options?: ListOptions & Trim<T>): Promise<List<T>>;
  create<T extends Named>(of: Resource<T>, object: T, options?: CreateOptions): Promise<Written<T>>;
  /** With the object's resourceVersion, so that a change by others is a conflict. */
  replace<T extends Named>(of: Resource<T>, object: T, subresource?: Subresource): Promise<Written<T>>;
  /** JSON merge patch (RFC 7386). */
  patch<T>(of: Resource<T>, ref: ObjectRef, patch: object, subresource?: Subresource): Promise<Written<T>>;
  patchStatus<T>(of: Resource<T>, ref: ObjectRef, status: object): Promise<Written<T>>;
  /** Gives the object as it still is while its Pod or finalizers end, undefined when nothing is left of it. */
  delete<T>(of: Resource<T>, ref: ObjectRef, options: DeleteOptions): Promise<Written<T | undefined>>;
  /** Ends when the server ends it. Errors: Unreachable (idle too), Denied, Aborted; `expired` in the event for 410. */
  watch<T>(of: Resource<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>>;
  /** GET of anything else (`/version`, `/readyz`): status and text as they are. */
  raw(path: string, timeout?: number): Promise<HttpAnswer>;
  credentials(): Promise<Credentials>;
}

/** What `create` and `replace` must know of an object. */
export interface Named {
  readonly metadata?: { readonly name?: string; readonly namespace?: string };
}

const pageSize = 500;
/** A page is in memory as bytes, as text and as values at once: of 500 Nodes that is twenty megabytes. */
const smallPageSize = 100;
const isLarge = ({ kind }: Resource<unknown>): boolean => kind === 'Node' || kind === 'ConfigMap';

export function createClient(connection: Connection, signal?: AbortSignal): KubeClient {
  return new Client(connection, signal);
}

class Client implements KubeClient {
  readonly #connection: Connection;
  readonly #signal: AbortSignal | undefined;

  constructor(connection: Connection, signal: AbortSignal | undefined) {
    this.#connection = connection;
    this.#signal = signal;
  }

  async get<T>(of: Resource<T>, ref: ObjectRef): Promise<T | undefined> {
    const request: HttpRequest = { method: 'GET', path: objectPath(of, ref) };
    const answer = await this.#request(request);
    if (answer.status === 404) return undefined;
    return decode<T>(request, answer);
  }

  async list<T>(of: Resource<T>, options: ListOptions & Trim<T> = {}): Promise<List<T>> {
    const first = await this.#pages(of, options);
    if (first !== 'expired') return first;
    const second = await this.#pages(of, options);
    if (second !== 'expired') return second;
    throw new CertError('Unreachable', `the list of ${of.plural} expires faster than it can be read`);
  }

  async #pages<T>(of: Resource<T>, options: ListOptions & Trim<T>): Promise<List<T> | 'expired'> {
    const items: T[] = [];
    let token: string | undefined;
    for (;;) {
      const query = selection(options);
      query.set('limit', String(isLarge(of) ? smallPageSize : pageSize));
      if (token !== undefined) query.set('continue', token);
      const request: HttpRequest = {
        method: 'GET',
        path: `${collectionPath(of, options.namespace)}?${query.toString()}`,
        timeout: 30_000,
      };
      const answer = await this.#request(request);
      if (answer.status === 410) return 'expired';
      const page = decode<{
        metadata: { resourceVersion: string; continue?: string };
        items: T[] | null;
      }>(request, answer);
      // Items of a list carry no kind of their own; everyone below relies on it.
      for (const item of page.items ?? []) {
        const object = { apiVersion: of.apiVersion, kind: of.kind, ...item };
        items.push(options.trim?.(object) ?? object);
      }
      token = page.metadata.continue === '' ? undefined : page.metadata.continue;
      if (token === undefined) return { items, resourceVersion: page.metadata.resourceVersion };
    }
  }

  async create<T extends Named>(
    of: Resource<T>,
    object: T,
    options: CreateOptions = {},
  ): Promise<Written<T>> {
    const query = options.dryRun === true ? '?dryRun=All' : '';
    return this.#write<T>({
      method: 'POST',
      path: collectionPath(of, object.metadata?.namespace) + query,
      body: { apiVersion: of.apiVersion, kind: of.kind, ...object },
    });
  }

  async replace<T extends Named>(of: Resource<T>, object: T, subresource?: Subresource): Promise<Written<T>> {
    const { name, namespace } = object.metadata ?? {};
    if (name === undefined) throw new TypeError(`a ${of.kind} without a name cannot be replaced`);
    return this.#write<T>({
      method: 'PUT',
      path: objectPath(of, refOf(name, namespace), subresource),
      body: { apiVersion: of.apiVersion, kind: of.kind, ...object },
    });
  }

  async patch<T>(
    of: Resource<T>,
    ref: ObjectRef,
    patch: object,
    subresource?: Subresource,
  ): Promise<Written<T>> {
    return this.#write<T>({
      method: 'PATCH',
      path: objectPath(of, ref, subresource),
      body: patch,
      contentType: 'application/merge-patch+json',
    });
  }

  async patchStatus<T>(of: Resource<T>, ref: ObjectRef, status: object): Promise<Written<T>> {
    return this.patch(of, ref, { status }, 'status');
  }

  async delete<T>(of: Resource<T>, ref: ObjectRef, options: DeleteOptions): Promise<Written<T | undefined>> {
    const written = await this.#write<{ kind?: string } & T>({
      method: 'DELETE',
      path: objectPath(of, ref),
      body: {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        preconditions: {
          uid: options.uid,
          ...(options.resourceVersion === undefined ? {} : { resourceVersion: options.resourceVersion }),
        },
        propagationPolicy: 'Background',
        ...(options.gracePeriodSeconds === undefined
          ? {}
          : { gracePeriodSeconds: options.gracePeriodSeconds }),
      },
    });
    if (!written.ok) return written;
    return { ok: true, object: written.object.kind === of.kind ? written.object : undefined };
  }

  async *watch<T>(of: Resource<T>, options: WatchOptions): AsyncGenerator<WatchEvent<T>> {
    const query = selection(options);
    query.set('watch', 'true');
    query.set('allowWatchBookmarks', 'true');
    query.set('resourceVersion', options.resourceVersion);
    // The server ends a watch by itself after this; different ends keep many watches from coming back at once.
    query.set('timeoutSeconds', String(240 + Math.floor(Math.random() * 120)));
    yield* readWatch<T>(this.#connection, {
      path: `${collectionPath(of, options.namespace)}?${query.toString()}`,
      idleTimeout: options.idleTimeout,
      signal: options.signal,
    });
  }

  async raw(path: string, timeout?: number): Promise<HttpAnswer> {
    return this.#request({ method: 'GET', path, ...(timeout === undefined ? {} : { timeout }) });
  }

  async credentials(): Promise<Credentials> {
    return this.#connection.credentials();
  }

  async #write<T>(request: HttpRequest): Promise<Written<T>> {
    const answer = await this.#request(request);
    if (answer.status === 404) return { ok: false, why: 'gone', message: statusOf(answer).message };
    if (answer.status === 409) {
      const { reason, message } = statusOf(answer);
      return { ok: false, why: reason === 'AlreadyExists' ? 'exists' : 'conflict', message };
    }
    return { ok: true, object: decode<T>(request, answer) };
  }

  async #request(request: HttpRequest): Promise<HttpAnswer> {
    return this.#connection.request(
      this.#signal === undefined ? request : { ...request, signal: this.#signal },
    );
  }
}

/** An ObjectRef without a namespace that is not there. */
export function refOf(name: string, namespace: string | undefined): ObjectRef {
  return namespace === undefined ? { name } : { name, namespace };
}

function selection(options: ListOptions): URLSearchParams {
  const query = new URLSearchParams();
  if (options.labelSelector !== undefined) query.set('labelSelector', options.labelSelector);
  if (options.fieldSelector !== undefined) query.set('fieldSelector', options.fieldSelector);
  return query;
}
