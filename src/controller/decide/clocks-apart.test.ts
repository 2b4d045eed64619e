import { describe, expect, it } from 'vitest';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { SimulatedCluster } from './simulated.ts';

function clusterWith(ahead: number): SimulatedCluster {
  const cluster = new SimulatedCluster({ stageTool: 'none' });
  cluster.serverAhead = ahead;
  cluster.add('w1', 'worker', () => ({ age: 1, lifetime: 91 }));
  return cluster;
}

/** What was made or written in so many passes of a second each. */
function doneIn(cluster: SimulatedCluster, seconds: number): Record<string, number> {
  const done: Record<string, number> = {};
  for (let i = 0; i < seconds; i += 1) {
    for (const { type } of cluster.pass()) done[type] = (done[type] ?? 0) + 1;
    cluster.elapse(1000);
  }
  return done;
}

describe('an API server whose clock is not the controller’s', () => {
  it.each([-400_000, -5000, 0, 3000, 60_000, 290_000, 400_000])(
    'by %i ms has each node read once',
    (ahead) => {
      const {
        'create-pod': pods,
        'write-inventory': written,
        'delete-pod': deleted,
      } = doneIn(clusterWith(ahead), 60);
      expect([pods, written, deleted]).toEqual([1, 1, 1]);
    },
  );

  it('has it read again a day later', () => {
    const cluster = clusterWith(60_000);
    doneIn(cluster, 60);
    cluster.elapse(86_400_000 + 60_000);
    expect(doneIn(cluster, 10)['create-pod']).toBe(1);
  });
});

const refuse = (pod: Pod): Pod =>
  pod.metadata?.name?.startsWith('scan') === true
    ? pod
    : { ...pod, status: { phase: 'Failed', reason: 'NodeShutdown', message: 'Pod was terminated' } };

describe('what is renewed while the clocks are apart', () => {
  it.each([-200_000, 0, 200_000])('by %i ms is renewed once, and read again', (ahead) => {
    const cluster = new SimulatedCluster({ stageTool: 'none' });
    cluster.serverAhead = ahead;
    cluster.add('w1', 'worker', () => ({ age: 80, lifetime: 91 }));
    let scans = 0;
    for (let i = 0; i < 3 * 3600; i += 1) {
      const made = cluster
        .pass()
        .flatMap((one) => (one.type === 'create-pod' ? [one.pod.metadata?.name ?? ''] : []));
      scans += made.filter((name) => name.startsWith('scan')).length;
      cluster.elapse(1000);
    }
    expect(cluster.renewals.map(({ id }) => id)).toEqual(['kubelet.crt', 'kubelet-client-current.pem']);
    expect(scans).toBe(2);
  });
});

describe('a kubelet that refuses each Pod of a rotation', () => {
  it('is asked again every ten seconds, and not as fast as it answers', () => {
    const cluster = new SimulatedCluster({ stageTool: 'none' });
    cluster.add('w1', 'worker', () => ({ age: 80, lifetime: 91 }));
    let made = 0;
    for (let i = 0; i < 120; i += 1) {
      const actions = cluster.pass();
      made += actions.filter((one) => one.type === 'create-pod' && refuse(one.pod) !== one.pod).length;
      cluster.elapse(1000);
      cluster.pods = cluster.pods.map(refuse);
    }
    expect(made).toBeGreaterThan(5);
    expect(made).toBeLessThan(15);
  });
});
