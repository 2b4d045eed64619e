// From inventories to CertificateRotation objects: what `kubectl get certrot` shows is the plan.
//
// For one node, the first that applies:
//   one is being done        ▶ nothing is planned beside it
//   one made by hand waits   ▶ what was planned gives way to it
//   the inventory is old     ▶ nothing is planned until the node has been read again
//   else                     ▶ the one object that R1, grouping and the backoff want now, and no other
import type { CertificateRotation } from '../../kube/types.ts';
import type { Action } from '../world.ts';
import { carriedOn } from './backoff.ts';
import { isolated } from './isolate.ts';
import {
  isAttemptAt,
  isPlanned,
  plannedStatus,
  rotationFor,
  summaryOf,
  type Wish,
} from './rotation-object.ts';
import { end, patch, tell } from './status.ts';
import { isActive, isTerminal } from '../../kube/objects.ts';
import type { NodeView, View } from './view.ts';
import { rfc3339 } from '../../pki/time.ts';
import { isAsWished, wishedOf } from './wish.ts';

export function decidePlan(view: View): Action[] {
  const actions = view.homeless
    .filter((rotation) => !isTerminal(rotation))
    .flatMap((one) => endHomeless(one, view.world.now));
  for (const node of view.nodes) {
    if (!isAsWished(node, view.world)) actions.push(...isolated(node, () => planNode(node, view)));
  }
  return actions;
}

/** Its machine is gone. What was only planned for it is no failure. */
function endHomeless(rotation: CertificateRotation, now: Date): Action[] {
  const { nodeName, nodeUID } = rotation.spec;
  const message = `there is no node ${nodeName} with UID ${nodeUID}: it is gone or was replaced under its name`;
  const phase = isPlanned(rotation) && !isActive(rotation) ? 'Superseded' : 'Failed';
  return end(rotation, { phase, reason: 'NodeGone', message }, now);
}

function planNode(node: NodeView, view: View): Action[] {
  const { open } = node;
  const { now } = view.world;
  const [active] = node.active;
  if (active !== undefined) {
    const waiting = open.filter((rotation) => !isActive(rotation));
    return waiting.flatMap((one) => giveWay(one, 'AlreadyActive', active, now));
  }
  const [first, ...later] = node.byHand;
  if (first === undefined) return planBesidesNothing(node, view);
  return [
    ...open.filter(isPlanned).flatMap((one) => giveWay(one, 'SupersededByManual', first, now)),
    ...later.flatMap((one) => giveWay(one, 'AlreadyActive', first, now)),
    ...adopt(first, node),
  ];
}

function giveWay(
  rotation: CertificateRotation,
  reason: 'AlreadyActive' | 'SupersededByManual',
  other: CertificateRotation,
  now: Date,
): Action[] {
  const message = `${other.metadata.name} is the rotation of this node`;
  return end(rotation, { phase: 'Superseded', reason, message }, now);
}

/** Made by a person with any name: it joins the queue like the others (R16). */
function adopt(rotation: CertificateRotation, node: NodeView): Action[] {
  if (rotation.status?.phase === 'Pending') return [];
  const message = 'asked for by a person, waits for its turn';
  const failedBefore = carriedOn(node);
  return [
    ...patch(rotation, {
      ...summaryOf(node.role, rotation.spec.certificates),
      phase: 'Pending',
      reason: 'Manual',
      message,
      attempts: 1,
      ...(failedBefore === undefined ? {} : { failedBefore }),
    }),
    ...tell(rotation, 'Normal', 'Manual', message),
  ];
}

function planBesidesNothing(node: NodeView, { world }: View): Action[] {
  if (node.inventory === undefined || node.isOutdated) return [];
  const wished = wishedOf(node, world);
  const actions = fulfil(wished.wish, node, world.now);
  wished.isMet = actions.length === 0;
  return actions;
}

function fulfil(wish: Wish | undefined, node: NodeView, now: Date): Action[] {
  const waiting = node.open;
  const [only] = waiting;
  if (wish !== undefined && waiting.length === 1 && only !== undefined && isAttemptAt(only, wish))
    return refresh(only, wish);
  const [kept, ...others] = waiting
    .filter((one) => wish !== undefined && isAttemptAt(one, wish))
    .toReversed();
  const outdated = [...others, ...waiting.filter((one) => one !== kept && !others.includes(one))];
  const replaced = outdated.flatMap((one) => {
    const message =
      wish === undefined ? 'nothing of it is due within the plan any more' : 'other certificates are due now';
    return end(one, { phase: 'Superseded', reason: 'NothingToDo', message }, now);
  });
  if (wish === undefined) return replaced;
  if (kept !== undefined) return [...replaced, ...refresh(kept, wish)];
  // Made first: should we die in between, what was approved is in one of the two.
  const rotation = rotationFor(wish, outdated);
  return [{ type: 'create-rotation', rotation, phase: plannedStatus(wish).phase }, ...replaced];
}

/** Brings the status of a waiting plan up to date; why it waits is the gates' to say, once it is due. */
function refresh(rotation: CertificateRotation, wish: Wish): Action[] {
  const status = plannedStatus(wish);
  const { dueAt, attempts, certificates, role, summary, step } = status;
  const isPending = rotation.status?.phase === 'Pending';
  const changed = patch(
    rotation,
    isPending ? { dueAt, attempts, certificates, role, summary, step } : status,
  );
  if (isPending || status.phase !== 'Pending' || changed.length === 0) return changed;
  return [...changed, ...tell(rotation, 'Normal', 'NearingExpiry', `due since ${rfc3339(wish.dueAt)}`)];
}
