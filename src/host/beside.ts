// The name under which a new file waits beside the one that it replaces.
import { posix } from 'node:path';

/**
 * In the same directory, so on the same file system, and with a dot first, which the kubelet overlooks in its manifests
 * directory (reliability.md 0.2).
 */
export const besideName = (path: string, journalId: string): string =>
  `${posix.dirname(path)}/.${posix.basename(path)}.ccr-${journalId}`;

/** The file that would be replaced; any other path is its own. */
export function targetOf(path: string): string {
  const { dir, base } = posix.parse(path);
  const name = /^\.(.+)\.ccr-[^.]+$/.exec(base)?.[1];
  return name === undefined ? path : posix.join(dir, name);
}
