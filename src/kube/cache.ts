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
  readonly #buried = new Set<string>();

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  values(): readonly T[] {
    return [...this.#objects.values()];
  }

  /** A complete list takes the place of everything, but for what is known to be newer. True when something differs. */
  replaceAll(objects: readonly T[]): boolean {
    const before = this.#objects;
    this.#objects = new Map();
    let changed = false;
    for (const object of objects) {
      if (this.#isBuried(object)) continue;
      const known = before.get(keyOf(object));
      const keep =
        known !== undefined && sameObject(known, object) && !isNewer(object, known) ? known : object;
      if (keep !== known) changed = true;
      this.#objects.set(keyOf(object), keep);
    }
    return changed || before.size !== this.#objects.size;
  }

  /** False when what is known is as new or newer, or when the object is known to be deleted. */
  put(object: T): boolean {
    if (this.#isBuried(object)) return false;
    const known = this.#objects.get(keyOf(object));
    if (known !== undefined && sameObject(known, object) && !isNewer(object, known)) return false;
    this.#objects.set(keyOf(object), object);
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
    this.#buried.add(uid);
    const [oldest] = this.#buried;
    if (this.#buried.size > tombstones && oldest !== undefined) this.#buried.delete(oldest);
  }

  #isBuried(object: T): boolean {
    const uid = object.metadata?.uid;
    return uid !== undefined && this.#buried.has(uid);
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
