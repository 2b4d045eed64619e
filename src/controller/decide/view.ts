// The world, indexed: what every decision asks of it, computed once a pass.
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import type { NodeRole } from '../../catalogue/ids.ts';
import { byAge, condition, roleOf, wasNeverBegun } from '../../kube/objects.ts';
import type { CertificateRotation } from '../../kube/types.ts';
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

/** The kubelet's version, as `v1.34.4`. */
export function versionOf({ node }: Pick<NodeView, 'node'>): string {
  return node.status?.nodeInfo?.kubeletVersion ?? 'unknown';
}

export function label(pod: Pod, name: string): string | undefined {
  return pod.metadata?.labels?.[name];
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
