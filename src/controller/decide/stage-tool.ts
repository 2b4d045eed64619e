// On which nodes the tool is laid down for the day without an API (R18). The last scan said whether it is there. A node
// whose key is said to be known to others gets it in any case: without it pairs keep their key (R27). There no scan
// looks for it, so the Pod that laid it down stays until the rotation has ended.
import type { Pod } from 'kubernetes-types/core/v1.js';
import { labels } from '../labels.ts';
import { wantsTool } from '../pods.ts';
import type { Action } from '../world.ts';
import type { PodBuilders } from './builders.ts';
import { isScannedSince, remove } from './inventory.ts';
import { ageOf, isFinished, isTerminating, stuckAfter } from './pod-state.ts';
import { label, type NodeView, type View } from './view.ts';

/** A Pod that could not lay it down is tried again with the next scan, and this much later at the least. */
const retryAfter = 60 * 60_000;
/** Copying is a load on the image store and the disk: a few nodes at a time. */
const parallel = 5;

export function decideStageTool(view: View, build: PodBuilders): Action[] {
  const actions: Action[] = [];
  let places = parallel - view.world.pods.filter((pod) => isOccupying(pod, view)).length;
  for (const node of view.hasPods('stage') ? view.nodes : view.toolless) {
    const pods = view.podsOf('stage', node.uid).filter((pod) => !isTerminating(pod));
    actions.push(...pods.filter((pod) => mayGo(pod, node, view)).map(remove));
    if (pods.length > 0 || places <= 0 || !isWanted(node, view)) continue;
    actions.push({ type: 'create-pod', pod: build.stage(node.node, view.world.configuration) });
    places -= 1;
  }
  return actions;
}

/** One that does not start must not keep the others waiting. */
function isOccupying(pod: Pod, { world }: View): boolean {
  return label(pod, labels.kind) === 'stage' && !isFinished(pod) && ageOf(pod, world.now) < stuckAfter;
}

function isWanted(node: NodeView, view: View): boolean {
  const { configuration } = view.world;
  if (configuration.paused || !node.ready) return false;
  if (!wantsTool(node.node, configuration) && !isOnlyForNewKeys(node, view)) return false;
  if (node.active.length > 0) return false;
  return wantsTool(node.node, configuration) ? node.lacksTool : !wasLaidDown(node, view);
}

function wasLaidDown(node: NodeView, view: View): boolean {
  return view.podsOf('stage', node.uid).some((pod) => pod.status?.phase === 'Succeeded');
}

function isOnlyForNewKeys(node: NodeView, { world: { configuration } }: View): boolean {
  if (configuration.mode === 'observe' || configuration.stageTool === 'none') return false;
  return !wantsTool(node.node, configuration) && node.wantsNewKeys;
}

/** Whether a rotation does well to wait: the tool is wanted here and neither laid down nor tried in vain. */
export function isBeingStaged(node: NodeView, view: View): boolean {
  if (!isWanted(node, view)) return false;
  const pods = view.podsOf('stage', node.uid);
  return pods.every((pod) => pod.status?.phase !== 'Failed' && ageOf(pod, view.world.now) < stuckAfter);
}

/** After the scan that followed it; one that failed or hangs, after a while. */
function mayGo(pod: Pod, node: NodeView, view: View): boolean {
  const { now } = view.world;
  if (!isFinished(pod)) return ageOf(pod, now) > stuckAfter + retryAfter;
  if (isOnlyForNewKeys(node, view)) return pod.status?.phase === 'Failed' && ageOf(pod, now) > retryAfter;
  return isScannedSince(node, pod) && (!node.lacksTool || ageOf(pod, now) > retryAfter);
}
