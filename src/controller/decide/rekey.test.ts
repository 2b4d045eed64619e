// A key that is said to be known to others (R27): a new pair is put in place only where the boot could recover it, and
// for that the tool must lie on the node, whatever stageTool says of ordinary rotations.
import { describe, expect, it } from 'vitest';
import { labels } from '../labels.ts';
import type { PodKind } from '../world.ts';
import { SimulatedCluster } from './simulated.ts';

function compromised(stageTool: 'controlPlanes' | 'none', age = 1) {
  const cluster = new SimulatedCluster({ stageTool, settle: 0 });
  cluster.add('cp1', 'control-plane', () => ({ age: 1, lifetime: 365 }));
  const worker = cluster.add('w1', 'worker', () => ({ age, lifetime: 91 }));
  worker.annotations = { 'certrotator.cpaas.io/paused': 'true' };
  cluster.run(60);
  worker.annotations = {};
  const isStaged = () =>
    podsOf(cluster, 'stage').some(
      ({ spec, status }) => spec?.nodeName === 'w1' && status?.phase === 'Succeeded',
    );
  worker.outcome = () =>
    isStaged() ? {} : { outcome: 'refused', reason: 'SigningRefused', message: 'the key is kept' };
  const made = cluster.createByHand('rekey', {
    nodeName: 'w1',
    nodeUID: worker.uid,
    certificates: ['kubelet.crt'],
  });
  cluster.rotations = cluster.rotations.map((one) =>
    one === made ? { ...one, spec: { ...one.spec, reason: 'Compromised' } } : one,
  );
  return cluster;
}

function podsOf(cluster: SimulatedCluster, kind: PodKind) {
  return cluster.pods.filter(({ metadata }) => metadata?.labels?.[labels.kind] === kind);
}

const rekey = (cluster: SimulatedCluster) =>
  cluster.of('w1').find(({ metadata }) => metadata.name === 'rekey')?.status;

describe('reason Compromised on a worker', () => {
  it.each([
    { name: 'has the tool laid down first', age: 1 },
    { name: 'has the tool laid down first also when its certificate is about to end', age: 88 },
  ])('$name', ({ age }) => {
    const cluster = compromised('controlPlanes', age);
    cluster.settle();
    expect(podsOf(cluster, 'stage').map(({ spec }) => spec?.nodeName)).toContain('w1');
    expect(rekey(cluster)).toMatchObject({ phase: 'Pending', reason: 'RekeyNeedsTool' });
    cluster.run();
    expect(rekey(cluster)).toMatchObject({ phase: 'Succeeded' });
    expect(cluster.pods).toEqual([]);
  });

  it('has it laid down once, however long it waits then', () => {
    const cluster = compromised('controlPlanes');
    cluster.configuration = { ...cluster.configuration, mode: 'manual' };
    const made = new Set<string>();
    for (let minutes = 0; minutes < 180; minutes++) {
      cluster.settle();
      for (const { metadata } of podsOf(cluster, 'stage')) made.add(metadata?.uid ?? '');
      cluster.elapse(60_000);
    }
    expect(made.size).toBe(1);
    expect(rekey(cluster)).toMatchObject({ phase: 'Pending', reason: 'AwaitingApproval' });
  });

  it('goes without it where it cannot be laid down, and ends as the node says', () => {
    const cluster = compromised('controlPlanes');
    for (let minutes = 0; minutes < 15; minutes++) {
      cluster.settle();
      cluster.pods = cluster.pods.map((pod) =>
        podsOf(cluster, 'stage').includes(pod) ? { ...pod, status: { ...pod.status, phase: 'Failed' } } : pod,
      );
      cluster.elapse(60_000);
    }
    expect(rekey(cluster)).toMatchObject({ phase: 'Failed', reason: 'SigningRefused' });
  });

  it('lays nothing down where stageTool says so, and ends as the node says', () => {
    const cluster = compromised('none');
    cluster.run();
    expect(rekey(cluster)).toMatchObject({ phase: 'Failed', reason: 'SigningRefused' });
  });
});
