// The objects that a reflector knows. Besides the watch, our own writes are put in at once: a decision taken before
// the watch has caught up would otherwise be taken on the state before the last one.

/** What the cache needs of an object. Kubernetes' types have every field optional. */
export interface Cached {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
  };
}

/** Deleted uids that are remembered against late news of them. */
const tombstones = 1000;

export function keyOf(object: Cached): string {
  const { namespace, name } = object.metadata ?? {};
  return namespace === undefined ? (name ?? '') : `${namespace}/${name ?? ''}`;
}

export class Cache<T extends Cached> {
  #objects = new Map<string, T>();
  /** By key and by uid: the count of all changes when it was put in or buried. */
  readonly #putAt = new Map<string, number>();
  readonly #buried = new Map<string, number>();
  #changes = 0;

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): readonly T[] {
    return [...this.#objects.values()];
  }

  /** To be taken before a list is asked for: what is put in or removed from then on is newer than the list may be. */
  mark(): number {
    return this.#changes;
  }

  /**
   * A complete list takes the place of everything that is older than `mark`, whatever its version: etcd may have been
   * restored to the past. True when something differs.
   */
  replaceAll(objects: readonly T[], mark: number): boolean {
    const before = this.#objects;
    const listed = new Map(objects.map((object) => [keyOf(object), object]));
    this.#objects = new Map();
    for (const [key, object] of listed) {
      if (this.#isBuried(object, mark)) continue;
      this.#buried.delete(object.metadata?.uid ?? '');
      this.#objects.set(key, this.#newerOf(before.get(key), object, mark));
    }
    for (const [key, known] of before) {
      if (this.#isSince(key, mark) && !listed.has(key)) this.#objects.set(key, known);
    }
    for (const key of this.#putAt.keys()) if (!this.#objects.has(key)) this.#putAt.delete(key);
    return (
      before.size !== this.#objects.size || [...this.#objects].some(([key, one]) => before.get(key) !== one)
    );
  }

  #newerOf(known: T | undefined, listed: T, mark: number): T {
    if (known === undefined || !sameObject(known, listed)) return listed;
    const isSame = known.metadata?.resourceVersion === listed.metadata?.resourceVersion;
    const wins = this.#isSince(keyOf(listed), mark) && !isNewer(listed, known);
    return isSame || wins ? known : listed;
  }

  #isSince(key: string, mark: number): boolean {
    return (this.#putAt.get(key) ?? 0) > mark;
  }

  /** False when what is known is as new or newer, or when the object is known to be deleted. */
  put(object: T): boolean {
    if (this.#isBuried(object)) return false;
    const known = this.#objects.get(keyOf(object));
    if (known !== undefined && sameObject(known, object) && !isNewer(object, known)) return false;
    this.#objects.set(keyOf(object), object);
    this.#putAt.set(keyOf(object), ++this.#changes);
    return true;
  }

  remove(object: T): boolean {
    const uid = object.metadata?.uid;
    if (uid !== undefined) this.#bury(uid);
    const known = this.#objects.get(keyOf(object));
    if (known === undefined || !sameObject(known, object)) return false;
    return this.#objects.delete(keyOf(object));
  }

  #bury(uid: string): void {
    this.#buried.set(uid, ++this.#changes);
    const [oldest] = this.#buried.keys();
    if (this.#buried.size > tombstones && oldest !== undefined) this.#buried.delete(oldest);
  }

  #isBuried(object: T, since = -1): boolean {
    const at = this.#buried.get(object.metadata?.uid ?? '');
    return at !== undefined && at > since;
  }
}

function sameObject(a: Cached, b: Cached): boolean {
  return a.metadata?.uid === b.metadata?.uid;
}

/** resourceVersions of one kind are ordered as integers (KEP-5504; so in every etcd-backed server). */
function isNewer(a: Cached, b: Cached): boolean {
  const [left, right] = [a.metadata?.resourceVersion ?? '', b.metadata?.resourceVersion ?? ''];
  if (!/^\d+$/.test(left) || !/^\d+$/.test(right)) return left !== right;
  return BigInt(left) > BigInt(right);
}
