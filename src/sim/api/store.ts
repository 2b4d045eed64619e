// All objects, one counter of versions, and as much history as watches and paged lists may still ask for.
import type { ApiObject } from './objects.ts';

export interface Change {
  readonly revision: number;
  /** Which resource: `group/plural`. */
  readonly resource: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** As it is now; of a deletion, as it was, with the version of the deletion. */
  readonly object: ApiObject;
  readonly before: ApiObject | undefined;
}

/** Path below its resource, as etcd has it: lists are in this order. */
export const keyOf = ({ metadata }: Pick<ApiObject, 'metadata'>): string =>
  metadata.namespace === undefined ? (metadata.name ?? '') : `${metadata.namespace}/${metadata.name ?? ''}`;

/** Synchronous: nothing happens between a look and the write that follows it. Objects in it are never changed. */
export class Store {
  readonly #objects = new Map<string, Map<string, ApiObject>>();
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #historyLength: number;
  #history: Change[] = [];
  #revision = 1;
  /** History goes back to what came after this version. */
  #oldest = 1;

  constructor(historyLength: number) {
    this.#historyLength = historyLength;
  }

  get revision(): number {
    return this.#revision;
  }

  get oldest(): number {
    return this.#oldest;
  }

  get(resource: string, key: string): ApiObject | undefined {
    return this.#objects.get(resource)?.get(key);
  }

  /** In the order of their keys. */
  list(resource: string): ApiObject[] {
    return inOrder(this.#objects.get(resource) ?? new Map());
  }

  /** As they were at a version, or undefined when that is forgotten. */
  listAt(resource: string, revision: number): ApiObject[] | undefined {
    if (revision >= this.#revision) return this.list(resource);
    if (revision < this.#oldest) return undefined;
    const objects = new Map(this.#objects.get(resource));
    for (const change of this.#since(revision).toReversed()) {
      if (change.resource !== resource) continue;
      const key = keyOf(change.object);
      if (change.before === undefined) objects.delete(key);
      else objects.set(key, change.before);
    }
    return inOrder(objects);
  }

  /** Gives the object with its new version. */
  put(resource: string, object: ApiObject): ApiObject {
    const objects = this.#objects.get(resource) ?? new Map<string, ApiObject>();
    this.#objects.set(resource, objects);
    const before = objects.get(keyOf(object));
    const stored = this.#withNextRevision(object);
    objects.set(keyOf(object), stored);
    this.#tell({ resource, type: before === undefined ? 'ADDED' : 'MODIFIED', object: stored, before });
    return stored;
  }

  /** Gives the object with the version of its end. */
  remove(resource: string, object: ApiObject): ApiObject {
    const objects = this.#objects.get(resource);
    const before = objects?.get(keyOf(object));
    if (objects === undefined || before === undefined) return object;
    objects.delete(keyOf(object));
    const ended = this.#withNextRevision(object);
    this.#tell({ resource, type: 'DELETED', object: ended, before });
    return ended;
  }

  /** Changes after a version, or undefined when some of them are forgotten. */
  changesSince(revision: number): readonly Change[] | undefined {
    return revision < this.#oldest ? undefined : this.#since(revision);
  }

  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Forgets all history: whoever asks for what came before is told that it is gone. */
  compact(): void {
    this.#history = [];
    this.#oldest = this.#revision;
  }

  #since(revision: number): readonly Change[] {
    const first = this.#history.findIndex((change) => change.revision > revision);
    return first < 0 ? [] : this.#history.slice(first);
  }

  #withNextRevision(object: ApiObject): ApiObject {
    this.#revision += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } };
  }

  #tell(change: Omit<Change, 'revision'>): void {
    const told = { ...change, revision: this.#revision };
    this.#history.push(told);
    // Cut in large pieces: one by one would copy the whole list for every write.
    if (this.#history.length > 2 * this.#historyLength) {
      const dropped = this.#history.splice(0, this.#history.length - this.#historyLength);
      this.#oldest = dropped.at(-1)?.revision ?? this.#oldest;
    }
    for (const listener of this.#listeners) listener(told);
  }
}

function inOrder(objects: ReadonlyMap<string, ApiObject>): ApiObject[] {
  return [...objects].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
}
