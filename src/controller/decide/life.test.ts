import { describe, expect, it, test } from 'vitest';
import * as fc from 'fast-check';
import { gates, reasons } from '../../policy/reasons.ts';
import { day } from './simulated-objects.ts';
import { SimulatedCluster } from './simulated.ts';

const hour = 3_600_000;

/** What must hold after every pass, whatever happened. */
function violations(cluster: SimulatedCluster): string[] {
  const { parallelWorkers } = cluster.configuration;
  const [controlPlanes, workers] = [cluster.inFlight('control-plane'), cluster.inFlight('worker')];
  const found: string[] = [];
  if (controlPlanes.length > 1) found.push(`${controlPlanes.length} control planes at once`);
  if (workers.length > parallelWorkers) found.push(`${workers.length} workers at once`);
  for (const { name } of cluster.nodes) {
    const open = cluster.open().filter(({ spec }) => spec.nodeName === name);
    if (open.length > 1) found.push(`${open.length} open rotations of ${name}`);
    if (cluster.of(name).length > 6) found.push(`${cluster.of(name).length} rotations of ${name} kept`);
  }
  for (const { metadata, status } of cluster.rotations) {
    const known = status?.reason !== undefined && (status.reason in gates || status.reason in reasons);
    if (!known || (status.message ?? '') === '')
      found.push(`${metadata.name} has no reason: ${status?.reason}`);
  }
  return found;
}

type Trouble =
  | { readonly kind: 'time'; readonly seconds: number }
  | { readonly kind: 'ready' | 'evict' | 'replace' | 'fail' | 'heal' | 'hand'; readonly node: number }
  | { readonly kind: 'health'; readonly node: number; readonly ill: boolean };

const node = fc.nat({ max: 6 });
const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('time' as const),
      seconds: fc.constantFrom(5, 5, 60, 700, 4000, 90_000),
    }),
  },
  fc.record({
    kind: fc.constantFrom(
      'ready' as const,
      'evict' as const,
      'replace' as const,
      'fail' as const,
      'heal' as const,
      'hand' as const,
    ),
    node,
  }),
  fc.record({ kind: fc.constant('health' as const), node, ill: fc.boolean() }),
);

const outcomes = [
  { outcome: 'rolled-back', reason: 'ComponentDidNotReturn', message: 'it did not come back' },
  { outcome: 'refused', reason: 'PreflightFailed', message: 'not fit' },
  { outcome: 'needs-manual', reason: 'OldStateUnsafe', message: 'expired' },
] as const;

let made = 0;

function happen(cluster: SimulatedCluster, event: Trouble): void {
  if (event.kind === 'time') return cluster.elapse(event.seconds * 1000);
  const target = cluster.nodes[event.node % cluster.nodes.length]!;
  switch (event.kind) {
    case 'ready':
      target.ready = !target.ready;
      return;
    case 'evict':
      cluster.pods = cluster.pods.filter(({ spec }) => spec?.nodeName !== target.name);
      return;
    case 'replace':
      made += 1;
      target.uid = `replaced-${made}`;
      return;
    case 'fail':
      target.outcome = () => outcomes[event.node % outcomes.length]!;
      return;
    case 'heal':
      target.ready = true;
      target.outcome = () => ({});
      cluster.health = {};
      return;
    case 'hand':
      made += 1;
      cluster.createByHand(`hand-${made}`, {
        nodeName: target.name,
        nodeUID: target.uid,
        certificates: ['kubelet.crt'],
      });
      return;
    case 'health':
      cluster.health = event.ill
        ? { apiServers: new Map([[target.name, 'readyz 500']]), etcd: new Map([[target.name, 'ill']]) }
        : {};
      return;
    default:
      event satisfies never;
  }
}

function mixed(configuration: ConstructorParameters<typeof SimulatedCluster>[0], ages: readonly number[]) {
  const cluster = new SimulatedCluster({ stageTool: 'none', parallelWorkers: 2, ...configuration });
  for (const [i, share] of ages.entries()) {
    cluster.add(`n${i}`, i < 3 ? 'control-plane' : 'worker', (id) => {
      const lifetime = id.startsWith('kubelet') ? 91 : 365;
      return { age: share * lifetime, lifetime };
    });
  }
  return cluster;
}

/** Shares of the lifetime that have passed. */
const share = fc.integer({ min: 0, max: 110 }).map((percent) => percent / 100);
const ages = fc.array(share, { minLength: 3, maxLength: 7 });

test('whatever happens: one control plane, no more workers than allowed, one open rotation a node, every one with a reason', () => {
  fc.assert(
    fc.property(ages, fc.array(trouble, { maxLength: 60 }), (given, events) => {
      const cluster = mixed({}, given);
      for (const event of events) {
        happen(cluster, event);
        for (let passes = 0; passes < 3; passes++) {
          cluster.pass();
          expect(violations(cluster)).toEqual([]);
        }
      }
    }),
    { numRuns: 80 },
  );
});

test('without time going by the loop comes to rest, and then decides nothing', () => {
  fc.assert(
    fc.property(ages, fc.array(trouble, { maxLength: 25 }), (given, events) => {
      const cluster = mixed({}, given);
      for (const event of events) {
        happen(cluster, event);
        cluster.settle(40);
        expect(cluster.pass()).toEqual([]);
      }
    }),
    { numRuns: 60 },
  );
});

test('once the trouble is over, everything that was due is renewed and nothing is left over', () => {
  fc.assert(
    fc.property(ages, fc.array(trouble, { maxLength: 30 }), (given, events) => {
      const cluster = mixed({}, given);
      for (const event of events) {
        happen(cluster, event);
        cluster.settle(40);
      }
      for (const one of cluster.nodes) {
        one.ready = true;
        one.outcome = () => ({});
      }
      cluster.health = {};
      // Backoffs and the breaker run out within two days.
      for (let hours = 0; hours < 60; hours++) {
        cluster.run(300);
        cluster.elapse(hour);
      }
      cluster.run(300);
      const late = cluster.nodes.flatMap(({ name, certificates }) =>
        [...certificates]
          .filter(([, { notAfter }]) => notAfter.getTime() < cluster.now.getTime())
          .map(([id]) => `${name} ${id}`),
      );
      expect(late).toEqual([]);
      expect(cluster.pods).toEqual([]);
    }),
    { numRuns: 15 },
  );
});

describe('a year of 3 + 47 nodes', () => {
  it(
    'renews each certificate when its time has come, within a day, and never anything else',
    { timeout: 300_000 },
    () => {
      const cluster = new SimulatedCluster({ stageTool: 'none', scanInterval: 4 * day });
      for (let i = 0; i < 50; i++) {
        // Ten batches of machines, some already beyond their time.
        cluster.add(`n${String(i).padStart(2, '0')}`, i < 3 ? 'control-plane' : 'worker', (id) => {
          const lifetime = id.startsWith('kubelet') ? 91 : 365;
          return { age: ((i % 10) / 10) * lifetime * 0.95, lifetime };
        });
      }
      const end = cluster.now.getTime() + 365 * day;
      let restless = 0;
      while (cluster.now.getTime() < end) {
        restless += cluster.run(5000) === 5000 ? 1 : 0;
        expect(violations(cluster)).toEqual([]);
        cluster.elapse(12 * hour);
      }
      expect(restless).toBe(0);
      const year = cluster.renewals.filter(
        ({ at }) => at.getTime() > cluster.renewals[0]!.at.getTime() + day,
      );
      const early = year.filter(
        ({ id, remaining }) => remaining > (id.startsWith('kubelet') ? 37 : 80) * day,
      );
      const late = year.filter(({ id, remaining }) => remaining < (id.startsWith('kubelet') ? 29 : 72) * day);
      expect(early).toEqual([]);
      expect(late).toEqual([]);
      // 61 days apart: six generations of a kubelet's, give or take the one that was under way.
      const perNode = cluster.nodes.map(
        ({ name }) => cluster.renewals.filter((one) => one.node === name && one.id === 'kubelet.crt').length,
      );
      expect(Math.min(...perNode)).toBeGreaterThanOrEqual(5);
      expect(Math.max(...perNode)).toBeLessThanOrEqual(7);
      expect(
        cluster.rotations.every(
          ({ status }) => status?.phase === 'Succeeded' || status?.phase === 'Scheduled',
        ),
      ).toBe(true);
    },
  );
});

describe('accelerated life', () => {
  it('lifetimes of an hour with a trigger at 90 %: two rotations in a row, nothing left over, no spinning', () => {
    const cluster = new SimulatedCluster({
      stageTool: 'none',
      lifetimes: { kubelet: hour, controlPlane: hour },
      trigger: { percent: 90, days: 30 },
      scanInterval: 60_000,
      settle: 0,
      backdate: 360_000,
    });
    cluster.add('cp1', 'control-plane', () => ({ age: 0, lifetime: 1 / 24 }));
    cluster.add('w1', 'worker', () => ({ age: 0, lifetime: 1 / 24 }));
    for (let seconds = 0; seconds < 1800; seconds += 5) {
      cluster.settle(20);
      expect(violations(cluster)).toEqual([]);
      cluster.elapse(5000);
    }
    const generations = cluster.renewals.filter(
      ({ id, node }) => id === 'kubelet.crt' && node === 'w1',
    ).length;
    expect(generations).toBeGreaterThanOrEqual(3);
    expect(generations).toBeLessThanOrEqual(5);
    expect(cluster.rotations.length).toBeLessThanOrEqual(10);
  });
});
