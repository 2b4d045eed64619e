// Optional host paths that a node does not have (R18). A Pod that mounts one stays in ContainerCreating for good, so it
// is made again without; the ConfigMap says so, and that is also where the next Pod learns it from.
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { Inventory } from '../world.ts';

/** The kubelet's words (pkg/volume/hostpath): `hostPath type check failed: /etc/sysconfig is not a directory`. */
const typeCheck = /hostPath type check failed: (\S+) is not a (?:directory|file)/;

/** Never left out: without these there is nothing to renew. */
const required: ReadonlySet<string> = new Set(['/etc/kubernetes', '/var/lib/kubelet/pki']);

const notePrefix = 'not on this node, left out: ';

/** Paths that the Events of a Pod name as missing and that it can do without. */
export function missingPaths(problems: readonly string[]): string[] {
  const paths = problems.flatMap((problem) => {
    const path = typeCheck.exec(problem)?.[1];
    // A Pod that sees the host below a directory of its own still names the host's path here.
    return path === undefined || required.has(path) ? [] : [path];
  });
  return [...new Set(paths)].toSorted();
}

/** The paths that the Pod mounts from the host. */
export function mountedPaths(pod: Pod): string[] {
  return (pod.spec?.volumes ?? []).flatMap(({ hostPath }) => (hostPath === undefined ? [] : [hostPath.path]));
}

export function noteOfMissing(path: string): string {
  return `${notePrefix}${path}`;
}

/** What the last scan had to leave out. */
export function knownMissing(inventory: Inventory | undefined): string[] {
  return (inventory?.notes ?? []).flatMap((note) =>
    note.startsWith(notePrefix) ? [note.slice(notePrefix.length)] : [],
  );
}
