// The world, indexed: what every decision asks of it, computed once a pass.
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import type { NodeRole } from '../../catalogue/ids.ts';
import { terminalPhases, type CertificateRotation } from '../../kube/types.ts';
import { labels } from '../labels.ts';
import type { Inventory, PodKind, World } from '../world.ts';

/** A node that can be worked on: it has a name and a UID. */
export interface NodeView {
  readonly node: Node;
  readonly name: string;
  readonly uid: string;
  readonly role: NodeRole;
  readonly ready: boolean;
  /** Undefined: never scanned, or what was scanned is another machine under this name. */
  readonly inventory: Inventory | undefined;
  /** Newest last. Those of an earlier machine under this name are not among them. */
  readonly rotations: readonly CertificateRotation[];
}

export interface View {
  readonly world: World;
  readonly nodes: readonly NodeView[];
  readonly byName: ReadonlyMap<string, NodeView>;
  /** Rotations whose node is gone or was replaced under its name. */
  readonly homeless: readonly CertificateRotation[];
  /** Pods of one kind that were made for the node with this UID. */
  readonly podsOf: (kind: PodKind, nodeUID: string) => readonly Pod[];
  /** Pods of one kind that were made for the rotation with this UID. */
  readonly podsFor: (kind: PodKind, rotationUID: string | undefined) => readonly Pod[];
}

const none: readonly never[] = [];

export function viewOf(world: World): View {
  const rotations = groupBy(world.rotations, ({ spec }) => spec.nodeUID);
  const nodes = world.nodes.flatMap((node) => nodeView(world, node, rotations));
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const byNode = groupBy(world.pods, (pod) => label(pod, labels.nodeUID));
  const byRotation = groupBy(world.pods, (pod) => label(pod, labels.rotation));
  return {
    world,
    nodes,
    byName,
    homeless: world.rotations.filter(({ spec }) => byName.get(spec.nodeName)?.uid !== spec.nodeUID),
    podsOf: (kind, nodeUID) => ofKind(kind, byNode.get(nodeUID)),
    podsFor: (kind, uid) => (uid === undefined ? none : ofKind(kind, byRotation.get(uid))),
  };
}

function ofKind(kind: PodKind, pods: readonly Pod[] = none): readonly Pod[] {
  return pods.length === 0 ? none : pods.filter((pod) => label(pod, labels.kind) === kind);
}

function nodeView(
  world: World,
  node: Node,
  rotations: ReadonlyMap<string, readonly CertificateRotation[]>,
): NodeView[] {
  const { name, uid } = node.metadata ?? {};
  if (name === undefined || uid === undefined) return [];
  const inventory = world.inventories.get(name);
  return [
    {
      node,
      name,
      uid,
      role: roleOf(node),
      ready: condition(node, 'Ready'),
      inventory: inventory?.nodeUID === uid ? inventory : undefined,
      rotations: inAge(rotations.get(uid) ?? none, name),
    },
  ];
}

function inAge(rotations: readonly CertificateRotation[], name: string): readonly CertificateRotation[] {
  const own = rotations.every(({ spec }) => spec.nodeName === name)
    ? rotations
    : rotations.filter(({ spec }) => spec.nodeName === name);
  return own.length < 2 ? own : own.toSorted(byAge);
}

/** R6: by the label, which the NodeRestriction admission keeps a node from setting. */
export function roleOf(node: Node): NodeRole {
  return node.metadata?.labels?.['node-role.kubernetes.io/control-plane'] === undefined
    ? 'worker'
    : 'control-plane';
}

/** The kubelet's version, as `v1.34.4`. */
export function versionOf({ node }: Pick<NodeView, 'node'>): string {
  return node.status?.nodeInfo?.kubeletVersion ?? 'unknown';
}

/** True when the node says so; unknown is not true. */
export function condition(node: Node, type: string): boolean {
  return node.status?.conditions?.some((one) => one.type === type && one.status === 'True') ?? false;
}

export function label(pod: Pod, name: string): string | undefined {
  return pod.metadata?.labels?.[name];
}

/** An annotation that switches something on: present, and not "false". */
export function isAnnotated({ metadata }: Node, name: string): boolean {
  const value = metadata?.annotations?.[name];
  return value !== undefined && value !== 'false';
}

export function isTerminal({ status }: CertificateRotation): boolean {
  return status?.phase !== undefined && terminalPhases.has(status.phase);
}

/** Something is being done on the node for it. */
export function isActive({ status }: CertificateRotation): boolean {
  const phase = status?.phase;
  return phase === 'Admitted' || phase === 'Running' || phase === 'Verifying';
}

/** Oldest first, then by name: the order does not depend on how they were read. */
export function byAge(a: CertificateRotation, b: CertificateRotation): number {
  const [left, right] = [a, b].map(
    ({ metadata }) => `${metadata.creationTimestamp ?? '9999'} ${metadata.name}`,
  );
  if (left === right) return 0;
  return (left ?? '') < (right ?? '') ? -1 : 1;
}

/** Superseded while it waited: it was never begun, and says nothing about its node. */
export function wasNeverBegun({ status }: CertificateRotation): boolean {
  return status?.phase === 'Superseded' && status.startedAt === undefined;
}

/** When the last rotation that may have written to the node ended; undefined: none did. */
export function lastEnd(node: NodeView): Date | undefined {
  const ends = node.rotations.flatMap((rotation) =>
    rotation.status?.finishedAt === undefined || wasNeverBegun(rotation)
      ? []
      : [Date.parse(rotation.status.finishedAt)],
  );
  return ends.length === 0 ? undefined : new Date(Math.max(...ends));
}

/** Whether a rotation has ended since the node was scanned: what the inventory says may no longer be so. */
export function isOutdated(node: NodeView): boolean {
  const end = lastEnd(node);
  return (
    node.inventory !== undefined &&
    end !== undefined &&
    Date.parse(node.inventory.collectedAt) < end.getTime()
  );
}

export function groupBy<T, K>(items: readonly T[], key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const name = key(item);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  return groups;
}
