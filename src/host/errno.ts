// What the kernel answers, as our own errors: what is wrong, with which file, and what to do.
import type { ErrorCode } from '../errors.ts';
import { CertError } from '../errors.ts';

const known: Readonly<Record<string, { readonly code: ErrorCode; readonly text: string }>> = {
  ENOENT: { code: 'NotFound', text: 'does not exist' },
  ENOTDIR: { code: 'NotFound', text: 'does not exist: a part of its path is no directory' },
  ELOOP: { code: 'PathEscapes', text: 'is a link, or a loop of links, where a plain file is expected' },
  EISDIR: { code: 'NotRegularFile', text: 'is a directory; name a file' },
  ENXIO: { code: 'NotRegularFile', text: 'is no regular file; name a file' },
  ENODEV: { code: 'NotRegularFile', text: 'is no regular file; name a file' },
  ENOSPC: { code: 'NoSpace', text: 'cannot be written: no room or no inodes left; free some and try again' },
  EDQUOT: { code: 'NoSpace', text: 'cannot be written: the quota is used up' },
  EROFS: {
    code: 'ReadOnly',
    text: 'lies on a file system that is mounted read-only; mount it writable and try again',
  },
  EPERM: {
    code: 'Immutable',
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

export function toCertError(error: unknown, path: string): CertError {
  if (error instanceof CertError) return error;
  const errno = errnoOf(error) ?? 'unknown error';
  const entry = known[errno];
  return new CertError(entry?.code ?? 'Io', `${path} ${entry?.text ?? `cannot be used: ${errno}`}`, {
    file: path,
    cause: error,
  });
}

/** Runs one operation on a file and gives its failure our form. */
export function onFile<T>(path: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw toCertError(error, path);
  }
}
