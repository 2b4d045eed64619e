// The API as a client that holds its objects in memory: thousands of nodes at once, changed at will.
import type { KubeClient } from '../../src/kube/client.ts';
import { collectionPath, type Resource } from '../../src/kube/resources.ts';
import type { WatchEvent } from '../../src/kube/watch.ts';

interface Held {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
  };
}

interface Listed {
  readonly namespace?: string;
  readonly trim?: (object: Held) => unknown;
}

type Tell = (event: WatchEvent<never>) => void;

const nothing = (): void => undefined;

export class MemoryClient {
  readonly #objects = new Map<string, Map<string, Held>>();
  readonly #watchers = new Map<string, Set<Tell>>();
  #version = 1;

  put<T extends Held>(of: Resource<T>, object: T): void {
    const kind = this.#kind(of);
    const name = object.metadata?.name ?? '';
    const type = kind.has(name) ? 'modified' : 'added';
    this.#version += 1;
    const stored: Held = {
      ...object,
      metadata: { uid: name, ...object.metadata, resourceVersion: String(this.#version) },
    };
    kind.set(name, stored);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- who watches this kind knows its shape
    for (const tell of this.#watchers.get(of.plural) ?? []) tell({ type, object: stored as never });
  }

  /** What the dashboard uses of a client. */
  get client(): KubeClient {
    const used = {
      get: async (of: Resource<unknown>, { name }: { name: string }) => this.#kind(of).get(name),
      list: async (of: Resource<unknown>, { namespace, trim = (each) => each }: Listed = {}) => ({
        items: [...this.#kind(of).values()]
          .filter(({ metadata }) => namespace === undefined || metadata?.namespace === namespace)
          .map((each) => trim(each)),
        resourceVersion: String(this.#version),
      }),
      watch: (of: Resource<unknown>, { signal }: { signal: AbortSignal }) => this.#watch(of, signal),
    };
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the rest is never called
    return used as unknown as KubeClient;
  }

  #kind(of: Resource<unknown>): Map<string, Held> {
    const key = collectionPath(of);
    const known = this.#objects.get(key) ?? new Map<string, Held>();
    this.#objects.set(key, known);
    return known;
  }

  async *#watch(of: Resource<unknown>, signal: AbortSignal): AsyncGenerator<WatchEvent<never>> {
    const waiting: WatchEvent<never>[] = [];
    let wake = nothing;
    const tell: Tell = (event) => {
      waiting.push(event);
      wake();
    };
    const all = this.#watchers.get(of.plural) ?? new Set<Tell>();
    this.#watchers.set(of.plural, all.add(tell));
    const onAbort = (): void => wake();
    signal.addEventListener('abort', onAbort);
    while (!signal.aborted) {
      const event = waiting.shift();
      if (event === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      } else yield event;
    }
    all.delete(tell);
  }
}
