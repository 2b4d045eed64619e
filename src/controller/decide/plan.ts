// From inventories to CertificateRotation objects: what `kubectl get certrot` shows is the plan.
//
// For one node, the first that applies:
//   one is being done        ▶ nothing is planned beside it
//   one made by hand waits   ▶ what was planned gives way to it
//   the inventory is old     ▶ nothing is planned until the node has been read again
//   else                     ▶ the one object that R1, grouping and the backoff want now, and no other
import type { CertificateId } from '../../catalogue/ids.ts';
import type { CertificateRotation } from '../../kube/types.ts';
import { nextGroup } from '../../policy/grouping.ts';
import { labels } from '../labels.ts';
import type { Action } from '../world.ts';
import { renewableOf, lifetimeOf } from './candidates.ts';
import { isolated } from './isolate.ts';
import { isAttemptAt, plannedStatus, rfc3339, rotationFor, wishOf, type Wish } from './rotation-object.ts';
import { end, patch, tell } from './status.ts';
import { isActive, isOutdated, isTerminal, wasNeverBegun, type NodeView, type View } from './view.ts';

const hour = 3_600_000;
/** A failed rotation is tried again after 1 h, 2 h, … 32 h, as cert-manager does. */
const firstRetry = hour;
const doublings = 5;

export function decidePlan(view: View): Action[] {
  return [
    ...view.homeless
      .filter((rotation) => !isTerminal(rotation))
      .flatMap((one) => endHomeless(one, view.world.now)),
    ...view.nodes.flatMap((node) => isolated(node, () => planNode(node, view))),
  ];
}

/** Its machine is gone. What was only planned for it is no failure. */
function endHomeless(rotation: CertificateRotation, now: Date): Action[] {
  const { nodeName, nodeUID } = rotation.spec;
  const message = `there is no node ${nodeName} with UID ${nodeUID}: it is gone or was replaced under its name`;
  const phase = isPlanned(rotation) && !isActive(rotation) ? 'Superseded' : 'Failed';
  return end(rotation, { phase, reason: 'NodeGone', message }, now);
}

function planNode(node: NodeView, view: View): Action[] {
  const open = node.rotations.filter((rotation) => !isTerminal(rotation));
  const [active] = open.filter(isActive);
  const waiting = open.filter((rotation) => !isActive(rotation));
  if (active !== undefined) {
    return waiting.flatMap((one) => giveWay(one, 'AlreadyActive', active, view.world.now));
  }
  const byHand = waiting.filter((rotation) => !isPlanned(rotation));
  const [first, ...later] = byHand;
  if (first !== undefined) {
    return [
      ...waiting
        .filter(isPlanned)
        .flatMap((one) => giveWay(one, 'SupersededByManual', first, view.world.now)),
      ...later.flatMap((one) => giveWay(one, 'AlreadyActive', first, view.world.now)),
      ...adopt(first),
    ];
  }
  return planBesidesNothing(node, waiting, view);
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
function adopt(rotation: CertificateRotation): Action[] {
  if (rotation.status?.phase === 'Pending') return [];
  const message = 'asked for by a person, waits for its turn';
  return [
    ...patch(rotation, { phase: 'Pending', reason: 'Manual', message, attempts: 1 }),
    ...tell(rotation, 'Normal', 'Manual', message),
  ];
}

function planBesidesNothing(node: NodeView, waiting: readonly CertificateRotation[], view: View): Action[] {
  if (node.inventory === undefined || isOutdated(node)) return [];
  const { now } = view.world;
  const wish = wishFor(node, view);
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
  const rotation = rotationFor(wish);
  return [...replaced, { type: 'create-rotation', rotation, phase: plannedStatus(wish).phase }];
}

/** Undefined: nothing comes due within the horizon. */
function wishFor(node: NodeView, view: View): Wish | undefined {
  const { configuration, now } = view.world;
  const renewable = renewableOf(node, view.world);
  const group = nextGroup(renewable, now, configuration.groupWithin);
  const isNear = (moment: Date) => moment.getTime() - now.getTime() <= configuration.planHorizon;
  if (group === undefined || !isNear(group.dueAt)) return undefined;
  const wish = wishOf(node, group, renewable, retryOf(node, group.ids, view), now);
  return isNear(wish.dueAt) ? wish : undefined;
}

/** Attempts in a row on this machine that renewed nothing, of whichever certificates, and when the next may begin. */
function retryOf(
  node: NodeView,
  ids: readonly CertificateId[],
  { world }: View,
): { failures: number; notBefore: Date | undefined } {
  const ended = node.rotations
    .filter((rotation) => isTerminal(rotation) && !wasNeverBegun(rotation))
    .toSorted((a, b) => Date.parse(a.status?.finishedAt ?? '') - Date.parse(b.status?.finishedAt ?? ''));
  const last = ended.at(-1)?.status;
  if (last === undefined || last.phase === 'Succeeded' || last.finishedAt === undefined) {
    return { failures: 0, notBefore: undefined };
  }
  const failures = last.attempts ?? 1;
  // With lifetimes of an hour a wait of an hour would outlive the certificate.
  const shortest = Math.min(...ids.map((id) => lifetimeOf(id, world.configuration)));
  const pause = Math.min(firstRetry, shortest / 10) * 2 ** Math.min(failures - 1, doublings);
  return { failures, notBefore: new Date(Date.parse(last.finishedAt) + pause) };
}

/** Brings the status of a waiting plan up to date; why it waits is the gates' to say, once it is due. */
function refresh(rotation: CertificateRotation, wish: Wish): Action[] {
  const status = plannedStatus(wish);
  const { phase } = rotation.status ?? {};
  const { dueAt, attempts, certificates } = status;
  if (phase === 'Pending') return patch(rotation, { dueAt, attempts, certificates });
  const changed = patch(rotation, status);
  if (status.phase !== 'Pending' || changed.length === 0) return changed;
  return [...changed, ...tell(rotation, 'Normal', 'NearingExpiry', `due since ${rfc3339(wish.dueAt)}`)];
}

export function isPlanned({ metadata }: CertificateRotation): boolean {
  return metadata.labels?.[labels.planned] === 'true';
}
