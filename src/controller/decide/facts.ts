// The facts that the gates ask for about one rotation, drawn from the world.
import type { CaId } from '../../catalogue/ids.ts';
import { annotations, type CertificateRotation } from '../../kube/types.ts';
import type { GateFacts } from '../../policy/gates.ts';
import { overridesSoftGates, type Waiting } from '../../policy/order.ts';
import type { Configuration } from '../configuration.ts';
import type { World } from '../world.ts';
import { waitsForCanary } from './canary.ts';
import { lifetimeOf } from '../../policy/renewable.ts';
import { manageableOf, type RenewableCertificate } from './candidates.ts';
import type { CommonFacts } from './common-facts.ts';
import { isApproved, isPlanned, wantsNewKeys } from './rotation-object.ts';
import { isBeingStaged } from './stage-tool.ts';
import { isAnnotated } from '../../kube/objects.ts';
import { versionOf, type NodeView, type View } from './view.ts';
import { rfc3339 } from '../../pki/time.ts';

const hour = 3_600_000;

/** A rotation in the queue, with what order and gates ask of it. */
export interface Queued extends Waiting {
  readonly rotation: CertificateRotation;
  readonly node: NodeView;
  readonly cas: readonly CaId[];
  readonly newKeys: boolean;
  readonly approved: boolean;
  readonly clockSkew: number | undefined;
  readonly paused: boolean;
  readonly version: string;
  readonly pressure: readonly string[];
  /** What ends sooner is urgent, in milliseconds: never more than a tenth of the lifetime. */
  readonly urgent: number;
}

/** The one that waits on a node, with what follows from the node and its certificates alone: computed once for them. */
export function queued(rotation: CertificateRotation, node: NodeView, world: World): Queued {
  const { configuration } = world;
  const manageable = manageableOf(node, world);
  const known = lastQueued.get(node);
  const isSame = known?.manageable === manageable && known.configuration === configuration;
  if (isSame && known.item.rotation === rotation) return known.item;
  const item = makeQueued(rotation, node, manageable, configuration);
  lastQueued.set(node, { manageable, configuration, item });
  return item;
}

const lastQueued = new WeakMap<
  NodeView,
  {
    readonly manageable: readonly RenewableCertificate[];
    readonly configuration: Configuration;
    readonly item: Queued;
  }
>();

function makeQueued(
  rotation: CertificateRotation,
  node: NodeView,
  manageable: readonly RenewableCertificate[],
  configuration: Configuration,
): Queued {
  const { metadata, spec } = rotation;
  const certificates = manageable.filter(({ id }) => spec.certificates.includes(id));
  const ends = certificates.map(({ notAfter }) => notAfter.getTime());
  const lifetimes = spec.certificates.map((id) => lifetimeOf(id, configuration));
  return {
    rotation,
    node,
    name: metadata.name,
    nodeName: node.name,
    role: node.role,
    reason: spec.reason,
    notAfter: ends.length === 0 ? undefined : new Date(Math.min(...ends)),
    urgent: Math.min(configuration.urgent, ...lifetimes.map((lifetime) => lifetime / 10)),
    cas: [...new Set(certificates.map(({ ca }) => ca))].toSorted(),
    newKeys: wantsNewKeys(rotation),
    approved: isApproved(rotation),
    clockSkew: skewOf(node),
    paused: isAnnotated(node.node, annotations.paused),
    version: versionOf(node),
    pressure: pressureOn(node),
  };
}

export function factsFor(item: Queued, common: CommonFacts, view: View): GateFacts {
  const { world } = view;
  const { configuration, now } = world;
  const { node } = item;
  const urgent = overridesSoftGates(item, now, item.urgent);
  return {
    now,
    mode: configuration.mode,
    paused: configuration.paused ? 'paused in the configuration' : undefined,
    subject: {
      nodeName: node.name,
      role: node.role,
      node: {
        ready: node.ready,
        paused: item.paused,
        version: item.version,
        pressure: item.pressure,
        staging: isBeingStaged(node, view),
      },
      newKeys: item.newKeys,
      approved: item.approved,
      cas: item.cas,
      clockSkew: item.clockSkew,
      manualWithinHour: manualWithinHour(item, now),
    },
    urgent:
      urgent && item.notAfter !== undefined
        ? `its first certificate ends ${rfc3339(item.notAfter)}`
        : undefined,
    vault: common.vault,
    activity: withoutNode(common.activity, node),
    neighbours: neighboursOf(node, common.nodes),
    next: common.next,
    health: common.health,
    outsideWindow: common.outsideWindow,
    breaker: common.breaker,
    canary: waitsForCanary(common.canaries, node, configuration.canary.bake),
    limits: common.limits,
  };
}

const pressures: ReadonlySet<string> = new Set(['MemoryPressure', 'DiskPressure', 'PIDPressure']);

function pressureOn({ node }: NodeView): string[] {
  const conditions = node.status?.conditions ?? [];
  return conditions
    .filter(({ type, status }) => status === 'True' && pressures.has(type))
    .map(({ type }) => type);
}

function withoutNode(activity: GateFacts['activity'], { name }: NodeView): GateFacts['activity'] {
  const isItself = ({ nodeName }: { readonly nodeName: string }): boolean => nodeName === name;
  return activity.some(isItself) ? activity.filter((one) => !isItself(one)) : activity;
}

/** All are counted once a pass; here the node itself is taken off. */
function neighboursOf({ name, ready, role }: NodeView, all: CommonFacts['nodes']): GateFacts['neighbours'] {
  const { count, notReady, controlPlanes } = all;
  return {
    count: count - 1,
    notReady: notReady - (ready ? 0 : 1),
    controlPlanes: role === 'worker' ? controlPlanes : controlPlanes.filter((one) => one.name !== name),
  };
}

function skewOf({ inventory, scannedAt }: NodeView): number | undefined {
  if (inventory === undefined || scannedAt === undefined) return undefined;
  return Math.abs(Date.parse(inventory.clock) - scannedAt);
}

function manualWithinHour({ rotation, node }: Queued, now: Date): number {
  if (isPlanned(rotation)) return 0;
  return node.rotations.filter(
    (other) =>
      other !== rotation &&
      !isPlanned(other) &&
      other.status?.startedAt !== undefined &&
      now.getTime() - Date.parse(other.status.startedAt) < hour,
  ).length;
}
