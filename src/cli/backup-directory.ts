// Where a person may have the old files kept: not where others take every file for one of theirs.
import { posix } from 'node:path';
import { CertError } from '../errors.ts';
import { discoverNode } from '../host/discovery.ts';
import type { Files } from '../host/files.ts';
import { refuseUnsafeDirectory } from '../host/safe-target.ts';
import type { HostLayout } from '../host/layout.ts';

/**
 * @param directory absolute; it need not be there yet
 * @throws CertError Usage in the manifests directory (every file there is a Pod), among the live certificates or in the
 *   product's own directories that are swept; UnsafeDirectory
 */
export function checkBackupDirectory(
  { files, layout }: { readonly files: Files; readonly layout: HostLayout },
  directory: string,
): void {
  const real = realOf(files, directory);
  const pods = discoverNode(files).kubelet.staticPodPath;
  const taken = [
    '/etc/kubernetes/manifests',
    ...(pods === undefined ? [] : [pods]),
    '/etc/kubernetes/pki',
    '/var/lib/kubelet/pki',
    layout.journal,
    layout.staging,
  ];
  const place = taken.find((each) => isInside(real, realOf(files, each)));
  if (place !== undefined) {
    throw new CertError(
      'Usage',
      `--backup-dir ${directory} lies in ${place}, where files are read by others; name another directory`,
    );
  }
  refuseUnsafeDirectory(files, nearest(files, directory), directory);
}

const isInside = (path: string, directory: string): boolean => `${path}/`.startsWith(`${directory}/`);

/** With the links of what is there already resolved. */
function realOf(files: Files, path: string): string {
  const there = nearest(files, path);
  return posix.join(files.realpath(there), posix.relative(there, path));
}

/** The directory itself, or the lowest above it that is there. */
function nearest(files: Files, path: string): string {
  return path === '/' || files.stat(path) !== undefined ? path : nearest(files, posix.dirname(path));
}
