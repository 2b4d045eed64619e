// The facts that the gates ask for about one rotation, drawn from the world.
import type { CaId } from '../../catalogue/ids.ts';
import { annotations, type CertificateRotation } from '../../kube/types.ts';
import type { GateFacts } from '../../policy/gates.ts';
import { overridesSoftGates, type Waiting } from '../../policy/order.ts';
import type { Configuration } from '../configuration.ts';
import type { Inventory, World } from '../world.ts';
import { waitsForCanary } from './canary.ts';
import { lifetimeOf } from '../../policy/renewable.ts';
import { manageableOf, type RenewableCertificate } from './candidates.ts';
import type { CommonFacts } from './common-facts.ts';
import { isApproved, isPlanned } from './rotation-object.ts';
import { isBeingStaged, wantsNewKeys } from './stage-tool.ts';
import { isAnnotated } from '../../kube/objects.ts';
import { versionOf, type NodeView, type View } from './view.ts';
import { rfc3339 } from '../../pki/time.ts';

const hour = 3_600_000;

/** A rotation in the queue, with what order and gates ask of it. */
export interface Queued extends Waiting {
  readonly rotation: CertificateRotation;
  readonly node: NodeView;
  readonly cas: readonly CaId[];
  /** What ends sooner is urgent, in milliseconds: never more than a tenth of the lifetime. */
  readonly urgent: number;
}

export function queued(rotation: CertificateRotation, node: NodeView, world: World): Queued {
  const { notAfter, cas, urgent } = wantedOf(rotation, node, world);
  const { metadata, spec } = rotation;
  const { name: nodeName, role } = node;
  return { rotation, node, name: metadata.name, nodeName, role, reason: spec.reason, notAfter, cas, urgent };
}

type Wanted = Pick<Queued, 'notAfter' | 'cas' | 'urgent'>;

function wantedOf({ spec }: CertificateRotation, node: NodeView, world: World): Wanted {
  const manageable = manageableOf(node, world);
  const known = wanted.get(manageable);
  if (known?.ids === spec.certificates && known.configuration === world.configuration) return known.answer;
  const certificates = manageable.filter(({ id }) => spec.certificates.includes(id));
  const ends = certificates.map(({ notAfter }) => notAfter.getTime());
  const lifetimes = spec.certificates.map((id) => lifetimeOf(id, world.configuration));
  const answer: Wanted = {
    notAfter: ends.length === 0 ? undefined : new Date(Math.min(...ends)),
    cas: [...new Set(certificates.map(({ ca }) => ca))].toSorted(),
    urgent: Math.min(world.configuration.urgent, ...lifetimes.map((lifetime) => lifetime / 10)),
  };
  wanted.set(manageable, { ids: spec.certificates, configuration: world.configuration, answer });
  return answer;
}

/** What was asked last of the certificates of a node; it depends on these values alone. */
const wanted = new WeakMap<
  readonly RenewableCertificate[],
  {
    readonly ids: CertificateRotation['spec']['certificates'];
    readonly configuration: Configuration;
    readonly answer: Wanted;
  }
>();

export function factsFor(item: Queued, common: CommonFacts, view: View): GateFacts {
  const { world } = view;
  const { configuration, now } = world;
  const { node, rotation } = item;
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
        paused: isAnnotated(node.node, annotations.paused),
        version: versionOf(node),
        pressure: pressureOn(node),
        staging: isBeingStaged(node, view),
      },
      newKeys: wantsNewKeys(rotation),
      approved: isApproved(rotation),
      cas: item.cas,
      clockSkew: skewOf(node),
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

function skewOf({ inventory }: NodeView): number | undefined {
  if (inventory === undefined) return undefined;
  const known = skews.get(inventory);
  if (known !== undefined) return known;
  const skew = Math.abs(Date.parse(inventory.clock) - Date.parse(inventory.collectedAt));
  skews.set(inventory, skew);
  return skew;
}

/** An inventory never changes: a new one is a new value. */
const skews = new WeakMap<Inventory, number>();

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
