// What may be replaced on a node, and what is refused (design §3, R17): looked at before a file is written, and again
// just before it is renamed.
import { posix } from 'node:path';
import { CertError } from '../errors.ts';
import type { FileStat, Files } from './files.ts';
import { sizeLimit } from './node-files.ts';

/** Directories that hold certificates on a kubeadm node (R18): a link may lead from one to another. */
export const certificateRoots = ['/etc/kubernetes', '/var/lib/kubelet/pki', '/root'] as const;

export interface SafeTarget {
  readonly path: string;
  /** `path` with every link resolved: the name that is replaced. Links stay. */
  readonly realPath: string;
  readonly stat: FileStat;
}

/**
 * @param roots more directories that a link may lead into
 * @throws CertError NotFound, NotRegularFile, TooLarge, HardLinked, PathEscapes, UnsafeDirectory
 */
export function checkTarget(files: Files, path: string, roots: readonly string[] = []): SafeTarget {
  const realPath = files.realpath(path);
  const stat = files.lstat(realPath);
  if (stat === undefined) throw new CertError('NotFound', `${path} does not exist`, { file: path });
  if (stat.kind !== 'file')
    throw new CertError('NotRegularFile', `${path} is a ${stat.kind}, no regular file; name a file`, {
      file: path,
    });
  if (stat.size > sizeLimit)
    throw new CertError(
      'TooLarge',
      `${path} is larger than ${sizeLimit} bytes, as nothing is that belongs there; put back the right file`,
      { file: path },
    );
  if (stat.links > 1) {
    throw new CertError(
      'HardLinked',
      `${path} has ${stat.links} names (hard links); replacing it would fork them: leave one`,
      { file: path },
    );
  }
  refuseEscape(files, path, realPath, roots);
  for (const directory of new Set([posix.dirname(path), posix.dirname(realPath)]))
    refuseUnsafeDirectory(files, directory, path);
  return { path, realPath, stat };
}

function refuseEscape(files: Files, path: string, realPath: string, roots: readonly string[]): void {
  const own = files.realpath(posix.dirname(path));
  const allowed = [own, ...certificateRoots, ...roots];
  if (allowed.some((root) => isInside(realPath, root))) return;
  throw new CertError(
    'PathEscapes',
    `${path} is a link to ${realPath}, outside of its own directory and of ${certificateRoots.join(', ')}; name ${realPath} itself`,
    { file: path },
  );
}

const isInside = (path: string, root: string): boolean => path.startsWith(root === '/' ? '/' : `${root}/`);

/**
 * Refuses a directory, or one above it, that others than root may write: they could swap the file for a link while we
 * work. A sticky directory above (/tmp) lets nobody replace what root owns.
 */
export function refuseUnsafeDirectory(files: Files, directory: string, file: string): void {
  const own = files.realpath(directory);
  for (let each = own; ; each = posix.dirname(each)) {
    const stat = files.lstat(each);
    const sticky = stat !== undefined && (stat.mode & 0o1000) !== 0 && each !== own && stat.uid === 0;
    if (stat === undefined || (!sticky && (stat.uid !== 0 || (stat.mode & 0o022) !== 0))) {
      throw new CertError(
        'UnsafeDirectory',
        `${file}: ${each} may be written by others than root (${describe(stat)}); make it root's own (chown root, chmod go-w)`,
        { file },
      );
    }
    if (each === '/') return;
  }
}

const describe = (stat: FileStat | undefined): string =>
  stat === undefined ? 'missing' : `mode ${stat.mode.toString(8)}, owner ${stat.uid}`;
