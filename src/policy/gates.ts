// Why a rotation waits (R13). Every gate is a small function over facts: it answers undefined when it is open, else the
// reason in words. What is unknown closes. Hard or soft is said once, in reasons.ts: hard gates give way to nothing,
// soft ones to urgency, and that is said.
import type { CaId, NodeRole } from '../catalogue/ids.ts';
import { gates, type Gate } from './reasons.ts';

/** A node that is being rotated now, or was moments ago. */
export interface Activity {
  readonly nodeName: string;
  readonly role: NodeRole;
  /** Undefined: still under way. */
  readonly finishedAt: Date | undefined;
  /** Its rotation has ended or is gone, and this Pod of it may still be at work. */
  readonly leftover?: string;
}

/** All nodes but the one that is asked about. Counts, since there may be thousands of them. */
export interface Neighbours {
  readonly count: number;
  readonly notReady: number;
  readonly controlPlanes: readonly {
    readonly name: string;
    readonly ready: boolean;
    readonly version: string;
  }[];
}

/** Node name → problem in words; a node that is fine is absent. */
export interface HealthFacts {
  readonly apiServers: ReadonlyMap<string, string>;
  readonly etcd: ReadonlyMap<string, string>;
  /** Nodes that run a voting member of etcd; empty when etcd is elsewhere. */
  readonly etcdMembers: readonly string[];
}

export interface GateFacts {
  readonly now: Date;
  readonly mode: 'auto' | 'manual' | 'observe';
  /** Who paused everything, in words. */
  readonly paused: string | undefined;
  readonly subject: {
    readonly nodeName: string;
    readonly role: NodeRole;
    /** Undefined: no such node, or another one under its name. */
    readonly node:
      | {
          readonly ready: boolean;
          readonly paused: boolean;
          /** The kubelet's version, as `v1.34.4`. */
          readonly version: string;
          /** Conditions such as DiskPressure that are true. */
          readonly pressure: readonly string[];
          /** Its tool for a day without an API is about to be laid down (R18). */
          readonly staging: boolean;
        }
      | undefined;
    /** It may not keep a key that others may know. */
    readonly newKeys: boolean;
    readonly approved: boolean;
    /** The authorities that must sign. */
    readonly cas: readonly CaId[];
    /** How far the node's clock is from ours, in milliseconds; undefined: never measured. */
    readonly clockSkew: number | undefined;
    /** Rotations made by hand that began on this node within the last hour, when this is one; else 0. */
    readonly manualWithinHour: number;
  };
  /** Why soft gates give way for this one, in words; undefined: they do not. */
  readonly urgent: string | undefined;
  readonly vault: {
    readonly cas: ReadonlySet<CaId>;
    /** Why one of them cannot sign, although it may be there. */
    readonly unavailable: Readonly<Partial<Record<CaId, { readonly message: string }>>>;
    readonly problem: { readonly gate: Gate; readonly message: string } | undefined;
  };
  /** Other nodes where a rotation is under way or ended lately; of those that ended, no more than fill all places. */
  readonly activity: readonly Activity[];
  readonly neighbours: Neighbours;
  /** A control plane that waits only for workers to come to their end: none goes before it. */
  readonly next: string | undefined;
  /** Undefined: not asked, or too long ago. */
  readonly health: HealthFacts | undefined;
  /** When the next window opens, in words; undefined: one is open, or there are none. */
  readonly outsideWindow: string | undefined;
  /** Undefined: closed, all is well. */
  readonly breaker: { readonly open: boolean; readonly message: string } | undefined;
  /** Which node of this role goes first and must prove itself, in words; undefined: none, or this one. */
  readonly canary: string | undefined;
  readonly limits: {
    readonly parallelWorkers: number;
    readonly settle: number;
    readonly clockSkew: number;
  };
}

export interface GateAnswer {
  readonly gate: Gate;
  readonly message: string;
}

export interface GatesAnswer {
  /** These keep the rotation waiting; none: it may go. */
  readonly closed: readonly GateAnswer[];
  /** These would, but it is urgent. */
  readonly overridden: readonly GateAnswer[];
}

type GateRule = (facts: GateFacts) => string | undefined;

// In the order in which they are told to people: first what a person decided, then the authorities, then health.
const rules: readonly (readonly [Gate, GateRule])[] = [
  ['NodeGone', nodeIsGone],
  ['ModeObserve', modeIsObserve],
  ['Paused', somebodyPaused],
  ['AwaitingApproval', approvalIsMissing],
  ['CaMismatch', authorityDiffers],
  ['CaUnavailable', authorityIsMissing],
  ['ClockSkew', clocksDiffer],
  ['ControlPlaneInFlight', anotherControlPlaneIsInFlight],
  ['OnlyApiServer', onlyApiServerIsNeeded],
  ['EtcdUnsafe', etcdCouldLoseQuorum],
  ['ApiServerUnhealthy', anApiServerIsNotReady],
  ['RekeyNeedsTool', newKeysNeedTheTool],
  ['ToolNotStaged', toolIsOnItsWay],
  ['NodeNotReady', nodeIsNotReady],
  ['NeighboursNotReady', tooManyAreNotReady],
  ['NodePressure', nodeIsUnderPressure],
  ['UpgradeInProgress', anUpgradeIsUnderWay],
  ['BreakerOpen', breakerIsOpen],
  ['CanaryBaking', ({ canary }) => canary],
  ['OutsideWindow', ({ outsideWindow }) => outsideWindow],
  ['ManualRateLimit', tooManyByHand],
  ['ParallelLimit', asManyAsAllowedAreInFlight],
  ['Settling', lastOneWasMomentsAgo],
];

/** Asks every gate. Nothing closed: the rotation may go now. */
export function askGates(facts: GateFacts): GatesAnswer {
  const shut: GateAnswer[] = [];
  for (const [gate, rule] of rules) {
    const message = rule(facts);
    if (message !== undefined) shut.push({ gate, message });
  }
  if (facts.urgent === undefined) return { closed: shut, overridden: [] };
  const givesWay = ({ gate }: GateAnswer) => !gates[gate].hard;
  return {
    closed: shut.filter((answer) => !givesWay(answer)),
    overridden: shut.filter(givesWay),
  };
}

function nodeIsGone({ subject }: GateFacts): string | undefined {
  if (subject.node !== undefined) return undefined;
  return `node ${subject.nodeName} is not there any more, or another one is under its name`;
}

function modeIsObserve({ mode }: GateFacts): string | undefined {
  return mode === 'observe' ? 'mode is observe: nothing is touched' : undefined;
}

function somebodyPaused({ paused, subject }: GateFacts): string | undefined {
  if (paused !== undefined) return paused;
  return subject.node?.paused === true ? `node ${subject.nodeName} is paused by its annotation` : undefined;
}

function approvalIsMissing({ mode, subject }: GateFacts): string | undefined {
  if (mode !== 'manual' || subject.approved) return undefined;
  return 'mode is manual: approve it with annotation certrotator.cpaas.io/approved="true"';
}

/** What the vault may object to under another gate's name; anything else it says means that nothing can be signed. */
const toldElsewhere: ReadonlySet<Gate> = new Set(['CaMismatch', 'ClockSkew']);

function authorityIsMissing({ subject, vault }: GateFacts): string | undefined {
  const { problem } = vault;
  if (problem !== undefined && !toldElsewhere.has(problem.gate)) return problem.message;
  const isMissing = (ca: CaId): boolean => vault.unavailable[ca] !== undefined || !vault.cas.has(ca);
  if (!subject.cas.some(isMissing)) return undefined;
  const missing = subject.cas.filter(isMissing);
  return missing.map((ca) => vault.unavailable[ca]?.message ?? `the vault has no CA ${ca} yet`).join('; ');
}

function authorityDiffers({ vault }: GateFacts): string | undefined {
  return vault.problem?.gate === 'CaMismatch' ? vault.problem.message : undefined;
}

function clocksDiffer({ subject, limits, vault }: GateFacts): string | undefined {
  if (vault.problem?.gate === 'ClockSkew') return vault.problem.message;
  if (subject.clockSkew === undefined) return `the clock of ${subject.nodeName} was never measured`;
  if (subject.clockSkew <= limits.clockSkew) return undefined;
  const [skew, limit] = [subject.clockSkew, limits.clockSkew].map((ms) => Math.round(ms / 1000));
  return `the clock of ${subject.nodeName} is ${skew} s off, more than ${limit} s`;
}

function anotherControlPlaneIsInFlight({ subject, activity }: GateFacts): string | undefined {
  if (subject.role !== 'control-plane') return undefined;
  const other = activity.find(({ role, finishedAt }) => role === 'control-plane' && finishedAt === undefined);
  if (other === undefined) return undefined;
  const { nodeName, leftover } = other;
  if (leftover === undefined) return `control plane ${nodeName} is being rotated`;
  const then = 'should that machine be off for good, delete its Node';
  return `Pod ${leftover} of a rotation that has ended is still on control plane ${nodeName}: ${then}`;
}

/**
 * Where there is one control plane, its API server is away while it restarts, and longer should it not come back: a worker
 * could not prove its client certificate and would roll back for nothing.
 */
function onlyApiServerIsNeeded({ subject, activity, neighbours, next }: GateFacts): string | undefined {
  const inFlight = activity.filter(({ finishedAt }) => finishedAt === undefined);
  if (subject.role === 'control-plane') {
    if (neighbours.controlPlanes.length > 0 || inFlight.length === 0) return undefined;
    return `the only API server restarts with it, and ${inFlight[0]?.nodeName} needs it until its rotation has ended`;
  }
  if (neighbours.controlPlanes.length !== 1) return undefined;
  const other = inFlight.find(({ role }) => role === 'control-plane')?.nodeName;
  if (other !== undefined) return `the only API server restarts with the rotation of ${other}`;
  return next === undefined ? undefined : `${next}, the only control plane, goes first`;
}

function newKeysNeedTheTool({ subject }: GateFacts): string | undefined {
  if (subject.node?.staging !== true || !subject.newKeys) return undefined;
  return `cert-renew is being laid down on ${subject.nodeName}: without it pairs would keep their key`;
}

function toolIsOnItsWay({ subject }: GateFacts): string | undefined {
  if (subject.node?.staging !== true || subject.newKeys) return undefined;
  return `cert-renew is being laid down on ${subject.nodeName}, so that its boot could recover it`;
}

/**
 * Three or more members: quorum must hold without the member of this node. One or two: etcd itself is not restarted, but
 * nothing may be ill already. The node's own member does not count: its rotation may be what heals it.
 */
function etcdCouldLoseQuorum({ health, subject }: GateFacts): string | undefined {
  if (health === undefined) return 'the health of etcd is not known';
  if (health.etcd.size === 0) return undefined;
  const others = health.etcdMembers.filter((name) => name !== subject.nodeName);
  const ill = others.filter((name) => health.etcd.has(name));
  if (ill.length === 0) return undefined;
  const named = ill.map((name) => `${name}: ${health.etcd.get(name)}`).join('; ');
  const members = health.etcdMembers.length;
  if (members <= 2) return `a member of etcd is not well (${named})`;
  const quorum = Math.floor(members / 2) + 1;
  const healthy = others.length - ill.length;
  if (healthy >= quorum) return undefined;
  return `etcd would have ${healthy} of ${members} members, ${quorum} are needed (${named})`;
}

function anApiServerIsNotReady({ health, subject }: GateFacts): string | undefined {
  if (health === undefined) return 'the health of the API servers is not known';
  if (health.apiServers.size === 0) return undefined;
  const ill = [...health.apiServers].filter(([name]) => name !== subject.nodeName);
  if (ill.length === 0) return undefined;
  return ill.map(([name, problem]) => `the API server of ${name} is not ready: ${problem}`).join('; ');
}

function nodeIsNotReady({ subject }: GateFacts): string | undefined {
  if (subject.node === undefined || subject.node.ready) return undefined;
  return `node ${subject.nodeName} is not Ready`;
}

/** One of a small cluster may be down for good; beyond that and a tenth something is going on. */
function tooManyAreNotReady({ neighbours, subject }: GateFacts): string | undefined {
  const { count, notReady } = neighbours;
  const controlPlane = neighbours.controlPlanes.find(({ ready }) => !ready);
  if (subject.role === 'control-plane' && controlPlane !== undefined) {
    return `control plane ${controlPlane.name} is not Ready`;
  }
  const allowed = Math.max(1, Math.floor(count / 10));
  if (notReady <= allowed) return undefined;
  return `${notReady} other nodes are not Ready, more than ${allowed}`;
}

function nodeIsUnderPressure({ subject }: GateFacts): string | undefined {
  const pressure = subject.node?.pressure ?? [];
  return pressure.length === 0 ? undefined : `node ${subject.nodeName} reports ${pressure.join(', ')}`;
}

/** Control planes alone: workers may stay versions behind for years. */
function anUpgradeIsUnderWay({ neighbours, subject }: GateFacts): string | undefined {
  const own = subject.role === 'control-plane' ? subject.node?.version : undefined;
  const [first] = neighbours.controlPlanes;
  const one = own ?? first?.version;
  if (neighbours.controlPlanes.every(({ version }) => version === one)) return undefined;
  const versions = new Set(neighbours.controlPlanes.map(({ version }) => version));
  if (own !== undefined) versions.add(own);
  return `control planes run different versions (${[...versions].toSorted().join(', ')})`;
}

function breakerIsOpen({ breaker }: GateFacts): string | undefined {
  return breaker?.open === true ? breaker.message : undefined;
}

function tooManyByHand({ subject }: GateFacts): string | undefined {
  if (subject.manualWithinHour === 0) return undefined;
  return `node ${subject.nodeName} was rotated by hand within the last hour`;
}

function asManyAsAllowedAreInFlight({ subject, activity, limits }: GateFacts): string | undefined {
  if (subject.role !== 'worker') return undefined;
  const inFlight = activity.filter(({ role, finishedAt }) => role === 'worker' && finishedAt === undefined);
  if (inFlight.length < limits.parallelWorkers) return undefined;
  return `${inFlight.length} workers are being rotated, as many as allowed`;
}

/** A place is free again only after the settle time: its load on the cluster has not ended with it. */
function lastOneWasMomentsAgo({ now, subject, activity, limits }: GateFacts): string | undefined {
  const places = subject.role === 'worker' ? limits.parallelWorkers : 1;
  const mine = activity.filter(({ role }) => role === subject.role);
  const settling = mine.filter(
    ({ finishedAt }) => finishedAt !== undefined && now.getTime() - finishedAt.getTime() < limits.settle,
  );
  const inFlight = mine.filter(({ finishedAt }) => finishedAt === undefined);
  if (settling.length === 0 || inFlight.length + settling.length < places) return undefined;
  const seconds = Math.round(limits.settle / 1000);
  return `${settling.map(({ nodeName }) => nodeName).join(', ')} ended less than ${seconds} s ago`;
}
