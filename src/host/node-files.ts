// The real files of a node. Paths are the node's own; in a Pod the node's root is seen under a directory (HOST_ROOT),
// where an absolute link of the host would lead into the Pod. So links are walked there, inside the root, and never
// by the kernel: every call goes to a path whose components were seen to be no links.
import * as fs from 'node:fs';
import { posix } from 'node:path';
import { CertError } from '../errors.ts';
import { errnoOf, onFile } from './errno.ts';
import { sha256OfFile } from './executable.ts';
import type { FileStat, Files } from './files.ts';
import { libc } from './libc.ts';

const linkLimit = 40; // as the kernel's own

/** Largest file that is ever expected: certificates, keys, kubeconfigs, manifests. */
export const sizeLimit = 1024 * 1024;

/** @param root where the node's root directory is seen; '/' on the node itself */
export function nodeFiles(root = '/'): Files {
  const prefix = root === '/' ? '' : root.replace(/\/+$/, '');
  const real = (path: string): string => `${prefix}${path}` || '/';
  /** On the node itself the kernel may follow the links: they lead where a walk would, and it asks nobody for their parts. */
  const isKernels = (path: string): boolean => prefix === '' && isPlain(path);
  const walk = (path: string, followLast: boolean): string =>
    walkLinks(path, followLast, {
      isLink: (each) =>
        onFile(each, () =>
          unlessMissing(() => fs.lstatSync(real(each), { throwIfNoEntry: false })?.isSymbolicLink()),
        ) === true,
      readlink: (each) => onFile(each, () => fs.readlinkSync(real(each))),
    });
  /** The name itself, with the directories above it resolved. */
  const name = (path: string): string => (isKernels(path) ? path : real(walk(path, false)));
  /** What it leads to. */
  const target = (path: string): string => (isKernels(path) ? path : real(walk(path, true)));

  /** The highest directory above a path that is of the same file system. */
  const mountOf = (path: string): string => {
    let mount = posix.dirname(walk(path, false));
    while (mount !== '/' && deviceOf(real(posix.dirname(mount))) === deviceOf(real(mount)))
      mount = posix.dirname(mount);
    return mount;
  };

  return {
    lstat: (path) => statOf(path, name(path), fs.lstatSync),
    stat: (path) => statOf(path, target(path), fs.statSync),
    readlink: (path) => onFile(path, () => fs.readlinkSync(name(path))),
    realpath(path) {
      const known = isKernels(path) ? realpathOf(path) : undefined;
      if (known !== undefined) return known;
      const found = walk(path, true);
      // What the kernel does not find, nothing else of this will open.
      const at = isKernels(path) ? path : real(found);
      if (statOf(path, at, fs.statSync) === undefined)
        throw new CertError('NotFound', `${path} does not exist`, { file: path });
      return found;
    },
    readdir: (path) => onFile(path, () => fs.readdirSync(target(path)).toSorted()),
    read: (path, limit = sizeLimit) => onFile(path, () => readRegular(name(path), path, limit)),
    sha256: (path) => onFile(path, () => sha256OfFile(name(path))),
    mkdir: (path, mode) =>
      onFile(
        path,
        () => {
          fs.mkdirSync(name(path), { mode });
          fs.chmodSync(name(path), mode);
        },
        mountOf,
      ),
    create: (path, bytes, as) =>
      onFile(
        path,
        () => createFile(name(path), bytes, as, as.like === undefined ? undefined : name(as.like)),
        mountOf,
      ),
    symlink: (text, path) => onFile(path, () => fs.symlinkSync(text, name(path)), mountOf),
    rename: (from, to) => onFile(to, () => fs.renameSync(name(from), name(to)), mountOf),
    unlink: (path) => onFile(path, () => fs.unlinkSync(name(path))),
    rmdir: (path) => onFile(path, () => fs.rmdirSync(name(path))),
    syncDirectory: (path) => onFile(path, () => syncPath(target(path), fs.constants.O_DIRECTORY)),
  };
}

/** Absolute, and its last part is a name. */
const isPlain = (path: string): boolean =>
  path.startsWith('/') && !path.includes('\0') && !/\/\.{0,2}$/.test(path);

/** Undefined where the kernel does not say: the walk tells why. */
function realpathOf(path: string): string | undefined {
  try {
    return fs.realpathSync.native(path);
  } catch {
    return undefined;
  }
}

interface LinkReader {
  isLink(path: string): boolean;
  readlink(path: string): string;
}

/**
 * Resolves the links of an absolute path inside its root: an absolute target starts again at the root, `..` ends there.
 * Errors: PathEscapes on a loop.
 */
export function walkLinks(path: string, followLast: boolean, reader: LinkReader): string {
  if (!posix.isAbsolute(path) || path.includes('\0'))
    throw new CertError('Io', `${JSON.stringify(path)} is no absolute path`, { file: path });
  const pending = path.split('/').filter((part) => part !== '' && part !== '.');
  let walked: string[] = [];
  let links = 0;
  for (let part = pending.shift(); part !== undefined; part = pending.shift()) {
    if (part === '..') {
      walked.pop();
      continue;
    }
    const here = `/${[...walked, part].join('/')}`;
    const follow = pending.length > 0 || followLast;
    if (!follow || !reader.isLink(here)) {
      walked.push(part);
      continue;
    }
    links += 1;
    if (links > linkLimit)
      throw new CertError('PathEscapes', `${path} is a loop of links; name the file itself`, { file: path });
    const target = reader.readlink(here);
    if (posix.isAbsolute(target)) walked = [];
    pending.unshift(...target.split('/').filter((each) => each !== '' && each !== '.'));
  }
  return `/${walked.join('/')}`;
}

function unlessMissing<T>(operation: () => T): T | undefined {
  try {
    return operation();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

const deviceOf = (at: string): bigint | undefined =>
  fs.lstatSync(at, { bigint: true, throwIfNoEntry: false })?.dev;

/** @param at where the kernel finds it */
const statOf = (path: string, at: string, look: typeof fs.lstatSync): FileStat | undefined =>
  toStat(onFile(path, () => unlessMissing(() => look(at, { bigint: true, throwIfNoEntry: false }))));

function toStat(stat: fs.BigIntStats | undefined): FileStat | undefined {
  if (stat === undefined) return undefined;
  return {
    kind: kindOf(stat),
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: Number(stat.size),
    links: Number(stat.nlink),
    dev: stat.dev,
    ino: stat.ino,
    mtimeNs: stat.mtimeNs,
  };
}

function kindOf(stat: fs.BigIntStats): FileStat['kind'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  return stat.isSocket() ? 'socket' : 'device';
}

// O_NONBLOCK: opening a FIFO or a device must not wait for its other end.
const readFlags = fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK;

function readRegular(real: string, path: string, limit: number): Uint8Array {
  const fd = fs.openSync(real, readFlags);
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isFile())
      throw new CertError('NotRegularFile', `${path} is no regular file; name a file`, { file: path });
    if (stat.size > limit) throw tooLarge(path, limit);
    // As large as it says, and one more to see its end; what is longer than it says (/proc, or it grows) gets more.
    let buffer = Buffer.alloc(Math.max(stat.size, 4095) + 1);
    let length = 0;
    for (let read = -1; read !== 0; length += read) {
      if (length === buffer.length) buffer = Buffer.concat([buffer], 2 * length);
      read = fs.readSync(fd, buffer, length, buffer.length - length, null);
      if (length + read > limit) throw tooLarge(path, limit);
    }
    return new Uint8Array(buffer.subarray(0, length));
  } finally {
    fs.closeSync(fd);
  }
}

function tooLarge(path: string, limit: number): CertError {
  return new CertError(
    'TooLarge',
    `${path} is larger than ${limit} bytes, as nothing is that belongs here; name another file`,
    {
      file: path,
    },
  );
}

function createFile(
  real: string,
  bytes: Uint8Array,
  as: { readonly mode: number; readonly uid: number; readonly gid: number },
  like: string | undefined,
): void {
  const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = fs.constants;
  // 0600 first: the bytes may be a key, and the owner is not set yet.
  const fd = fs.openSync(real, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
  try {
    for (let written = 0; written < bytes.length;)
      written += fs.writeSync(fd, bytes, written, bytes.length - written);
    fs.fchownSync(fd, as.uid, as.gid);
    fs.fchmodSync(fd, as.mode);
    if (like !== undefined) copyXattrs(like, real);
    fs.fsyncSync(fd);
  } catch (error) {
    // A half-made file of ours must not stay where disk space may be what is missing.
    fs.rmSync(real, { force: true });
    throw error;
  } finally {
    fs.closeSync(fd);
  }
}

/** SELinux label, ACLs, capabilities and the rest. Nothing outside of Bun, which alone can ask for them. */
function copyXattrs(from: string, to: string): void {
  const library = libc();
  if (library === undefined) return;
  for (const name of library.listXattrs(from)) {
    const value = library.getXattr(from, name);
    if (value === undefined) continue;
    const current = library.getXattr(to, name);
    if (current !== undefined && Buffer.compare(current, value) === 0) continue;
    const errno = library.setXattr(to, name, value);
    if (errno !== 0)
      throw new CertError('Io', `extended attribute ${name} of ${from} cannot be copied (errno ${errno})`, {
        file: from,
      });
  }
}

function syncPath(real: string, flags: number): void {
  const fd = fs.openSync(real, fs.constants.O_RDONLY | flags);
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
