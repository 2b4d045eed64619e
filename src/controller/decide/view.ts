// The world, indexed: what every decision asks of it, computed once for the same lists.
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import { toolNotes } from '../../agent/protocol.ts';
import type { CertificateId, NodeRole } from '../../catalogue/ids.ts';
import { unseenIn } from '../../catalogue/unseen-notes.ts';
import { byAge, condition, isActive, isTerminal, roleOf, wasNeverBegun } from '../../kube/objects.ts';
import type { CertificateRotation } from '../../kube/types.ts';
import { labels } from '../labels.ts';
import type { Inventory, PodKind, World } from '../world.ts';
import { isPlanned, wantsNewKeys } from './rotation-object.ts';

/**
 * A node that can be worked on: it has a name and a UID. It is the same value in every pass for as long as the node, its
 * inventory and its rotations are the same values, and nothing in it depends on anything else.
 */
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
  /** Of these, what has not ended; of that, what is being done on the node, and what else a person asked for. */
  readonly open: readonly CertificateRotation[];
  readonly active: readonly CertificateRotation[];
  readonly byHand: readonly CertificateRotation[];
  /** The one that is to go before the gates; undefined: none, or one is being done. */
  readonly pending: CertificateRotation | undefined;
  /** When the last one that was begun ended, in milliseconds; -Infinity: none did. */
  readonly lastEnd: number;
  /** When it was scanned, in milliseconds; undefined: never. */
  readonly scannedAt: number | undefined;
  /** A rotation that may have written has ended since the scan: what the inventory says may no longer be so. */
  readonly isOutdated: boolean;
  /** A control plane of which something was not seen: scanned while kubeadm made one of it, or a manifest away. */
  readonly isHalfSeen: boolean;
  /** The last scan said that the tool is not there, or an older one. */
  readonly lacksTool: boolean;
  /** A key of it is said to be known to others, and has not been replaced. */
  readonly wantsNewKeys: boolean;
}

export interface View {
  readonly world: World;
  readonly nodes: readonly NodeView[];
  /** Those on which a rotation is being done. */
  readonly busy: readonly NodeView[];
  /** Those of which a rotation is to go before the gates. */
  readonly waiting: readonly NodeView[];
  /** Those that have more rotations than are kept. */
  readonly crowded: readonly NodeView[];
  /** Those that may be in want of the tool. */
  readonly toolless: readonly NodeView[];
  /** Rotations whose node is gone or was replaced under its name. */
  readonly homeless: readonly CertificateRotation[];
  readonly named: (name: string) => NodeView | undefined;
  /** Whether there are Pods of one kind at all. */
  readonly hasPods: (kind: PodKind) => boolean;
  /** Pods of one kind that were made for the node with this UID. */
  readonly podsOf: (kind: PodKind, nodeUID: string) => readonly Pod[];
  /** Pods of one kind that were made for the rotation with this UID. */
  readonly podsFor: (kind: PodKind, rotationUID: string | undefined) => readonly Pod[];
}

/** The contract: the last five of a node are kept, one that is open among them. */
export const keptRotations = 5;

const none: readonly never[] = [];

export function viewOf(world: World): View {
  const byNode = podsBy(world.pods, labels.nodeUID);
  const byRotation = podsBy(world.pods, labels.rotation);
  return {
    world,
    ...homesOf(world),
    hasPods: (kind) => byNode.has(kind),
    podsOf: (kind, nodeUID) => byNode.get(kind)?.get(nodeUID) ?? none,
    podsFor: (kind, uid) => (uid === undefined ? none : (byRotation.get(kind)?.get(uid) ?? none)),
  };
}

/** What of a view depends on nodes, inventories and rotations alone: most passes find them as the last one did. */
type Homes = Pick<View, 'nodes' | 'busy' | 'waiting' | 'crowded' | 'toolless' | 'homeless' | 'named'>;

function homesOf(world: World): Homes {
  const { inventories, rotations } = world;
  const known = lastHomes.get(world.nodes);
  if (known?.inventories === inventories && known.rotations === rotations) return known.homes;
  const homes = makeHomes(world);
  lastHomes.set(world.nodes, { inventories, rotations, homes });
  return homes;
}

const lastHomes = new WeakMap<
  World['nodes'],
  Pick<World, 'inventories' | 'rotations'> & { readonly homes: Homes }
>();

function makeHomes(world: World): Homes {
  const byUID = groupBy(world.rotations, ({ spec }) => spec.nodeUID);
  const nodes: NodeView[] = [];
  const byName = new Map<string, NodeView>();
  for (const node of world.nodes) {
    const view = nodeView(world, node, byUID);
    if (view === undefined) continue;
    nodes.push(view);
    byName.set(view.name, view);
  }
  const housed = nodes.reduce((sum, node) => sum + node.rotations.length, 0);
  return {
    nodes,
    busy: nodes.filter(({ active }) => active.length > 0),
    waiting: nodes.filter(({ pending }) => pending !== undefined),
    crowded: nodes.filter(({ rotations }) => rotations.length > keptRotations),
    toolless: nodes.filter(({ lacksTool, wantsNewKeys: newKeys }) => lacksTool || newKeys),
    homeless: housed === world.rotations.length ? none : homelessOf(world, byName),
    named: (name) => byName.get(name),
  };
}

type PodsByLabel = ReadonlyMap<string | undefined, readonly Pod[]>;

/** By kind, then by the value of a label. */
function podsBy(pods: readonly Pod[], name: string): ReadonlyMap<string | undefined, PodsByLabel> {
  const kinds = groupBy(pods, (pod) => label(pod, labels.kind));
  return new Map([...kinds].map(([kind, ofKind]) => [kind, groupBy(ofKind, (pod) => label(pod, name))]));
}

/** Thousands have a home: they are gone through one by one only where not all have. */
function homelessOf(
  { rotations }: World,
  byName: ReadonlyMap<string, NodeView>,
): readonly CertificateRotation[] {
  return rotations.filter(({ spec }) => byName.get(spec.nodeName)?.uid !== spec.nodeUID);
}

function nodeView(
  world: World,
  node: Node,
  byUID: ReadonlyMap<string, readonly CertificateRotation[]>,
): NodeView | undefined {
  const { name, uid } = node.metadata ?? {};
  if (name === undefined || uid === undefined) return undefined;
  const found = world.inventories.get(name);
  const rotations = byUID.get(uid) ?? none;
  const known = views.get(node);
  if (known !== undefined && known.found === found && areSame(known.rotations, rotations)) return known.view;
  const inventory = found?.nodeUID === uid ? found : undefined;
  const view = makeView(node, { name, uid, inventory, rotations: inAge(rotations, name) });
  views.set(node, { found, rotations, view });
  return view;
}

/** What was made last of a node, and of what: the inventory under its name, its rotations in the order given. */
const views = new WeakMap<
  Node,
  {
    readonly found: Inventory | undefined;
    readonly rotations: readonly CertificateRotation[];
    readonly view: NodeView;
  }
>();

function areSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, at) => one === b[at]);
}

function makeView(node: Node, base: Pick<NodeView, 'name' | 'uid' | 'inventory' | 'rotations'>): NodeView {
  const { inventory, rotations } = base;
  const open = orNone(rotations.filter((rotation) => !isTerminal(rotation)));
  const active = orNone(open.filter(isActive));
  const begunEnds = endsOf(rotations.filter(({ status }) => status?.startedAt !== undefined));
  const lastWritten = Math.max(...endsOf(rotations.filter((rotation) => !wasNeverBegun(rotation))));
  const scannedAt = inventory === undefined ? undefined : Date.parse(inventory.collectedAt);
  return {
    node,
    ...base,
    role: roleOf(node),
    ready: condition(node, 'Ready'),
    open,
    active,
    byHand: orNone(open.filter((rotation) => !isActive(rotation) && !isPlanned(rotation))),
    pending: active.length > 0 ? undefined : open.find(({ status }) => status?.phase === 'Pending'),
    lastEnd: Math.max(...begunEnds.filter(Number.isFinite)),
    scannedAt,
    isOutdated: scannedAt !== undefined && scannedAt < lastWritten,
    isHalfSeen: isHalfSeen(node, inventory),
    lacksTool: inventory?.notes?.some((note) => noteOfLack.has(note)) ?? false,
    wantsNewKeys: open.some(wantsNewKeys),
  };
}

const noteOfLack: ReadonlySet<string> = new Set([toolNotes.absent, toolNotes.stale]);

/** One empty list for the thousands that have nothing in it. */
function orNone<T>(list: readonly T[]): readonly T[] {
  return list.length === 0 ? none : list;
}

/** Joining takes minutes: one that had less an hour later has it so for good, as one whose etcd is elsewhere. */
const joiningFor = 3_600_000;

function isHalfSeen(node: Node, inventory: Inventory | undefined): boolean {
  const role = roleOf(node);
  if (inventory === undefined || role !== 'control-plane') return false;
  const joinedAt = Date.parse(node.metadata?.creationTimestamp ?? '');
  const isNew = Date.parse(inventory.collectedAt) - joinedAt < joiningFor;
  const has = (id: CertificateId): boolean => inventory.certificates.some((one) => one.id === id);
  if (isNew && !(has('apiserver.crt') && has('etcd/server.crt'))) return true;
  // Somebody restarts a component by moving its manifest away for a moment, or has put it back since.
  return unseenIn(role, inventory.notes).length > 0;
}

function endsOf(rotations: readonly CertificateRotation[]): number[] {
  return rotations.flatMap(({ status }) =>
    status?.finishedAt === undefined ? [] : [Date.parse(status.finishedAt)],
  );
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
