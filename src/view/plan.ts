// Plan and queue: what is at work, what waits and at which gate, what is planned, in the order in which it goes.
import type { CertificateId, NodeRole } from '../catalogue/ids.ts';
import { isActive } from '../kube/objects.ts';
import { annotations, type CertificateRotation, type Phase } from '../kube/types.ts';
import { inOrder, urgencyOf, type Urgency, type Waiting } from '../policy/order.ts';
import { message, type Message } from './messages/message.ts';
import type { Seen, SeenNode } from './picture.ts';
import { gatesOf, phaseOf, reasonOf, type ShutGate } from './waiting.ts';

export interface Queued extends Waiting {
  readonly rotation: CertificateRotation;
  readonly node: SeenNode;
}

export interface PlanItem {
  readonly name: string;
  readonly node: string;
  readonly role: NodeRole;
  readonly phase: Phase;
  readonly phaseText: Message;
  readonly urgency: Urgency;
  readonly asked: Message;
  readonly certificates: readonly CertificateId[];
  readonly dueAt: string | undefined;
  readonly startedAt: string | undefined;
  /** Earliest end among its certificates, RFC 3339. */
  readonly until: string | undefined;
  readonly gates: readonly ShutGate[];
  readonly why: Message;
  /** In the controller's own words. */
  readonly said: string;
  /** The components that it restarts, in words. */
  readonly restarts: Message | undefined;
  readonly attempts: number;
  /** Waits for an approval and has none. */
  readonly approvable: boolean;
}

export function planOf(seen: Seen): readonly PlanItem[] {
  const active = seen.nodes.flatMap((node) =>
    node.open !== undefined && isActive(node.open) ? [queued(node.open, node)] : [],
  );
  return [...active, ...queueOf(seen)].map((one) => planItem(one, seen));
}

/** Of one node alone: the queue of all others is not looked at. Undefined: nothing is open on it. */
export function openItemOf(node: SeenNode, seen: Seen): PlanItem | undefined {
  return node.open === undefined ? undefined : planItem(queued(node.open, node), seen);
}

/** What waits, in the order of the controller's queue, and then what is planned by its time. */
export function queueOf({ nodes, picture }: Seen): readonly Queued[] {
  const open = nodes.flatMap((node) =>
    node.open === undefined || isActive(node.open) ? [] : [queued(node.open, node)],
  );
  const isPlanned = ({ rotation }: Queued): boolean => rotation.status?.phase === 'Scheduled';
  const { urgent } = picture.configuration.settings;
  return [
    ...inOrder(
      open.filter((one) => !isPlanned(one)),
      picture.now,
      urgent,
    ),
    ...open.filter(isPlanned).toSorted((a, b) => dueOf(a) - dueOf(b)),
  ];
}

function dueOf({ rotation }: Queued): number {
  const due = Date.parse(rotation.status?.dueAt ?? '');
  return Number.isNaN(due) ? Number.POSITIVE_INFINITY : due;
}

function queued(rotation: CertificateRotation, node: SeenNode): Queued {
  const wanted = new Set<string>(rotation.spec.certificates);
  const ends = node.certificates.flatMap(({ row, end }) =>
    wanted.has(row.id) && !Number.isNaN(end) ? [end] : [],
  );
  return {
    rotation,
    node,
    name: rotation.metadata.name,
    nodeName: node.name,
    role: node.role,
    reason: rotation.spec.reason,
    notAfter: ends.length === 0 ? undefined : new Date(Math.min(...ends)),
  };
}

function planItem(one: Queued, { picture }: Seen): PlanItem {
  const { rotation, node, notAfter } = one;
  const { metadata, spec, status } = rotation;
  const gates = gatesOf(rotation);
  return {
    name: metadata.name,
    node: node.name,
    role: node.role,
    phase: status?.phase ?? 'Pending',
    phaseText: phaseOf(rotation),
    urgency: urgencyOf(one, picture.now, picture.configuration.settings.urgent),
    asked: message(`spec.${spec.reason}`),
    certificates: spec.certificates,
    dueAt: status?.dueAt,
    startedAt: status?.startedAt,
    until: notAfter?.toISOString(),
    gates,
    why: whyIn(rotation, gates),
    said: status?.message ?? '',
    restarts: restartsOf(status?.step),
    attempts: status?.attempts ?? 0,
    approvable: isApprovable(rotation, picture.configuration.settings.mode),
  };
}

/** Of what the controller says that it does; a member of etcd and a kubeconfig need no restart. */
function restartsOf(step = ''): Message | undefined {
  const names = [...step.matchAll(/restart ([\w-]+)/g)].map(([, name = '']) => name);
  return names.length === 0 ? undefined : message('plan.restarts', { what: { list: names } });
}

function whyIn(rotation: CertificateRotation, gates: readonly ShutGate[]): Message {
  const { phase, dueAt = '', reason } = rotation.status ?? {};
  if (phase === 'Scheduled') return message('plan.from', { at: { at: dueAt, time: true } });
  return gates[0]?.text ?? reasonOf(reason) ?? message('plan.turn');
}

/** In mode manual an approval may also be given before it is due. */
export function isApprovable(rotation: CertificateRotation, mode: 'auto' | 'manual' | 'observe'): boolean {
  const phase = rotation.status?.phase ?? 'Pending';
  const isWaiting = phase === 'Pending' || phase === 'Scheduled';
  return mode === 'manual' && isWaiting && rotation.metadata.annotations?.[annotations.approved] !== 'true';
}
