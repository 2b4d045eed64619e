import { describe, expect, it } from 'vitest';
import { labels } from '../labels.ts';
import { trimNode } from '../../kube/trim.ts';
import type { World } from '../world.ts';
import { decide } from './index.ts';
import { rowOf } from './simulated-objects.ts';
import { SimulatedCluster } from './simulated.ts';

const hour = 3_600_000;

/** Nodes that were all read at the same moment, as workers, and have nothing due. */
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
  return scansOf(cluster.world(), hours);
}

function scansOf(world: World, hours: number): number {
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

/** Joined so many hours before it was read. */
function joined(before: number, labelled = true): World {
  const world = readAtOnce(1).world();
  const creationTimestamp = new Date(world.now.getTime() - before * hour).toISOString();
  const role = labelled ? { 'node-role.kubernetes.io/control-plane': '' } : {};
  const nodes = world.nodes.map((node) =>
    trimNode({
      ...node,
      metadata: { ...node.metadata, creationTimestamp, labels: { ...node.metadata?.labels, ...role } },
    }),
  );
  return { ...world, nodes };
}

/** Of each node the scan says that the manifest of its API server was away. */
function withoutManifest(world: World): World {
  const notes = ['not seen, so not renewed: kube-apiserver; no manifest of kube-apiserver lies there'];
  const inventories = [...world.inventories].map(([name, one]) => [name, { ...one, notes }] as const);
  return { ...world, inventories: new Map(inventories) };
}

describe('a control plane of which something was not seen', () => {
  it.each([
    ['it joined, and was read as a worker', joined(0.01)],
    ['a manifest was away', withoutManifest(joined(1.1))],
  ])('is read again ten minutes later: %s', (_, world) => {
    expect([0.1, 0.2].map((hours) => scansOf(world, hours))).toEqual([0, 1]);
  });

  it.each([
    ['it joined long before', joined(1.1)],
    ['it is a worker', joined(0.01, false)],
    ['it is a worker on which something was left', withoutManifest(joined(1.1, false))],
  ])('is read once a day when %s', (_, world) => {
    expect([0.2, 23.9, 24.1].map((hours) => scansOf(world, hours))).toEqual([0, 0, 1]);
  });
});
