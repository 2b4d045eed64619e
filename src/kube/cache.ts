// The objects that a reflector knows. Besides the watch, our own writes are put in at once: a decision taken before
// the watch has caught up would otherwise be taken on the state before the last one.
import { isDeepStrictEqual } from 'node:util';

/** What the cache needs of an object. Kubernetes' types have every field optional. */
export interface Cached {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
  };
}

export interface CacheOptions {
  /**
   * A new version that differs in nothing but its version is no news: the object stays the value that it was, and keeps the
   * version of that. Not for what is written by its version.
   */
  readonly versionIsNoNews?: boolean;
}

/** Deleted uids that are remembered against late news of them. */
const tombstones = 1000;

export function keyOf(object: Cached): string {
  const { namespace, name } = object.metadata ?? {};
  return namespace === undefined ? (name ?? '') : `${namespace}/${name ?? ''}`;
}

export class Cache<T extends Cached> {
  #objects = new Map<string, T>();
  /** Of these, as long as none comes, changes or goes: who asks for thousands again and again sees by it that none did. */
  #values: readonly T[] | undefined;
  /** By key and by uid: the count of all changes when it was put in or buried. */
  readonly #putAt = new Map<string, number>();
  readonly #buried = new Map<string, number>();
  /** By key: the last version heard of, where it was no news. */
  readonly #versions = new Map<string, string>();
  readonly #versionIsNoNews: boolean;
  #changes = 0;

  constructor({ versionIsNoNews = false }: CacheOptions = {}) {
    this.#versionIsNoNews = versionIsNoNews;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key);
  }

  /** The same value until one of them comes, changes or goes. */
  values(): readonly T[] {
    return (this.#values ??= [...this.#objects.values()]);
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
    const living = objects.filter((object) => !this.#isBuried(object, mark));
    const listed = new Map(living.map((object) => [keyOf(object), object]));
    this.#objects = new Map();
    for (const [key, object] of listed) {
      this.#buried.delete(object.metadata?.uid ?? '');
      this.#objects.set(key, this.#newerOf(before.get(key), object, mark));
    }
    for (const [key, known] of before) {
      if (this.#isSince(key, mark) && !listed.has(key)) this.#objects.set(key, known);
    }
    for (const known of [this.#putAt, this.#versions])
      for (const key of known.keys()) if (!this.#objects.has(key)) known.delete(key);
    const changed =
      before.size !== this.#objects.size || [...this.#objects].some(([key, one]) => before.get(key) !== one);
    if (changed) this.#values = undefined;
    return changed;
  }

  #newerOf(known: T | undefined, listed: T, mark: number): T {
    if (known === undefined) return this.#anew(listed);
    // Also of another uid: what has been put in since the list was asked for is not older than what it says.
    const wins = this.#isSince(keyOf(listed), mark) && !this.#isNewer(listed, known);
    if (wins) return known;
    if (!sameObject(known, listed)) return this.#anew(listed);
    if (this.#versionOf(known) === listed.metadata?.resourceVersion) return known;
    return this.#isNoNews(listed, known) ? this.#heardOf(listed, known) : this.#anew(listed);
  }

  #heardOf(version: T, known: T): T {
    this.#versions.set(keyOf(known), version.metadata?.resourceVersion ?? '');
    return known;
  }

  #anew(object: T): T {
    this.#versions.delete(keyOf(object));
    return object;
  }

  #isSince(key: string, mark: number): boolean {
    return (this.#putAt.get(key) ?? 0) > mark;
  }

  /** False when what is known is as new or newer, or when the object is known to be deleted. */
  put(object: T): boolean {
    if (this.#isBuried(object)) return false;
    const known = this.#objects.get(keyOf(object));
    const isSame = known !== undefined && sameObject(known, object);
    if (isSame && !this.#isNewer(object, known)) return false;
    this.#putAt.set(keyOf(object), ++this.#changes);
    if (isSame && this.#isNoNews(object, known)) {
      this.#heardOf(object, known);
      return false;
    }
    this.#objects.set(keyOf(object), this.#anew(object));
    this.#values = undefined;
    return true;
  }

  #versionOf(known: T): string | undefined {
    return this.#versions.get(keyOf(known)) ?? known.metadata?.resourceVersion;
  }

  #isNewer(object: T, known: T): boolean {
    return isNewer(object.metadata?.resourceVersion, this.#versionOf(known));
  }

  #isNoNews(object: T, known: T): boolean {
    return this.#versionIsNoNews && isDeepStrictEqual(withoutVersion(object), withoutVersion(known));
  }

  remove(object: T): boolean {
    const uid = object.metadata?.uid;
    if (uid !== undefined) this.#bury(uid);
    const known = this.#objects.get(keyOf(object));
    if (known === undefined || !sameObject(known, object)) return false;
    this.#values = undefined;
    this.#versions.delete(keyOf(object));
    this.#putAt.delete(keyOf(object));
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
function isNewer(left = '', right = ''): boolean {
  if (!/^\d+$/.test(left) || !/^\d+$/.test(right)) return left !== right;
  return BigInt(left) > BigInt(right);
}

function withoutVersion<T extends Cached>(object: T): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion: undefined } };
}
