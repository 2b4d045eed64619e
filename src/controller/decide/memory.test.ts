// What a decision remembers of the values that it has seen makes it faster and must never make it another one: over
// months, with failures, refusals, pauses, other settings and a replaced machine, it decides as one that has seen nothing.
import { expect, it } from 'vitest';
import { decide } from './index.ts';
import { SimulatedCluster } from './simulated.ts';
import { day } from './simulated-objects.ts';

const minute = 60_000;

function makeCluster(): SimulatedCluster {
  const cluster = new SimulatedCluster({ parallelWorkers: 2, scanInterval: 3 * day });
  for (let i = 0; i < 8; i++) {
    const ages = (id: string) => ({
      age: i * 9 + id.length / 4,
      lifetime: id.startsWith('kubelet') ? 91 : 365,
    });
    cluster.add(`n${i}`, i < 3 ? 'control-plane' : 'worker', ages);
  }
  return cluster;
}

/** What happens on some days, beside what the product does. */
const happenings: Readonly<Record<number, (cluster: SimulatedCluster) => void>> = {
  3: ({ nodes }) =>
    (nodes[4]!.outcome = () => ({ outcome: 'rolled-back', reason: 'ComponentDidNotReturn', message: 'no' })),
  6: ({ nodes }) =>
    (nodes[5]!.outcome = () => ({ outcome: 'refused', reason: 'SigningRefused', message: 'no' })),
  12: ({ nodes }) => (nodes[6]!.annotations = { 'certrotator.cpaas.io/paused': 'true' }),
  15: (cluster) => (cluster.configuration = { ...cluster.configuration, groupWithin: 20 * day }),
  18: ({ nodes }) => (nodes[5]!.outcome = () => ({})),
  20: ({ nodes }) => (nodes[2]!.uid = 'another'),
  21: (cluster) =>
    (cluster.vault = {
      ...cluster.vault,
      unavailable: { kubernetes: { gate: 'CaUnavailable', message: 'elsewhere' } },
    }),
  27: ({ nodes }) => (nodes[6]!.annotations = {}),
  30: (cluster) => (cluster.vault = { cas: cluster.vault.cas }),
  33: ({ nodes }) => (nodes[3]!.ready = false),
  34: ({ nodes }) => (nodes[4]!.outcome = () => ({})),
  36: (cluster) => (cluster.configuration = { ...cluster.configuration, planHorizon: 5 * day }),
  39: ({ nodes }) => (nodes[3]!.ready = true),
};

/** One pass, decided by one who has seen the values before and by one who has not. */
function pass(cluster: SimulatedCluster): number {
  const world = cluster.world();
  // As the watch gives them: only of the same lists is anything remembered.
  const again = cluster.world();
  expect(again.nodes).toBe(world.nodes);
  expect(again.inventories).toBe(world.inventories);
  expect(again.rotations).toBe(world.rotations);
  expect(decide(world)).toEqual(decide(structuredClone(world)));
  return cluster.pass().length;
}

it('decides the same whether it has seen the values before or not', { timeout: 120_000 }, () => {
  const cluster = makeCluster();
  for (let time = 0; time < 70; time += 0.25) {
    happenings[time]?.(cluster);
    for (let step = 0; step < 12; step++) {
      pass(cluster);
      cluster.elapse(minute);
    }
    cluster.elapse(day / 4 - 12 * minute);
  }
  // It has been through all that it was to go through.
  const told = new Set(cluster.events.map(({ reason }) => reason));
  expect([...told]).toEqual(
    expect.arrayContaining([
      'Renewed',
      'ComponentDidNotReturn',
      'SigningRefused',
      'NodeGone',
      'CaUnavailable',
    ]),
  );
});
