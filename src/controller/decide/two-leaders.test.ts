// Two leaders at the same moment: what one wrote, the other had not seen.
import { expect, it } from 'vitest';
import { labels } from '../labels.ts';
import { SimulatedCluster } from './simulated.ts';

it('of two control planes that were both admitted one gets its Pods, then the other', () => {
  const cluster = new SimulatedCluster({ stageTool: 'none', settle: 0 });
  for (const name of ['cp1', 'cp2', 'cp3'])
    cluster.add(name, 'control-plane', () => ({ age: 345, lifetime: 365 }));
  while (cluster.inFlight('control-plane').length === 0) {
    cluster.settle();
    cluster.elapse(5000);
  }
  const startedAt = cluster.now.toISOString();
  cluster.rotations = cluster.rotations.map((one) =>
    one.spec.nodeName === 'cp2' ? { ...one, status: { ...one.status, phase: 'Admitted', startedAt } } : one,
  );
  expect(cluster.inFlight('control-plane')).toHaveLength(2);
  for (let steps = 0; steps < 60; steps++) {
    cluster.settle();
    const worked = cluster.pods.filter(({ metadata }) => metadata?.labels?.[labels.kind] === 'rotate');
    expect(new Set(worked.map(({ spec }) => spec?.nodeName)).size).toBeLessThanOrEqual(1);
    cluster.elapse(5000);
  }
  expect(['cp1', 'cp2', 'cp3'].map((name) => cluster.phases(name))).toEqual(
    Array.from({ length: 3 }, () => ['Succeeded']),
  );
});
