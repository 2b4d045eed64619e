import { describe, expect, it } from 'vitest';
import { SimulatedCluster } from './simulated.ts';

const day = 86_400_000;
const hour = 3_600_000;

function three(canary: { enabled: boolean; bake: number }): SimulatedCluster {
  const cluster = new SimulatedCluster({ stageTool: 'none', parallelWorkers: 3, settle: 0, canary });
  for (const name of ['w1', 'w2', 'w3']) cluster.add(name, 'worker', () => ({ age: 71, lifetime: 91 }));
  return cluster;
}

function phases(cluster: SimulatedCluster) {
  return ['w1', 'w2', 'w3'].map((name) => cluster.of(name)[0]?.status?.phase);
}

describe('the canary of a role', () => {
  it('goes alone, and the others when it has been well for the bake time', () => {
    const cluster = three({ enabled: true, bake: hour });
    cluster.run(60);
    expect(phases(cluster)).toEqual(['Succeeded', 'Pending', 'Pending']);
    expect(cluster.of('w2')[0]?.status).toMatchObject({
      reason: 'CanaryBaking',
      message: 'waits: CanaryBaking: w1 goes first and must have been well for 3600 s',
    });
    cluster.elapse(hour);
    cluster.settle();
    expect(cluster.inFlight('worker')).toHaveLength(2);
    cluster.run(60);
    expect(phases(cluster)).toEqual(['Succeeded', 'Succeeded', 'Succeeded']);
  });

  it('is not held by its own bake time when something else of it comes due; the others are', () => {
    const canary = { enabled: true, bake: day };
    const cluster = new SimulatedCluster({ stageTool: 'none', settle: 0, groupWithin: 0, canary });
    const dueInTwoHours = { age: 61 - 2 / 24, lifetime: 91 };
    cluster.add('w1', 'worker', (id) => (id === 'kubelet.crt' ? { age: 71, lifetime: 91 } : dueInTwoHours));
    cluster.add('w2', 'worker', () => dueInTwoHours);
    cluster.run(60);
    cluster.elapse(3 * hour);
    cluster.run(60);
    expect(cluster.of('w1').map(({ spec, status }) => [spec.certificates, status?.phase])).toEqual([
      [['kubelet.crt'], 'Succeeded'],
      [['kubelet-client-current.pem'], 'Succeeded'],
    ]);
    expect(cluster.of('w2')[0]?.status).toMatchObject({ phase: 'Pending', reason: 'CanaryBaking' });
  });

  it('is another node when the first may not go', () => {
    const cluster = three({ enabled: true, bake: hour });
    cluster.nodes[0]!.annotations = { 'certrotator.cpaas.io/paused': 'true' };
    cluster.run(60);
    expect(phases(cluster)).toEqual(['Pending', 'Succeeded', 'Pending']);
  });

  it('is not waited for when it is off, as it is by default', () => {
    const cluster = three({ enabled: false, bake: hour });
    cluster.settle();
    cluster.elapse(5000);
    cluster.settle();
    expect(cluster.inFlight('worker')).toHaveLength(3);
  });
});
