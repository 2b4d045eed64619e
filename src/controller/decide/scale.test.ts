// A decision is about the whole cluster and must stay fast for five thousand nodes (docs/adr/0003): it may not look at
// every node for every node.
import process from 'node:process';
import { describe, expect, it } from 'vitest';
import type { World } from '../world.ts';
import { decide } from './index.ts';
import { rowOf } from './simulated-objects.ts';
import { SimulatedCluster } from './simulated.ts';

/** Every node has something due, five workers are under way, all others wait. */
function allWaiting(size: number): World {
  const cluster = new SimulatedCluster({ stageTool: 'none' });
  for (let i = 0; i < size; i++) {
    const name = `n${String(i).padStart(4, '0')}`;
    const node = cluster.add(name, i < 3 ? 'control-plane' : 'worker', () => ({ age: 71, lifetime: 91 }));
    const time = cluster.now.toISOString();
    cluster.inventories.set(name, {
      schema: 1,
      node: name,
      nodeUID: node.uid,
      machineID: 'm',
      collectedAt: time,
      clock: time,
      certificates: [...node.certificates].map(([id, certificate]) => rowOf(id, certificate)),
    });
  }
  for (let passes = 0; passes < 3; passes++) cluster.pass();
  const waiting = cluster.rotations.filter(({ status }) => status?.phase === 'Pending');
  expect(waiting.length).toBe(size - 6);
  return cluster.world();
}

/** Of the processor: what else runs on the machine takes its time, too. */
function millisecondsOf(world: World): number {
  const start = process.cpuUsage();
  decide(world);
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

describe('a queue of thousands', () => {
  it('costs four times as much for four times as many, not sixteen times', { timeout: 120_000 }, () => {
    const [small, large] = [allWaiting(1250), allWaiting(5000)];
    decide(small);
    // One beside the other: on a busy machine both are slow.
    const runs = Array.from({ length: 7 }, () => [millisecondsOf(small), millisecondsOf(large)] as const);
    const [few, many] = [median(runs.map(([one]) => one)), median(runs.map(([, other]) => other))];
    console.log(`a decision over 1,250 nodes takes ${few.toFixed(1)} ms, over 5,000 ${many.toFixed(1)} ms`);
    expect(many / few).toBeLessThan(8);
  });
});
