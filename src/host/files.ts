// The narrow waist to a node's files. Everything that writes a node goes through this interface, so that the crash
// layer of the tests can let the machine die at every single operation.

export interface FileStat {
  readonly kind: 'file' | 'directory' | 'symlink' | 'fifo' | 'device' | 'socket';
  /** Permission bits only (07777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly links: number;
  /** Device and inode: the identity of the file behind a name. */
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mtimeNs: bigint;
}

/** Synchronous on purpose: a swap is a handful of system calls in a fixed order, and nothing may come between them. */
export interface Files {
  lstat(path: string): FileStat | undefined;
  stat(path: string): FileStat | undefined;
  readlink(path: string): string;
  realpath(path: string): string;
  readdir(path: string): string[];
  /** Reads a regular file of at most `limit` bytes without following a link at its last component. Errors: NotFound, NotRegularFile, TooLarge, Io. */
  read(path: string, limit?: number): Uint8Array;
  /** Of a regular file of any size. Errors: as `read`. */
  sha256(path: string): string;
  mkdir(path: string, mode: number): void;
  /** Creates `path` (it must not exist), writes, sets owner and mode, copies extended attributes of `like`, fsyncs the file. */
  create(
    path: string,
    bytes: Uint8Array,
    as: { mode: number; uid: number; gid: number; like?: string },
  ): void;
  symlink(target: string, path: string): void;
  rename(from: string, to: string): void;
  unlink(path: string): void;
  rmdir(path: string): void;
  /** fsync of a directory: makes the names in it last. */
  syncDirectory(path: string): void;
}
