// Keeps a cache of one kind of object true: list, then watch from there, again and again, whatever the API server does.
//
//   list (paged) ──▶ watch ──▶ stream ended ──▶ watch from the last resourceVersion
//        ▲             │ 410 expired ─────────▶ list
//        └── wait ◀────┴ error, silence ──────▶ wait (doubling, with jitter), then watch; a list when that fails too
import { setTimeout as wait } from 'node:timers/promises';
import { CertError } from '../errors.ts';
import { Cache, type Cached, type CacheOptions } from './cache.ts';
import type { KubeClient, ListOptions, Trim } from './client.ts';
import type { Resource } from './resources.ts';

export interface ReflectorOptions<T> extends ListOptions, Trim<T>, CacheOptions {
  readonly onChange: () => void;
  /** What went wrong, for the log; the reflector goes on. */
  readonly onError: (error: CertError) => void;
  /** Bookmarks come about once a minute: a stream silent for longer than this is dead. Milliseconds. */
  readonly idleTimeout?: number;
  /** First and longest wait after an error, milliseconds. */
  readonly backoff?: { readonly first: number; readonly most: number };
}

const defaultIdleTimeout = 150_000;
/** A watch that lives shorter than this has not been followed. The API server itself ends one after minutes. */
const atOnce = 5000;
const defaultBackoff = { first: 250, most: 15_000 };

export class Reflector<T extends Cached> {
  readonly #client: KubeClient;
  readonly #of: Resource<T>;
  readonly #options: ReflectorOptions<T>;
  readonly #cache: Cache<T>;
  #resourceVersion: string | undefined;
  #synced = false;
  #failures = 0;
  /** Watches in a row that ended at once and told nothing. */
  #fruitless = 0;

  constructor(client: KubeClient, of: Resource<T>, options: ReflectorOptions<T>) {
    this.#client = client;
    this.#of = of;
    this.#options = options;
    this.#cache = new Cache(options);
  }

  /** True once the first list is in. It stays true: later outages leave the cache as it was last seen. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Requests that failed in a row; 0 = in contact. */
  get failures(): number {
    return this.#failures;
  }

  values(): readonly T[] {
    return this.#cache.values();
  }

  /** By name, or `namespace/name`. */
  get(key: string): T | undefined {
    return this.#cache.get(key);
  }

  /** Puts in what a write of ours gave back, before the watch says so: it is a change like any other, and told. */
  noteWritten(object: T): void {
    if (this.#cache.put(this.#trim(object))) this.#options.onChange();
  }

  /** Takes out what a delete of ours removed, before the watch says so. */
  noteDeleted(object: T): void {
    if (this.#cache.remove(object)) this.#options.onChange();
  }

  /**
   * Asks for all of them now, beside the watch: afterwards nothing is missing that was there when it was called.
   * Errors: Unreachable, Denied, Aborted.
   */
  async refresh(): Promise<void> {
    await this.#list();
  }

  /** Runs until `signal` aborts; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#turn(signal);
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        await this.#failed(error, signal);
      }
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    if (this.#resourceVersion === undefined) {
      this.#resourceVersion = await this.#list();
      // The list was an answer: what fails from here on begins a new row of failures.
      this.#failures = 0;
    }
    const began = performance.now();
    const events = await this.#follow(this.#resourceVersion, signal);
    this.#fruitless = events > 0 || performance.now() - began > atOnce ? 0 : this.#fruitless + 1;
    // A server or proxy that ends every watch at once would be asked without a pause, list and all.
    if (this.#fruitless > 0) await this.#pause(this.#fruitless, signal);
  }

  /** Gives the version of the list. */
  async #list(): Promise<string> {
    const mark = this.#cache.mark();
    const list = await this.#client.list(this.#of, this.#options);
    const changed = this.#cache.replaceAll(list.items, mark);
    const first = !this.#synced;
    this.#synced = true;
    if (changed || first) this.#options.onChange();
    return list.resourceVersion;
  }

  /** Gives how many events told something. */
  async #follow(resourceVersion: string, signal: AbortSignal): Promise<number> {
    let told = 0;
    const events = this.#client.watch(this.#of, {
      ...this.#options,
      resourceVersion,
      idleTimeout: this.#options.idleTimeout ?? defaultIdleTimeout,
      signal,
    });
    for await (const event of events) {
      this.#failures = 0;
      switch (event.type) {
        case 'expired':
          this.#resourceVersion = undefined;
          return told;
        case 'bookmark':
          this.#resourceVersion = event.resourceVersion;
          break;
        case 'added':
        case 'modified':
          this.#resourceVersion = event.object.metadata?.resourceVersion;
          if (this.#cache.put(this.#trim(event.object))) this.#options.onChange();
          break;
        case 'deleted':
          this.#resourceVersion = event.object.metadata?.resourceVersion;
          if (this.#cache.remove(event.object)) this.#options.onChange();
          break;
      }
      told += 1;
    }
    return told;
  }

  async #failed(error: unknown, signal: AbortSignal): Promise<void> {
    this.#failures += 1;
    // Twice in a row: the stream's place may be what is wrong (a restored etcd), so begin with a list.
    if (this.#failures >= 2) this.#resourceVersion = undefined;
    this.#options.onError(
      error instanceof CertError
        ? error
        : new CertError('Unreachable', `following ${this.#of.plural} failed`, { cause: error }),
    );
    await this.#pause(this.#failures, signal);
  }

  async #pause(times: number, signal: AbortSignal): Promise<void> {
    const { first, most } = this.#options.backoff ?? defaultBackoff;
    const longest = Math.min(most, first * 2 ** Math.min(times - 1, 16));
    await pause(longest * (0.5 + Math.random() / 2), signal);
  }

  #trim(object: T): T {
    return this.#options.trim?.(object) ?? object;
  }
}

/** Waits; an abort ends the wait early and is no error. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(milliseconds, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
