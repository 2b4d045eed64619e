// A disk for tests that dies. Names and contents are volatile until they are synced, as on a real file system: what a
// process sees and what would be there after a power loss are kept apart. Every change is one operation, and `onStep`
// hears of each before it happens.
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { CertError } from '../errors.ts';
import type { FileStat, Files } from './files.ts';
import { sizeLimit, walkLinks } from './node-files.ts';

interface Inode {
  readonly number: bigint;
  readonly kind: 'file' | 'directory' | 'symlink';
  mode: number;
  uid: number;
  gid: number;
  mtimeNs: bigint;
  content: Uint8Array;
  /** What a power loss leaves of the content. */
  lasting: Uint8Array;
  readonly target: string;
  entries: Map<string, Inode>;
  lastingEntries: Map<string, Inode>;
  /** Changes of names that were not synced, oldest first. */
  pending: NameChange[];
}

interface NameChange {
  readonly remove?: string;
  readonly add?: readonly [string, Inode];
}

export interface DiskEntry {
  readonly path: string;
  readonly stat: FileStat;
  readonly content: Uint8Array;
  readonly target: string;
}

export class CrashFiles implements Files {
  #root: Inode;
  #numbers = 1n;
  #clock = 0n;
  /** Called before every change; throwing is the death of the process. */
  onStep: (what: string) => void = () => undefined;

  constructor() {
    this.#root = this.#inode('directory', { mode: 0o755, uid: 0, gid: 0 });
  }

  #inode(kind: Inode['kind'], as: { mode: number; uid: number; gid: number; target?: string }): Inode {
    this.#numbers += 1n;
    this.#clock += 1n;
    return {
      number: this.#numbers,
      kind,
      mode: as.mode,
      uid: as.uid,
      gid: as.gid,
      mtimeNs: this.#clock,
      content: new Uint8Array(),
      lasting: new Uint8Array(),
      target: as.target ?? '',
      entries: new Map(),
      lastingEntries: new Map(),
      pending: [],
    };
  }

  #find(path: string): Inode | undefined {
    let node: Inode | undefined = this.#root;
    for (const part of path.split('/').filter((each) => each !== '')) node = node?.entries.get(part);
    return node;
  }

  #resolve(path: string, followLast: boolean): string {
    return walkLinks(path, followLast, {
      isLink: (each) => this.#find(each)?.kind === 'symlink',
      readlink: (each) => this.#find(each)?.target ?? '',
    });
  }

  #at(path: string): Inode {
    const found = this.#find(path);
    if (found === undefined) throw new CertError('NotFound', `${path} does not exist`, { file: path });
    return found;
  }

  /** Directory and last name of a path that is to be changed. */
  #place(path: string): { parent: Inode; name: string } {
    const resolved = this.#resolve(path, false);
    const parent = this.#at(posix.dirname(resolved));
    return { parent, name: posix.basename(resolved) };
  }

  #change(parent: Inode, change: NameChange): void {
    parent.pending.push(change);
    applyChange(parent.entries, change);
  }

  lstat(path: string): FileStat | undefined {
    return toStat(this.#find(this.#resolve(path, false)));
  }
  stat(path: string): FileStat | undefined {
    return toStat(this.#find(this.#resolve(path, true)));
  }
  readlink(path: string): string {
    return this.#at(this.#resolve(path, false)).target;
  }
  realpath(path: string): string {
    const resolved = this.#resolve(path, true);
    this.#at(resolved);
    return resolved;
  }
  readdir(path: string): string[] {
    return [...this.#at(this.#resolve(path, true)).entries.keys()].toSorted();
  }
  read(path: string, limit: number = sizeLimit): Uint8Array {
    const found = this.#at(this.#resolve(path, false));
    if (found.kind !== 'file')
      throw new CertError('NotRegularFile', `${path} is no regular file`, { file: path });
    if (found.content.length > limit) throw new CertError('TooLarge', `${path} is too large`, { file: path });
    return found.content.slice();
  }

  sha256 = (path: string): string => createHash('sha256').update(this.read(path)).digest('hex');

  mkdir(path: string, mode: number): void {
    const { parent, name } = this.#place(path);
    this.onStep(`mkdir ${path}`);
    if (parent.entries.has(name)) throw new CertError('Conflict', `${path} exists already`);
    this.#change(parent, { add: [name, this.#inode('directory', { mode, uid: 0, gid: 0 })] });
  }

  /** Four operations, as the real one: make the name, write some, write the rest, sync. */
  create(
    path: string,
    bytes: Uint8Array,
    as: { mode: number; uid: number; gid: number; like?: string },
  ): void {
    const { parent, name } = this.#place(path);
    this.onStep(`create ${path}`);
    if (parent.entries.has(name)) throw new CertError('Conflict', `${path} exists already`, { file: path });
    const file = this.#inode('file', { mode: 0o600, uid: 0, gid: 0 });
    this.#change(parent, { add: [name, file] });
    this.onStep(`write half of ${path}`);
    file.content = bytes.slice(0, Math.floor(bytes.length / 2));
    this.onStep(`write ${path}`);
    file.content = bytes.slice();
    [file.mode, file.uid, file.gid] = [as.mode, as.uid, as.gid];
    this.onStep(`fsync ${path}`);
    file.lasting = file.content;
  }

  symlink(target: string, path: string): void {
    const { parent, name } = this.#place(path);
    this.onStep(`symlink ${path}`);
    if (parent.entries.has(name)) throw new CertError('Conflict', `${path} exists already`);
    this.#change(parent, { add: [name, this.#inode('symlink', { mode: 0o777, uid: 0, gid: 0, target })] });
  }

  rename(from: string, to: string): void {
    const source = this.#place(from);
    const target = this.#place(to);
    const inode = this.#at(this.#resolve(from, false));
    this.onStep(`rename ${from} ${to}`);
    if (source.parent === target.parent) {
      this.#change(source.parent, { remove: source.name, add: [target.name, inode] });
      return;
    }
    this.#change(target.parent, { add: [target.name, inode] });
    this.#change(source.parent, { remove: source.name });
  }

  unlink(path: string): void {
    const { parent, name } = this.#place(path);
    this.#at(this.#resolve(path, false));
    this.onStep(`unlink ${path}`);
    this.#change(parent, { remove: name });
  }

  rmdir(path: string): void {
    const { parent, name } = this.#place(path);
    if (this.#at(this.#resolve(path, false)).entries.size > 0)
      throw new CertError('Io', `${path} is not empty`);
    this.onStep(`rmdir ${path}`);
    this.#change(parent, { remove: name });
  }

  syncDirectory(path: string): void {
    const directory = this.#at(this.#resolve(path, true));
    this.onStep(`fsync ${path}`);
    settleNames(directory);
  }

  /** Everything as it is now is on the disk: the state from which a test begins. */
  settle(): void {
    forEach(this.#root, (inode) => {
      settleNames(inode);
      inode.lasting = inode.content;
    });
  }

  /** How many changes of names a power loss could take or leave. */
  get pendingCount(): number {
    let count = 0;
    forEach(this.#root, ({ pending }) => (count += pending.length));
    return count;
  }

  /** The process died, the machine lives: all that was done is there. */
  afterKill(): CrashFiles {
    return this.#copy(() => true, false);
  }

  /**
   * The machine died: contents that were not synced are empty, and of the changes of names that were not synced those
   * are there for which `keeps` says so (0-based, in a fixed order). A file system may write them in any order.
   */
  afterPowerLoss(keeps: (index: number) => boolean): CrashFiles {
    return this.#copy(keeps, true);
  }

  #copy(keeps: (index: number) => boolean, losesContent: boolean): CrashFiles {
    let index = 0;
    const kept = new Map<NameChange, boolean>();
    forEach(this.#root, ({ pending }) => {
      for (const change of pending) kept.set(change, keeps(index++));
    });
    const copies = new Map<Inode, Inode>();
    const copy = (inode: Inode): Inode => {
      const known = copies.get(inode);
      if (known !== undefined) return known;
      const content = losesContent ? inode.lasting : inode.content;
      const made: Inode = {
        ...inode,
        content,
        lasting: losesContent ? content : inode.lasting,
        entries: new Map(),
        pending: [],
      };
      copies.set(inode, made);
      const names = new Map(inode.lastingEntries);
      for (const change of inode.pending) if (kept.get(change) === true) applyChange(names, change);
      made.entries = new Map([...names].map(([name, child]) => [name, copy(child)]));
      made.lastingEntries = new Map(made.entries);
      return made;
    };
    const result = new CrashFiles();
    result.#root = copy(this.#root);
    result.#numbers = this.#numbers;
    result.#clock = this.#clock;
    return result;
  }

  /** Every file and link, sorted by path. */
  list(): DiskEntry[] {
    const found: DiskEntry[] = [];
    const walk = (inode: Inode, path: string): void => {
      const stat = toStat(inode);
      if (inode.kind !== 'directory' && stat !== undefined)
        found.push({ path, stat, content: inode.content, target: inode.target });
      for (const [name, child] of inode.entries) walk(child, `${path}/${name}`);
    };
    walk(this.#root, '');
    return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }
}

function applyChange(names: Map<string, Inode>, { remove, add }: NameChange): void {
  if (remove !== undefined) names.delete(remove);
  if (add !== undefined) names.set(add[0], add[1]);
}

function settleNames(directory: Inode): void {
  directory.lastingEntries = new Map(directory.entries);
  directory.pending = [];
}

/** Directories that have no name any more matter to nobody. */
function forEach(inode: Inode, visit: (inode: Inode) => void, seen: Set<Inode> = new Set()): void {
  if (seen.has(inode)) return;
  seen.add(inode);
  visit(inode);
  for (const child of inode.entries.values()) forEach(child, visit, seen);
}

function toStat(inode: Inode | undefined): FileStat | undefined {
  if (inode === undefined) return undefined;
  return {
    kind: inode.kind,
    mode: inode.mode,
    uid: inode.uid,
    gid: inode.gid,
    size: inode.content.length,
    links: 1,
    dev: 1n,
    ino: inode.number,
    mtimeNs: inode.mtimeNs,
  };
}
