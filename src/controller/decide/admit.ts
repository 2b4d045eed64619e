// The queue: in order of urgency and role every waiting rotation is put before the gates, and either goes or is told
// why not. One that goes counts at once for those behind it.
import type { RotationStatus } from '../../kube/types.ts';
import { askGates, type GateAnswer, type GatesAnswer } from '../../policy/gates.ts';
import { inOrder } from '../../policy/order.ts';
import type { Gate } from '../../policy/reasons.ts';
import type { Action } from '../world.ts';
import { withChosen } from './canary.ts';
import { commonFacts, type CommonFacts } from './common-facts.ts';
import { factsFor, queued, type Queued } from './facts.ts';
import { isolated } from './isolate.ts';
import { end, patch, tell, withCondition } from './status.ts';
import type { View } from './view.ts';
import { rfc3339 } from '../../pki/time.ts';

/** Behind so many others the reasons of the whole cluster are told as one: they change often, and it is not their turn. */
const toldExactly = 50;

/** Gates that are about the cluster, not about the node that waits. */
const clusterWide: ReadonlySet<Gate> = new Set([
  'ControlPlaneInFlight',
  'EtcdUnsafe',
  'ApiServerUnhealthy',
  'NeighboursNotReady',
  'UpgradeInProgress',
  'BreakerOpen',
  'CanaryBaking',
  'ParallelLimit',
  'Settling',
]);

/** `touched`: names of rotations whose status already changes in this pass; they are asked about in the next one. */
export function decideAdmission(view: View, touched: ReadonlySet<string>): Action[] {
  const { world } = view;
  const actions: Action[] = [];
  const waiting: Queued[] = [];
  for (const node of view.waiting) {
    const { pending } = node;
    if (pending === undefined || touched.has(pending.metadata.name)) continue;
    const join = () => {
      waiting.push(queued(pending, node, world));
      return [];
    };
    actions.push(...isolated(node, join));
  }
  if (waiting.length === 0) return actions;
  const urgent = Math.min(world.configuration.urgent, ...waiting.map((item) => item.urgent));
  let common = commonFacts(view);
  for (const [rank, item] of inOrder(waiting, world.now, urgent).entries()) {
    if (hasNothingToDo(item)) {
      const message = 'none of its certificates is on this node in a state that may be renewed';
      actions.push(...end(item.rotation, { phase: 'Superseded', reason: 'NothingToDo', message }, world.now));
      continue;
    }
    const answer = askGates(factsFor(item, common, view));
    if (answer.closed.length > 0) {
      actions.push(...wait(item, whyItWaits(answer.closed, rank, common), world.now));
      common = withNext(common, item, answer.closed);
      continue;
    }
    actions.push(...admit(item, answer, view));
    common = withAdmitted(common, item);
  }
  return actions;
}

/** A control plane that waits for nothing but workers would wait for ever if others went before it. */
function withNext(
  common: CommonFacts,
  { role, nodeName }: Queued,
  closed: readonly GateAnswer[],
): CommonFacts {
  const isNext = role === 'control-plane' && closed.every(({ gate }) => gate === 'OnlyApiServer');
  return isNext ? { ...common, next: nodeName } : common;
}

/** Known only where the node has been read; an unread node waits at its clock's gate. */
function hasNothingToDo({ node, notAfter }: Queued): boolean {
  return node.inventory !== undefined && notAfter === undefined;
}

function wait({ rotation }: Queued, { gate: reason, message }: GateAnswer, now: Date): Action[] {
  const text = `waits: ${message}`;
  if (rotation.status?.reason === reason) return patch(rotation, { message: text });
  const condition = { type: 'Admitted', status: 'False', reason, message: text } as const;
  return patch(rotation, { reason, message: text, conditions: withCondition(rotation, condition, now) });
}

function whyItWaits(closed: readonly GateAnswer[], rank: number, { limits }: CommonFacts): GateAnswer {
  const [first] = closed;
  const onlyPlaces = closed.every(({ gate }) => gate === 'ParallelLimit' || gate === 'Settling');
  const far = rank >= toldExactly && closed.every(({ gate }) => clusterWide.has(gate));
  // One text for both: which of the two it is changes with every node that ends.
  if (onlyPlaces || far || first === undefined) {
    const rest = `at most ${limits.parallelWorkers} workers or 1 control plane at a time, ${limits.settle / 1000} s of rest after each`;
    return { gate: 'ParallelLimit', message: `others go first (${rest})` };
  }
  return { gate: first.gate, message: closed.map(({ gate, message }) => `${gate}: ${message}`).join('; ') };
}

function admit(item: Queued, { overridden }: GatesAnswer, view: View): Action[] {
  const { rotation } = item;
  const { now } = view.world;
  const urgent =
    overridden.length === 0
      ? ''
      : `, although ${overridden.map(({ gate, message }) => `${gate} (${message})`).join(', ')}: it is urgent`;
  const message = `all gates are open${urgent}`;
  const status: Partial<RotationStatus> = {
    phase: 'Admitted',
    reason: 'Admitted',
    message,
    startedAt: rfc3339(now),
    observedGeneration: rotation.metadata.generation ?? 1,
    conditions: withCondition(
      rotation,
      { type: 'Admitted', status: 'True', reason: 'GatesOpen', message },
      now,
    ),
  };
  const told = overridden.flatMap(({ gate }) =>
    tell(rotation, 'Warning', gate, `goes on although this gate is shut: it is urgent`),
  );
  return [...patch(rotation, status), ...tell(rotation, 'Normal', 'Admitted', message), ...told];
}

/** What those behind it see of the one that goes. */
function withAdmitted(common: CommonFacts, { nodeName, role }: Queued): CommonFacts {
  return {
    ...common,
    activity: [...common.activity, { nodeName, role, finishedAt: undefined }],
    breaker: common.breaker === undefined ? undefined : { ...common.breaker, open: true },
    canaries: withChosen(common.canaries, role, nodeName),
  };
}
