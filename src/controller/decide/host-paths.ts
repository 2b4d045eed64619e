// Optional host paths that a node does not have (R18). A Pod that mounts one stays in ContainerCreating for good, so it
// is made again without; the ConfigMap says so, and that is also where the next Pod learns it from.
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { Inventory } from '../world.ts';
import { isBeingCreated } from './pod-state.ts';

/**
 * The kubelet's words (pkg/volume/hostpath): `hostPath type check failed: /etc/sysconfig is not a directory`; 1.37 has a
 * comma there when nothing lies at the path.
 */
const typeCheck = /hostPath type check failed[:,] (\S+) is not a (?:directory|file)\b/;

/** Never left out: without these there is nothing to renew. */
const required: ReadonlySet<string> = new Set(['/etc/kubernetes', '/var/lib/kubelet/pki']);

const notePrefix = 'not on this node, left out: ';

/** A path may come back, with another release of the system. Each try costs a Pod that does not start where it has not. */
const triedEvery = 7 * 86_400_000;

/** What the next scan leaves out: what the last one had to, but for the first scan of each week, which tries them all. */
export function leftOutNext(inventory: Inventory | undefined, now: Date): string[] {
  const isTried = weekOf(Date.parse(inventory?.collectedAt ?? '')) !== weekOf(now.getTime());
  return isTried ? [] : knownMissing(inventory);
}

function weekOf(moment: number): number {
  return Math.floor(moment / triedEvery);
}

/** Paths that the Events of a Pod name as missing and that it can do without. */
export function missingPaths(pod: Pod, problems: readonly string[]): string[] {
  // A Pod that is being set up is where such a thing can be true.
  if (!isBeingCreated(pod)) return [];
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
