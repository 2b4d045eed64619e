// The few system calls that node:fs lacks, through bun:ffi: only in the executable, which Bun runs. Under plain Node
// (the tests) there is none, and callers fall back or leave out.

type Symbols = Readonly<
  Record<string, (...args: readonly (number | Uint8Array | null)[]) => number | bigint>
>;
interface ForeignFunctions {
  dlopen(
    library: string,
    symbols: Record<string, { args: string[]; returns: string }>,
  ): { readonly symbols: Symbols };
  readonly read: { i32(pointer: unknown, offset: number): number };
}

export interface Libc {
  /** flock(2), LOCK_EX | LOCK_NB: false when another holds it. */
  tryLock(fd: number): boolean;
  /** Names of the extended attributes of a file; a link is not followed. Empty where the file system has none. */
  listXattrs(path: string): string[];
  getXattr(path: string, name: string): Uint8Array | undefined;
  /** Result: 0, or an errno. */
  setXattr(path: string, name: string, value: Uint8Array): number;
  chroot(path: string): number;
}

const lockExclusiveNonBlocking = 2 | 4;
const noData = 61; // ENODATA
const wouldBlock = 11; // EWOULDBLOCK
const notSupported = 95; // EOPNOTSUPP

let loaded: Libc | null | undefined;

/** The C library, or undefined outside of Bun. */
export function libc(): Libc | undefined {
  loaded ??= load();
  return loaded ?? undefined;
}

function load(): Libc | null {
  if (process.versions['bun'] === undefined) return null;
  const ffi: unknown = process.getBuiltinModule('bun:ffi');
  if (!isForeignFunctions(ffi)) return null;
  const { symbols } = ffi.dlopen('libc.so.6', {
    flock: { args: ['i32', 'i32'], returns: 'i32' },
    llistxattr: { args: ['ptr', 'ptr', 'u64'], returns: 'i64' },
    lgetxattr: { args: ['ptr', 'ptr', 'ptr', 'u64'], returns: 'i64' },
    lsetxattr: { args: ['ptr', 'ptr', 'ptr', 'u64', 'i32'], returns: 'i32' },
    chroot: { args: ['ptr'], returns: 'i32' },
    __errno_location: { args: [], returns: 'ptr' },
  });
  return wrap(ffi, symbols);
}

const isForeignFunctions = (module: unknown): module is ForeignFunctions =>
  typeof module === 'object' && module !== null && 'dlopen' in module;

/** A C string. */
const text = (value: string): Uint8Array => Buffer.from(`${value}\0`, 'utf8');

function wrap(ffi: ForeignFunctions, symbols: Symbols): Libc {
  const call = (name: string, ...args: (number | Uint8Array | null)[]): number => {
    const symbol = symbols[name];
    if (symbol === undefined) throw new Error(`libc has no ${name}`);
    return Number(symbol(...args));
  };
  const errno = (): number => ffi.read.i32(symbols['__errno_location']?.(), 0);
  const bytesOf = (name: string, ...args: (number | Uint8Array | null)[]): Uint8Array | undefined => {
    const buffer = new Uint8Array(65_536);
    const length = call(name, ...args, buffer, buffer.length);
    if (length >= 0) return buffer.slice(0, length);
    const why = errno();
    if (why === noData || why === notSupported) return undefined;
    throw new Error(`${name}: errno ${why}`);
  };
  return {
    tryLock(fd) {
      if (call('flock', fd, lockExclusiveNonBlocking) === 0) return true;
      const why = errno();
      if (why === wouldBlock) return false;
      throw new Error(`flock: errno ${why}`);
    },
    listXattrs(path) {
      const names = bytesOf('llistxattr', text(path));
      if (names === undefined) return [];
      return Buffer.from(names)
        .toString('utf8')
        .split('\0')
        .filter((name) => name !== '');
    },
    getXattr: (path, name) => bytesOf('lgetxattr', text(path), text(name)),
    setXattr(path, name, value) {
      const result = call('lsetxattr', text(path), text(name), value, value.length, 0);
      return result === 0 ? 0 : errno();
    },
    chroot: (path) => (call('chroot', text(path)) === 0 ? 0 : errno()),
  };
}
