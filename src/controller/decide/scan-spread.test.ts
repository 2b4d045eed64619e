import { describe, expect, it } from 'vitest';
import { labels } from '../labels.ts';
import { decide } from './index.ts';
import { rowOf } from './simulated-objects.ts';
import { SimulatedCluster } from './simulated.ts';

const hour = 3_600_000;

/** Workers that were all read at the same moment and have nothing due. */
function readAtOnce(size: number): SimulatedCluster {
  const cluster = new SimulatedCluster({ stageTool: 'none', parallelScans: 1000 });
  for (let i = 0; i < size; i++) {
    const node = cluster.add(`w${i}`, 'worker', () => ({ age: 1, lifetime: 91 }));
    const time = cluster.now.toISOString();
    cluster.inventories.set(node.name, {
      schema: 1,
      node: node.name,
      nodeUID: node.uid,
      machineID: 'm',
      collectedAt: time,
      clock: time,
      certificates: [...node.certificates].map(([id, certificate]) => rowOf(id, certificate)),
    });
  }
  return cluster;
}

/** How many would be read so many hours after they were last. */
function scansAfter(cluster: SimulatedCluster, hours: number): number {
  const world = cluster.world();
  const actions = decide({ ...world, now: new Date(world.now.getTime() + hours * hour) });
  return actions.filter(
    (action) => action.type === 'create-pod' && action.pod.metadata?.labels?.[labels.kind] === 'scan',
  ).length;
}

describe('the daily scan (S2)', () => {
  it.each([1, 49])('of %i nodes is of all at once, a day after the last', (size) => {
    const cluster = readAtOnce(size);
    expect(scansAfter(cluster, 23.99)).toBe(0);
    expect(scansAfter(cluster, 24.01)).toBe(size);
  });

  it.each([50, 400])('of %i nodes is spread over two hours by the UID of the node', (size) => {
    const cluster = readAtOnce(size);
    expect(scansAfter(cluster, 23.99)).toBe(0);
    const quarters = [24.5, 25, 25.5, 26].map((hours) => scansAfter(cluster, hours));
    expect(quarters.at(-1)).toBe(size);
    for (const [i, due] of quarters.entries()) expect(due - (quarters[i - 1] ?? 0)).toBeGreaterThan(size / 8);
    expect(
      [24.5, 25, 25.5, 26].map((hours) => scansAfter(cluster, hours)),
      'the same again',
    ).toEqual(quarters);
  });
});
