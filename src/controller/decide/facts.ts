// The facts that the gates ask for, drawn from the world.
import { Cron } from 'croner';
import type { CaId } from '../../catalogue/ids.ts';
import { annotations, type CertificateRotation } from '../../kube/types.ts';
import type { Activity, GateFacts, Neighbour } from '../../policy/gates.ts';
import { overridesSoftGates, type Waiting } from '../../policy/order.ts';
import type { Reason } from '../../policy/reasons.ts';
import type { Window } from '../configuration.ts';
import type { Health, World } from '../world.ts';
import { lifetimeOf, renewableOf } from './candidates.ts';
import { isPlanned } from './plan.ts';
import { rfc3339 } from './rotation-object.ts';
import { condition, isActive, isAnnotated, isTerminal, type NodeView, type View } from './view.ts';

const hour = 3_600_000;
/** An answer about health that is older says nothing about now. */
const healthIsFreshFor = 2 * 60_000;

/** A rotation in the queue, with what order and gates ask of it. */
export interface Queued extends Waiting {
  readonly rotation: CertificateRotation;
  readonly node: NodeView;
  readonly cas: readonly CaId[];
  /** What ends sooner is urgent, in milliseconds: never more than a tenth of the lifetime. */
  readonly urgent: number;
}

export function queued(rotation: CertificateRotation, node: NodeView, world: World): Queued {
  const wanted = new Set<string>(rotation.spec.certificates);
  const certificates = renewableOf(node, world).filter(({ id }) => wanted.has(id));
  const ends = certificates.map(({ notAfter }) => notAfter.getTime());
  const lifetimes = rotation.spec.certificates.map((id) => lifetimeOf(id, world.configuration));
  return {
    rotation,
    node,
    name: rotation.metadata.name,
    nodeName: node.name,
    role: node.role,
    reason: rotation.spec.reason,
    notAfter: ends.length === 0 ? undefined : new Date(Math.min(...ends)),
    cas: [...new Set(certificates.map(({ ca }) => ca))].toSorted(),
    urgent: Math.min(world.configuration.urgent, ...lifetimes.map((lifetime) => lifetime / 10)),
  };
}

/** What is the same for every rotation that is asked about in one pass. */
export interface CommonFacts {
  readonly activity: readonly Activity[];
  readonly neighbours: readonly Neighbour[];
  readonly breaker: GateFacts['breaker'];
  readonly outsideWindow: string | undefined;
  readonly health: GateFacts['health'];
}

export function commonFacts(view: View): CommonFacts {
  const { world } = view;
  return {
    activity: view.nodes.flatMap((node) => activityOf(node, world)),
    neighbours: view.nodes.map((node) => ({
      name: node.name,
      role: node.role,
      ready: node.ready,
      version: node.node.status?.nodeInfo?.kubeletVersion ?? 'unknown',
    })),
    breaker: breakerOf(view),
    outsideWindow: outsideWindow(world.configuration.windows, world.now),
    health: healthOf(world.health, view),
  };
}

export function factsFor(item: Queued, common: CommonFacts, view: View): GateFacts {
  const { world } = view;
  const { configuration, now, vault } = world;
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
        version: node.node.status?.nodeInfo?.kubeletVersion ?? 'unknown',
        pressure: ['MemoryPressure', 'DiskPressure', 'PIDPressure'].filter((type) =>
          condition(node.node, type),
        ),
      },
      approved: rotation.metadata.annotations?.[annotations.approved] === 'true',
      cas: item.cas,
      clockSkew: skewOf(node),
      manualWithinHour: manualWithinHour(item, now),
    },
    urgent:
      urgent && item.notAfter !== undefined
        ? `its first certificate ends ${rfc3339(item.notAfter)}`
        : undefined,
    vault: { cas: new Set(vaultCas(world)), problem: vault.problem },
    activity: common.activity.filter(({ nodeName }) => nodeName !== node.name),
    neighbours: common.neighbours.filter(({ name }) => name !== node.name),
    health: common.health,
    outsideWindow: common.outsideWindow,
    breaker: common.breaker,
    limits: {
      parallelWorkers: configuration.parallelWorkers,
      settle: configuration.settle,
      clockSkew: configuration.clockSkewLimit,
    },
  };
}

function vaultCas({ vault, now }: World): CaId[] {
  const all: CaId[] = ['kubernetes', 'etcd', 'front-proxy'];
  return all.filter((ca) => {
    const known = vault.cas[ca];
    return known !== undefined && Date.parse(known.notAfter) > now.getTime();
  });
}

function skewOf({ inventory }: NodeView): number | undefined {
  if (inventory === undefined) return undefined;
  return Math.abs(Date.parse(inventory.clock) - Date.parse(inventory.collectedAt));
}

/** What is under way or ended within the settle time; a longer memory is of no use to a gate. */
function activityOf(node: NodeView, { now, configuration }: World): Activity[] {
  return node.rotations.flatMap((rotation): Activity[] => {
    const base = { nodeName: node.name, role: node.role };
    if (isActive(rotation)) return [{ ...base, finishedAt: undefined }];
    const { finishedAt, startedAt } = rotation.status ?? {};
    if (finishedAt === undefined || startedAt === undefined) return [];
    const ended = new Date(finishedAt);
    return now.getTime() - ended.getTime() > configuration.settle ? [] : [{ ...base, finishedAt: ended }];
  });
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

/** Failures that say nothing about the next node: there was nothing to do, or nothing was touched and it is its own. */
const ownFaults: ReadonlySet<string> = new Set<Reason>([
  'NodeGone',
  'NothingToDo',
  'KubeletNotTakingPods',
  'PreflightFailed',
]);

/** Opens at a failure; after the cool-down one rotation at a time is let through until one has succeeded (R13). */
function breakerOf(view: View): GateFacts['breaker'] {
  const { now, configuration, rotations } = view.world;
  const ended = rotations.filter(
    (rotation) => isTerminal(rotation) && rotation.status?.finishedAt !== undefined,
  );
  const failures = ended.filter(
    ({ status }) => isFailure(status?.phase) && !ownFaults.has(status?.reason ?? ''),
  );
  const last = failures.toSorted((a, b) => endOf(a) - endOf(b)).at(-1);
  if (last === undefined) return undefined;
  if (ended.some((one) => one.status?.phase === 'Succeeded' && beganAfter(one, last))) return undefined;
  const until = new Date(endOf(last) + configuration.breaker.coolDown);
  const trying = rotations.some(isActive);
  return {
    open: now.getTime() < until.getTime() || trying,
    message: `${last.metadata.name} ended ${last.status?.phase} (${last.status?.reason}); after ${rfc3339(until)} one at a time is tried`,
  };
}

/** What was under way already, beside the failure, is no try. */
function beganAfter({ status }: CertificateRotation, failure: CertificateRotation): boolean {
  return Date.parse(status?.startedAt ?? '') >= endOf(failure);
}

function endOf({ status }: CertificateRotation): number {
  return Date.parse(status?.finishedAt ?? '');
}

function isFailure(phase: string | undefined): boolean {
  return phase === 'RolledBack' || phase === 'Failed' || phase === 'NeedsManual';
}

/** Undefined: a window is open, or there are none. */
export function outsideWindow(windows: readonly Window[], now: Date): string | undefined {
  if (windows.length === 0) return undefined;
  const opens = windows.map(({ cron, duration, zone }) => {
    const pattern = new Cron(cron, { timezone: zone, paused: true });
    // The first opening after `now − duration`: in the past, it is still open; else it is the next one.
    return pattern.nextRun(new Date(now.getTime() - duration));
  });
  const moments = opens.flatMap((moment) => (moment === null ? [] : [moment.getTime()]));
  if (moments.some((moment) => moment <= now.getTime())) return undefined;
  if (moments.length === 0) return 'no maintenance window comes any more';
  return `the next maintenance window opens ${rfc3339(new Date(Math.min(...moments)))}`;
}

function healthOf(health: Health | undefined, view: View): GateFacts['health'] {
  if (health === undefined) return undefined;
  const age = view.world.now.getTime() - Date.parse(health.checkedAt);
  if (!(age <= healthIsFreshFor)) return undefined;
  const controlPlanes = view.nodes.filter(({ role }) => role === 'control-plane').map(({ name }) => name);
  return {
    apiServers: health.apiServers,
    etcd: health.etcd,
    etcdMembers: health.etcdMembers ?? controlPlanes,
  };
}
