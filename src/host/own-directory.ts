// The directory of the product on a node, in which keys lie.
import * as fs from 'node:fs';
import process from 'node:process';

/**
 * Makes the directory where it is missing (0700), and closes it to others: where the kubelet had to make it for a Pod's
 * mount it did so with 0755. One that is a link, or of somebody else, stays as it is.
 */
export function makeOwnDirectory(path: string): void {
  fs.mkdirSync(path, { recursive: true, mode: 0o700 });
  const stat = fs.lstatSync(path);
  const isOurs = stat.isDirectory() && stat.uid === process.geteuid?.();
  if (isOurs && (stat.mode & 0o077) !== 0) fs.chmodSync(path, 0o700);
}
