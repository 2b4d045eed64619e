// The facts that are the same for every rotation that is asked about in one pass: counted once, since thousands may wait.
import { Cron } from 'croner';
import { caIds } from '../../catalogue/ids.ts';
import type { CertificateRotation } from '../../kube/types.ts';
import type { Activity, GateFacts, Neighbours } from '../../policy/gates.ts';
import type { Reason } from '../../policy/reasons.ts';
import type { Window } from '../configuration.ts';
import type { Health, World } from '../world.ts';
import { canariesOf, type Canaries } from './canary.ts';
import { labels } from '../labels.ts';
import { isFinished } from './pod-state.ts';
import { isActive } from '../../kube/objects.ts';
import { label, versionOf, type NodeView, type View } from './view.ts';
import { rfc3339 } from '../../pki/time.ts';

/** An answer about health that is older says nothing about now. */
const healthIsFreshFor = 2 * 60_000;

export interface CommonFacts {
  readonly activity: readonly Activity[];
  readonly nodes: Neighbours;
  readonly next: GateFacts['next'];
  readonly breaker: GateFacts['breaker'];
  readonly canaries: Canaries;
  readonly outsideWindow: string | undefined;
  readonly health: GateFacts['health'];
  readonly vault: GateFacts['vault'];
  readonly limits: GateFacts['limits'];
}

export function commonFacts(view: View): CommonFacts {
  const { world } = view;
  const { parallelWorkers, settle, clockSkewLimit: clockSkew } = world.configuration;
  return {
    activity: activityIn(view),
    nodes: {
      count: view.nodes.length,
      notReady: view.nodes.filter(({ ready }) => !ready).length,
      controlPlanes: view.nodes
        .filter(({ role }) => role === 'control-plane')
        .map((node) => ({ name: node.name, ready: node.ready, version: versionOf(node) })),
    },
    next: undefined,
    breaker: breakerOf(view),
    canaries: canariesOf(view),
    outsideWindow: outsideWindow(world.configuration.windows, world.now),
    health: healthOf(world.health, view),
    vault: vaultOf(world),
    limits: { parallelWorkers, settle, clockSkew },
  };
}

function vaultOf({ vault, now }: World): GateFacts['vault'] {
  const usable = caIds.filter((ca) => {
    const known = vault.cas[ca];
    return known !== undefined && Date.parse(known.notAfter) > now.getTime();
  });
  return { cas: new Set(usable), unavailable: vault.unavailable ?? {}, problem: vault.problem };
}

/**
 * Where something is under way or ended within the settle time. Of what has ended, as much as fills all places although
 * one of them be the very node that is asked about: with a long settle time there may be thousands.
 */
function activityIn(view: View): Activity[] {
  const all: Activity[] = [];
  for (const node of view.nodes) {
    const one = activityOf(node, view.world);
    if (one !== undefined) all.push(one);
  }
  const inFlight = all.filter(({ finishedAt }) => finishedAt === undefined);
  const places = view.world.configuration.parallelWorkers + 1;
  const ended = (['control-plane', 'worker'] as const).flatMap((role) =>
    all
      .filter((one) => one.role === role && one.finishedAt !== undefined)
      .toSorted((a, b) => (b.finishedAt?.getTime() ?? 0) - (a.finishedAt?.getTime() ?? 0))
      .slice(0, places),
  );
  return [...inFlight, ...leftovers(view, inFlight), ...ended];
}

/**
 * Rotate Pods of control planes that outlive their rotation, whatever ended it: they may still write, whoever reads the
 * object only. One on a node that is not there any more is taken for a control plane's: what is unknown closes.
 */
function leftovers({ world, named }: View, inFlight: readonly Activity[]): Activity[] {
  const known = new Set(inFlight.map(({ nodeName }) => nodeName));
  return world.pods.flatMap((pod) => {
    const nodeName = pod.spec?.nodeName ?? '';
    if (label(pod, labels.kind) !== 'rotate' || isFinished(pod) || known.has(nodeName)) return [];
    if (named(nodeName)?.role === 'worker') return [];
    const leftover = pod.metadata?.name ?? '';
    return [{ nodeName, role: 'control-plane', finishedAt: undefined, leftover } as const];
  });
}

/** One at most for a node: the last. A longer memory than the settle time is of use to no gate. */
function activityOf(
  { name: nodeName, role, active, lastEnd }: NodeView,
  { now, configuration }: World,
): Activity | undefined {
  if (active.length > 0) return { nodeName, role, finishedAt: undefined };
  const isOver = now.getTime() - lastEnd > configuration.settle;
  return isOver ? undefined : { nodeName, role, finishedAt: new Date(lastEnd) };
}

/** Failures that say nothing about the next node: there was nothing to do, or nothing was touched and it is its own. */
const ownFaults: ReadonlySet<string> = new Set<Reason>([
  'NodeGone',
  'NothingToDo',
  'KubeletNotTakingPods',
  'PreflightFailed',
  'KeyMismatch',
  'Unmanaged',
  'Unreadable',
  'SigningRefused',
]);

/** Opens at a failure; after the cool-down one rotation at a time is let through until one has succeeded (R13). */
function breakerOf(view: View): GateFacts['breaker'] {
  const { now, configuration, rotations } = view.world;
  const failures = rotations.filter(isFailure);
  const last = failures.toSorted((a, b) => endOf(a) - endOf(b)).at(-1);
  if (last === undefined) return undefined;
  if (rotations.some((one) => hasSucceeded(one) && beganAfter(one, last))) return undefined;
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

function hasSucceeded({ status }: CertificateRotation): boolean {
  return status?.phase === 'Succeeded' && status.finishedAt !== undefined;
}

/** One that has ended, and says something about the nodes to come. */
function isFailure({ status }: CertificateRotation): boolean {
  const phase = status?.phase;
  if (phase !== 'RolledBack' && phase !== 'Failed' && phase !== 'NeedsManual') return false;
  return status?.finishedAt !== undefined && !ownFaults.has(status.reason ?? '');
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
