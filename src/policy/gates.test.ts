import { describe, expect, it } from 'vitest';
import { askGates, type GateFacts, type HealthFacts, type Neighbours } from './gates.ts';
import { gates, type Gate } from './reasons.ts';

const isGate = (name: string): name is Gate => name in gates;
const now = new Date('2026-06-01T00:00:00Z');
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1000);
type ControlPlane = Neighbours['controlPlanes'][number];
const controlPlane = (name: string, more: Partial<ControlPlane> = {}): ControlPlane => ({
  name,
  ready: true,
  version: 'v1.34.4',
  ...more,
});
const controlPlanes = (...all: ControlPlane[]): Neighbours => ({
  count: all.length,
  notReady: all.filter(({ ready }) => !ready).length,
  controlPlanes: all,
});
const health = (more: Partial<HealthFacts> = {}): HealthFacts => ({
  apiServers: new Map(),
  etcd: new Map(),
  etcdMembers: ['cp1', 'cp2', 'cp3'],
  ...more,
});

/** A control plane of three that may go. */
const open: GateFacts = {
  now,
  mode: 'auto',
  paused: undefined,
  subject: {
    nodeName: 'cp1',
    role: 'control-plane',
    node: { ready: true, paused: false, version: 'v1.34.4', pressure: [], staging: false },
    newKeys: false,
    approved: false,
    cas: ['kubernetes', 'etcd', 'front-proxy'],
    clockSkew: 0,
    manualWithinHour: 0,
  },
  urgent: undefined,
  vault: {
    cas: new Set(['kubernetes', 'etcd', 'front-proxy'] as const),
    unavailable: {},
    problem: undefined,
  },
  activity: [],
  neighbours: controlPlanes(controlPlane('cp2'), controlPlane('cp3')),
  next: undefined,
  health: health(),
  outsideWindow: undefined,
  breaker: undefined,
  canary: undefined,
  limits: { parallelWorkers: 2, settle: 30_000, clockSkew: 300_000 },
};
const subject = (more: Partial<GateFacts['subject']>): Partial<GateFacts> => ({
  subject: { ...open.subject, ...more },
});
const worker = { nodeName: 'w1', role: 'worker' } as const;
const busyWorker = (nodeName: string, finishedAt?: Date) => ({
  nodeName,
  role: 'worker' as const,
  finishedAt,
});
const neighbours = (count: number, notReady: number): Neighbours => ({ count, notReady, controlPlanes: [] });

interface Row {
  readonly name: string;
  readonly given: Partial<GateFacts>;
  readonly want: Gate[];
  readonly says?: string;
}

const one = controlPlanes(controlPlane('cp1'));
const busyControlPlane = { nodeName: 'cp1', role: 'control-plane', finishedAt: undefined } as const;

const table: Row[] = [
  {
    name: 'a worker waits while the only control plane is being rotated',
    given: { ...subject(worker), neighbours: one, activity: [busyControlPlane] },
    want: ['OnlyApiServer'],
    says: 'the rotation of cp1',
  },
  {
    name: 'a worker waits behind the only control plane',
    given: { ...subject(worker), neighbours: one, next: 'cp1' },
    want: ['OnlyApiServer'],
    says: 'cp1, the only control plane, goes first',
  },
  {
    name: 'a worker goes beside one of several control planes',
    given: { ...subject(worker), activity: [{ ...busyControlPlane, nodeName: 'cp2' }], next: 'cp1' },
    want: [],
  },
  {
    name: 'the only control plane waits for a worker in flight',
    given: { neighbours: controlPlanes(), activity: [busyWorker('w1')] },
    want: ['OnlyApiServer'],
    says: 'w1 needs it',
  },
  {
    name: 'the tool is being laid down',
    given: subject({ node: { ...open.subject.node!, staging: true } }),
    want: ['ToolNotStaged'],
    says: 'cert-renew is being laid down on cp1',
  },
  {
    name: 'the tool is being laid down, and the key must not be kept',
    given: subject({ node: { ...open.subject.node!, staging: true }, newKeys: true }),
    want: ['RekeyNeedsTool'],
    says: 'without it pairs would keep their key',
  },
  {
    name: 'the pod of another control plane has outlived its rotation',
    given: { activity: [{ ...busyControlPlane, nodeName: 'cp2', leftover: 'rotate-1' }] },
    want: ['ControlPlaneInFlight'],
    says: 'Pod rotate-1 of a rotation that has ended is still on control plane cp2',
  },
  { name: 'all is well', given: {}, want: [] },
  {
    name: 'the node is gone',
    given: subject({ node: undefined }),
    want: ['NodeGone'],
    says: 'another one is under its name',
  },
  { name: 'mode observe touches nothing', given: { mode: 'observe' }, want: ['ModeObserve'] },
  {
    name: 'mode manual waits for an approval',
    given: { mode: 'manual' },
    want: ['AwaitingApproval'],
    says: 'certrotator.cpaas.io/approved="true"',
  },
  {
    name: 'mode manual goes on once approved',
    given: { mode: 'manual', ...subject({ approved: true }) },
    want: [],
  },
  {
    name: 'paused by the configuration',
    given: { paused: 'paused in the configuration' },
    want: ['Paused'],
    says: 'in the configuration',
  },
  {
    name: 'paused by the annotation of the node',
    given: subject({ node: { ...open.subject.node!, paused: true } }),
    want: ['Paused'],
    says: 'node cp1 is paused',
  },
  {
    name: 'an authority is missing from the vault',
    given: { vault: { cas: new Set(['kubernetes'] as const), unavailable: {}, problem: undefined } },
    want: ['CaUnavailable'],
    says: 'the vault has no CA etcd yet; the vault has no CA front-proxy yet',
  },
  {
    name: 'an authority that this rotation does not need may be missing',
    given: {
      vault: { cas: new Set(['kubernetes'] as const), unavailable: {}, problem: undefined },
      ...subject({ cas: ['kubernetes'] }),
    },
    want: [],
  },
  {
    name: 'an authority that is there cannot sign',
    given: { vault: { ...open.vault, unavailable: { etcd: { message: 'CA etcd ended' } } } },
    want: ['CaUnavailable'],
    says: 'CA etcd ended',
  },
  {
    name: 'the vault holds another CA than the cluster',
    given: { vault: { ...open.vault, problem: { gate: 'CaMismatch', message: 'CA differs' } } },
    want: ['CaMismatch'],
    says: 'CA differs',
  },
  {
    name: 'the vault says why it cannot sign',
    given: { vault: { ...open.vault, problem: { gate: 'CaUnavailable', message: 'no key' } } },
    want: ['CaUnavailable'],
    says: 'no key',
  },
  {
    name: 'the vault will not sign with a clock that differs from the API server’s',
    given: { vault: { ...open.vault, problem: { gate: 'ClockSkew', message: 'API server 400 s ahead' } } },
    want: ['ClockSkew'],
    says: '400 s ahead',
  },
  {
    name: 'the clock is off by more than the limit',
    given: subject({ clockSkew: 301_000 }),
    want: ['ClockSkew'],
    says: '301 s off, more than 300 s',
  },
  { name: 'a clock at the limit is good enough', given: subject({ clockSkew: 300_000 }), want: [] },
  {
    name: 'a clock that nobody measured closes',
    given: subject({ clockSkew: undefined }),
    want: ['ClockSkew'],
    says: 'never measured',
  },
  {
    name: 'another control plane is in flight',
    given: { activity: [{ nodeName: 'cp2', role: 'control-plane', finishedAt: undefined }] },
    want: ['ControlPlaneInFlight'],
    says: 'cp2',
  },
  {
    name: 'a worker does not mind a control plane in flight',
    given: {
      ...subject(worker),
      activity: [{ nodeName: 'cp2', role: 'control-plane', finishedAt: undefined }],
    },
    want: [],
  },
  {
    name: 'a control plane does not mind workers in flight',
    given: { activity: [busyWorker('w1'), busyWorker('w2')] },
    want: [],
  },
  {
    name: 'health that is not known closes',
    given: { health: undefined },
    want: ['EtcdUnsafe', 'ApiServerUnhealthy'],
  },
  {
    name: 'of three members one other is ill: without this one no quorum',
    given: { health: health({ etcd: new Map([['cp2', 'no leader']]) }) },
    want: ['EtcdUnsafe'],
    says: '1 of 3 members, 2 are needed (cp2: no leader)',
  },
  {
    name: 'of three members only its own is ill: it may go',
    given: { health: health({ etcd: new Map([['cp1', 'certificate expired']]) }) },
    want: [],
  },
  {
    name: 'of five members one other is ill: three remain',
    given: {
      health: health({ etcdMembers: ['cp1', 'cp2', 'cp3', 'cp4', 'cp5'], etcd: new Map([['cp2', 'ill']]) }),
    },
    want: [],
  },
  {
    name: 'of two members the other is ill',
    given: { health: health({ etcdMembers: ['cp1', 'cp2'], etcd: new Map([['cp2', 'ill']]) }) },
    want: ['EtcdUnsafe'],
    says: 'a member of etcd is not well',
  },
  {
    name: 'the only member is ill on this node: its rotation may heal it',
    given: { health: health({ etcdMembers: ['cp1'], etcd: new Map([['cp1', 'ill']]) }) },
    want: [],
  },
  {
    name: 'a worker waits when one of two members is ill',
    given: {
      ...subject(worker),
      health: health({ etcdMembers: ['cp1', 'cp2'], etcd: new Map([['cp2', 'ill']]) }),
    },
    want: ['EtcdUnsafe'],
  },
  {
    name: 'a worker takes no member away: two of three are enough',
    given: { ...subject(worker), health: health({ etcd: new Map([['cp2', 'ill']]) }) },
    want: [],
  },
  {
    name: 'etcd elsewhere is the agent’s question',
    given: { health: health({ etcdMembers: [] }) },
    want: [],
  },
  {
    name: 'the API server of another node is not ready',
    given: { health: health({ apiServers: new Map([['cp3', 'readyz 500']]) }) },
    want: ['ApiServerUnhealthy'],
    says: 'cp3 is not ready: readyz 500',
  },
  {
    name: 'an ill API server of its own closes for all but itself',
    given: { health: health({ apiServers: new Map([['cp1', 'readyz 500']]) }) },
    want: [],
  },
  {
    name: 'the node is not Ready',
    given: subject({ node: { ...open.subject.node!, ready: false } }),
    want: ['NodeNotReady'],
  },
  {
    name: 'another control plane is not Ready',
    given: { neighbours: controlPlanes(controlPlane('cp2', { ready: false })) },
    want: ['NeighboursNotReady'],
    says: 'control plane cp2',
  },
  {
    name: 'one node that is down for good does not stop a small cluster',
    given: { neighbours: neighbours(3, 1) },
    want: [],
  },
  { name: 'a tenth of a large cluster may be down', given: { neighbours: neighbours(50, 5) }, want: [] },
  {
    name: 'more than a tenth may not',
    given: { neighbours: neighbours(50, 6) },
    want: ['NeighboursNotReady'],
    says: '6 other nodes',
  },
  {
    name: 'the node is under pressure',
    given: subject({ node: { ...open.subject.node!, pressure: ['DiskPressure'] } }),
    want: ['NodePressure'],
    says: 'DiskPressure',
  },
  {
    name: 'control planes run different versions',
    given: { neighbours: controlPlanes(controlPlane('cp2', { version: 'v1.35.0' })) },
    want: ['UpgradeInProgress'],
    says: 'v1.34.4, v1.35.0',
  },
  {
    name: 'a worker sees the upgrade of the control planes',
    given: {
      ...subject(worker),
      neighbours: controlPlanes(controlPlane('cp1', { version: 'v1.35.0' }), controlPlane('cp2')),
    },
    want: ['UpgradeInProgress'],
  },
  {
    name: 'the breaker is open',
    given: { breaker: { open: true, message: 'w9 failed' } },
    want: ['BreakerOpen'],
    says: 'w9 failed',
  },
  {
    name: 'the canary of the role has not proved itself',
    given: { canary: 'w1 goes first' },
    want: ['CanaryBaking'],
    says: 'w1 goes first',
  },
  {
    name: 'the breaker lets one try through',
    given: { breaker: { open: false, message: 'w9 failed' } },
    want: [],
  },
  {
    name: 'no window is open',
    given: { outsideWindow: 'next window at night' },
    want: ['OutsideWindow'],
    says: 'at night',
  },
  {
    name: 'made by hand, a second time within an hour',
    given: subject({ manualWithinHour: 1 }),
    want: ['ManualRateLimit'],
  },
  {
    name: 'as many workers as allowed are in flight',
    given: { ...subject(worker), activity: [busyWorker('w2'), busyWorker('w3')] },
    want: ['ParallelLimit'],
  },
  {
    name: 'one worker in flight leaves a place',
    given: { ...subject(worker), activity: [busyWorker('w2')] },
    want: [],
  },
  {
    name: 'a place is free only after the settle time',
    given: { ...subject(worker), activity: [busyWorker('w2'), busyWorker('w3', ago(29))] },
    want: ['Settling'],
    says: 'w3 ended less than 30 s ago',
  },
  {
    name: 'after the settle time the place is free',
    given: { ...subject(worker), activity: [busyWorker('w2'), busyWorker('w3', ago(30))] },
    want: [],
  },
  {
    name: 'the last control plane ended moments ago',
    given: { activity: [{ nodeName: 'cp2', role: 'control-plane', finishedAt: ago(5) }] },
    want: ['Settling'],
  },
];

describe('why a rotation waits', () => {
  it.each(table)('$name', ({ given, want, says }) => {
    const { closed } = askGates({ ...open, ...given });
    expect(closed.map(({ gate }) => gate)).toEqual(want);
    expect(closed.map(({ message }) => message).join('\n')).toContain(says ?? '');
  });

  const rowOf = (gate: Gate): Partial<GateFacts> =>
    table.find(({ want }) => want.length === 1 && want[0] === gate)!.given;

  it.each(Object.keys(gates).filter(isGate))(
    '%s gives way to urgency when it is soft, and says so',
    (gate) => {
      const { closed, overridden } = askGates({ ...open, ...rowOf(gate), urgent: 'expires in 3 d' });
      const mine = gates[gate].hard ? closed : overridden;
      expect(mine.map((answer) => answer.gate)).toEqual([gate]);
      expect(mine[0]?.message).not.toBe('');
    },
  );

  it('tells all reasons at once, what a person decided first', () => {
    const { closed } = askGates({ ...open, mode: 'observe', paused: 'paused', health: undefined });
    expect(closed.map(({ gate }) => gate)).toEqual([
      'ModeObserve',
      'Paused',
      'EtcdUnsafe',
      'ApiServerUnhealthy',
    ]);
  });
});
