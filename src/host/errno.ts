// What the kernel answers, as our own errors: what is wrong, with which file, and what to do.
import type { ErrorCode } from '../errors.ts';
import { CertError } from '../errors.ts';
import { targetOf } from './beside.ts';

interface Known {
  readonly code: ErrorCode;
  readonly text: string;
  /** It is of the directory or its file system: said of the file that is replaced, not of the one that waits beside it. */
  readonly ofPlace?: true;
}

const known: Readonly<Record<string, Known>> = {
  ENOENT: { code: 'NotFound', text: 'does not exist' },
  ENOTDIR: { code: 'NotFound', text: 'does not exist: a part of its path is no directory; name another' },
  ELOOP: {
    code: 'PathEscapes',
    text: 'is a link, or a loop of links, where a plain file is expected; name the file itself',
  },
  EISDIR: { code: 'NotRegularFile', text: 'is a directory; name a file' },
  ENXIO: { code: 'NotRegularFile', text: 'is no regular file; name a file' },
  ENODEV: { code: 'NotRegularFile', text: 'is no regular file; name a file' },
  ENOSPC: { code: 'NoSpace', text: 'cannot be written: no room or no inodes left', ofPlace: true },
  EDQUOT: { code: 'NoSpace', text: 'cannot be written: the quota is used up', ofPlace: true },
  EROFS: {
    code: 'ReadOnly',
    ofPlace: true,
    text: 'lies on a file system that is mounted read-only; mount it writable and try again',
  },
  EPERM: {
    code: 'Immutable',
    ofPlace: true,
    text: 'may not be changed: it or its directory is immutable or append-only (lsattr shows it; chattr -i and try again)',
  },
  EEXIST: { code: 'Conflict', text: 'exists already' },
  EXDEV: { code: 'Io', text: 'lies on another file system than its temporary file' },
  EACCES: { code: 'Io', text: 'may not be touched by this user; run as root' },
};

/** The system's own word for an error, e.g. ENOSPC. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** @param mountOf says at which directory the file system of a path is mounted, where it is known who can */
export function toCertError(error: unknown, path: string, mountOf?: (path: string) => string): CertError {
  if (error instanceof CertError) return error;
  const errno = errnoOf(error) ?? 'unknown error';
  const entry = known[errno];
  const file = entry?.ofPlace === true ? targetOf(path) : path;
  const text = entry?.text ?? `cannot be used: ${errno}`;
  const room = entry?.code === 'NoSpace' ? roomText(mountOf?.(path)) : '';
  return new CertError(entry?.code ?? 'Io', `${file} ${text}${room}`, { file, cause: error });
}

const roomText = (mount: string | undefined): string =>
  mount === undefined
    ? '; free some and try again'
    : ` on the file system at ${mount}; free some there and try again`;

/** Runs one operation on a file and gives its failure our form. */
export function onFile<T>(path: string, operation: () => T, mountOf?: (path: string) => string): T {
  try {
    return operation();
  } catch (error) {
    throw toCertError(error, path, mountOf);
  }
}
