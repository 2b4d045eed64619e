// What has served its purpose is taken away: Pods whose result has been read or whose node is gone, old rotations.
import type { Pod } from 'kubernetes-types/core/v1.js';
import type { CertificateRotation } from '../../kube/types.ts';
import { labels } from '../labels.ts';
import type { Action, World } from '../world.ts';
import { remove } from './inventory.ts';
import { isTerminating } from './pod-state.ts';
import { isPlanned } from './rotation-object.ts';
import { byAge, isTerminal, wasNeverBegun } from '../../kube/objects.ts';
import { groupBy, keptRotations, label, type View } from './view.ts';

/** The gates ask what a person had done within the last hour (R16). */
const hour = 3_600_000;
/** History of a machine that is gone is of use to nobody for longer. */
const keptOfGone = 7 * 86_400_000;

export function decideHousekeeping(view: View): Action[] {
  const { pods, now } = view.world;
  const homeless = groupBy(view.homeless, ({ spec }) => `${spec.nodeName}\n${spec.nodeUID}`);
  const crowded = [
    ...view.crowded.map(({ rotations }) => rotations),
    ...[...homeless.values()].filter(({ length }) => length > keptRotations),
  ];
  return [
    ...orphansAmong(pods, view).map(remove),
    ...crowded.flatMap((all) => tooMany(all, view)).map(forget),
    ...view.homeless.filter((rotation) => isLongGone(rotation, now)).map(forget),
  ];
}

/** Harvest Pods are the vault's own business. */
function orphansAmong(pods: readonly Pod[], { nodes, busy, homeless }: View): Pod[] {
  const candidates = pods.filter((pod) => !isTerminating(pod));
  if (candidates.length === 0) return [];
  const asked = new Set(candidates.map((pod) => label(pod, labels.nodeUID)));
  const there = new Set<string | undefined>(nodes.map(({ uid }) => uid).filter((uid) => asked.has(uid)));
  const active = [...busy.flatMap((node) => node.active), ...homeless];
  const needed = new Set(active.filter(needsItsPods).map(({ metadata }) => metadata.uid));
  return candidates.filter((pod) => {
    const nodeIsThere = there.has(label(pod, labels.nodeUID));
    const kind = label(pod, labels.kind);
    if (kind === 'scan' || kind === 'stage') return !nodeIsThere;
    if (kind === 'rotate' || kind === 'restart-kubelet')
      return !nodeIsThere || !needed.has(label(pod, labels.rotation));
    return false;
  });
}

/** While the result has not been written, the Pod is where it can be read. */
function needsItsPods({ status }: CertificateRotation): boolean {
  return status?.phase === 'Admitted' || status?.phase === 'Running';
}

/** What was never begun is no history: it goes first. What the gates still ask about stays, however many they are. */
function tooMany(rotations: readonly CertificateRotation[], { world }: View): CertificateRotation[] {
  const excess = rotations.length - keptRotations;
  const ended = rotations.filter((one) => isTerminal(one) && !isAskedAbout(one, world)).toSorted(byAge);
  const [unbegun, begun] = [ended.filter(wasNeverBegun), ended.filter((one) => !wasNeverBegun(one))];
  return [...unbegun, ...begun].slice(0, excess);
}

/** By the breaker, when it failed; by the limit of one an hour, when a person asked for it. */
function isAskedAbout(rotation: CertificateRotation, { now, configuration }: World): boolean {
  if (wasNeverBegun(rotation) || (rotation.status?.phase === 'Succeeded' && isPlanned(rotation)))
    return false;
  const age = now.getTime() - Date.parse(rotation.status?.finishedAt ?? '');
  return age < Math.max(hour, configuration.breaker.coolDown);
}

function isLongGone(rotation: CertificateRotation, now: Date): boolean {
  const ended = Date.parse(rotation.status?.finishedAt ?? '');
  return isTerminal(rotation) && now.getTime() - ended > keptOfGone;
}

function forget(rotation: CertificateRotation): Action {
  return { type: 'delete-rotation', rotation };
}
