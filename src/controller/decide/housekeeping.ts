// What has served its purpose is taken away: Pods whose result has been read or whose node is gone, old rotations.
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { CertificateRotation } from '../../kube/types.ts';
import { labels } from '../labels.ts';
import type { Action } from '../world.ts';
import { remove } from './inventory.ts';
import { isTerminating } from './pod-state.ts';
import { byAge, groupBy, isTerminal, label, type View } from './view.ts';

/** The contract: the last five of a node are kept, one that is open among them. */
const kept = 5;
/** History of a machine that is gone is of use to nobody for longer. */
const keptOfGone = 7 * 86_400_000;

export function decideHousekeeping(view: View): Action[] {
  const { pods, rotations, now } = view.world;
  const perNode = groupBy(rotations, ({ spec }) => `${spec.nodeName}\n${spec.nodeUID}`);
  return [
    ...pods.filter((pod) => !isTerminating(pod) && isOrphan(pod, view)).map(remove),
    ...[...perNode.values()].flatMap(tooMany).map(forget),
    ...view.homeless.filter((rotation) => isLongGone(rotation, now)).map(forget),
  ];
}

/** Harvest Pods are the vault's own business. */
function isOrphan(pod: Pod, view: View): boolean {
  const nodeUID = label(pod, labels.nodeUID);
  const nodeIsThere = view.nodes.some(({ uid }) => uid === nodeUID);
  const kind = label(pod, labels.kind);
  if (kind === 'scan' || kind === 'stage') return !nodeIsThere;
  if (kind === 'rotate' || kind === 'restart-kubelet') return !nodeIsThere || !isNeeded(pod, view);
  return false;
}

/** While the result has not been written, the Pod is where it can be read. */
function isNeeded(pod: Pod, { world }: View): boolean {
  const uid = label(pod, labels.rotation);
  const rotation = world.rotations.find(({ metadata }) => metadata.uid === uid);
  const phase = rotation?.status?.phase;
  return phase === 'Admitted' || phase === 'Running';
}

function tooMany(rotations: readonly CertificateRotation[]): CertificateRotation[] {
  const ended = rotations.filter(isTerminal).toSorted(byAge);
  const excess = rotations.length - kept;
  return excess <= 0 ? [] : ended.slice(0, excess);
}

function isLongGone(rotation: CertificateRotation, now: Date): boolean {
  const ended = Date.parse(rotation.status?.finishedAt ?? '');
  return isTerminal(rotation) && now.getTime() - ended > keptOfGone;
}

function forget(rotation: CertificateRotation): Action {
  return { type: 'delete-rotation', rotation };
}
