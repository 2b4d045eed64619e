// A failure makes its own certificates wait, not whatever else comes due on the node (the breaker apart, which is about
// the cluster).
import { describe, expect, it } from 'vitest';
import type { CertificateId } from '../../catalogue/ids.ts';
import type { CertificateRotation } from '../../kube/types.ts';
import { SimulatedCluster } from './simulated.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** The kubelet's files are due and fail; the API server's come due half an hour later. */
function failing(coolDown: number) {
  const cluster = new SimulatedCluster({ stageTool: 'none', settle: 0, breaker: { coolDown } });
  const node = cluster.add('cp1', 'control-plane', (id) => {
    if (id.startsWith('kubelet')) return { age: 71, lifetime: 91 };
    return { age: id === 'apiserver.crt' ? 292 - (30 * minute) / day : 1, lifetime: 365 };
  });
  node.outcome = (ids) =>
    ids.includes('kubelet.crt')
      ? { outcome: 'rolled-back', reason: 'ComponentDidNotReturn', message: 'no kubelet' }
      : {};
  const elapse = (milliseconds: number) => {
    const end = cluster.now.getTime() + milliseconds;
    while (cluster.now.getTime() < end) {
      cluster.elapse(3 * minute);
      cluster.run(20);
    }
  };
  cluster.run(60);
  expect(begun(cluster)).toEqual([['kubelet.crt kubelet-client-current.pem', 'RolledBack', 1]]);
  return { cluster, node, elapse };
}

function begun(cluster: SimulatedCluster) {
  return cluster
    .of('cp1')
    .filter(({ status }) => status?.startedAt !== undefined)
    .map(({ spec, status }) => [spec.certificates.join(' '), status?.phase, status?.attempts]);
}

describe('after a failure of the kubelet’s files', () => {
  const first = ['kubelet.crt kubelet-client-current.pem', 'RolledBack', 1];
  const second = ['kubelet.crt kubelet-client-current.pem', 'RolledBack', 2];

  it('the API server’s, due meanwhile, does not wait for them, and does not end their pause', () => {
    const { cluster, elapse } = failing(0);
    elapse(40 * minute);
    expect(begun(cluster)).toEqual([first, ['apiserver.crt', 'Succeeded', 1]]);
    expect(cluster.of('cp1').at(-1)?.status).toMatchObject({ phase: 'Scheduled', attempts: 2 });
    elapse(70 * minute);
    expect(begun(cluster)).toEqual([first, ['apiserver.crt', 'Succeeded', 1], second]);
  });

  it('what has not failed goes without what has, however long both wait', () => {
    const { cluster, elapse } = failing(2 * hour);
    elapse(100 * minute);
    expect(begun(cluster)).toEqual([first]);
    elapse(2 * hour);
    expect(begun(cluster).slice(0, 3)).toEqual([first, ['apiserver.crt', 'Succeeded', 1], second]);
  });

  it.each([
    { name: 'what joined it joins again', soon: 2 * day, ids: [2, 2] },
    { name: 'what has come nearer meanwhile does not join', soon: 7 * day + 30 * minute, ids: [1, 1] },
  ])('$name', ({ soon, ids }) => {
    const cluster = new SimulatedCluster({ stageTool: 'none', breaker: { coolDown: 0 } });
    const age = (id: string) => (id === 'kubelet.crt' ? 71 : 61 - soon / day);
    const node = cluster.add('w1', 'worker', (id) => ({ age: age(id), lifetime: 91 }));
    node.outcome = () => ({ outcome: 'rolled-back', reason: 'ComponentDidNotReturn', message: 'no kubelet' });
    cluster.run(60);
    cluster.elapse(hour + minute);
    cluster.run(60);
    const begun = cluster.of('w1').filter(({ status }) => status?.startedAt !== undefined);
    expect(begun.map(({ spec }) => spec.certificates.length)).toEqual(ids);
    expect(begun.map(({ status }) => status?.attempts)).toEqual([1, 2]);
  });
});

/** Everything is refused, and so is tried one by one: each attempt is an object. */
function allRefused(hours: number) {
  const cluster = new SimulatedCluster({ stageTool: 'none', settle: 0 });
  const node = cluster.add('cp1', 'control-plane', (id) =>
    id.startsWith('kubelet') ? { age: 71, lifetime: 91 } : { age: 345, lifetime: 365 },
  );
  node.outcome = () => ({ outcome: 'refused', reason: 'SigningRefused', message: 'not this one' });
  const seen = new Map<string | undefined, CertificateRotation>();
  const elapse = (given: number) => {
    for (const end = cluster.now.getTime() + given * hour; cluster.now.getTime() < end;) {
      cluster.run(40);
      for (const one of cluster.of('cp1')) seen.set(one.metadata.uid, one);
      cluster.elapse(10 * minute);
    }
  };
  elapse(hours);
  const endsOf = (id: CertificateId) =>
    [...seen.values()]
      .filter(({ spec, status }) => status?.startedAt !== undefined && spec.certificates.includes(id))
      .map(({ status }) => Date.parse(status?.finishedAt ?? ''))
      .filter(Number.isFinite)
      .toSorted((a, b) => a - b);
  return { cluster, node, elapse, endsOf };
}

describe('the backoff outlives the five rotations of a node that are kept', () => {
  it.each(['etcd/server.crt', 'scheduler.conf', 'kubelet.crt'] as const)('of %s', (id) => {
    const { cluster, endsOf } = allRefused(75);
    const ends = endsOf(id);
    const pauses = ends.slice(1).map((end, at) => Math.round((end - ends[at]!) / hour));
    expect(pauses.slice(0, 6)).toEqual([1, 2, 4, 8, 16, 32]);
    expect(cluster.of('cp1').length).toBeLessThanOrEqual(5);
  });

  it('what succeeds at last is forgotten: when it is due again it is tried at once and together', () => {
    const { cluster, node, elapse } = allRefused(20);
    node.outcome = () => ({});
    elapse(40);
    expect(new Set(cluster.renewals.map(({ id }) => id)).size).toBe(14);
    cluster.elapse(300 * day);
    elapse(8);
    const [last] = cluster
      .of('cp1')
      .filter(({ status }) => status?.phase === 'Succeeded')
      .slice(-1);
    expect(last?.spec.certificates).toHaveLength(14);
    expect(last?.status).toMatchObject({ attempts: 1 });
    elapse(24);
    expect(cluster.of('cp1').at(-1)?.status?.failedBefore ?? []).toEqual([]);
  });

  it('a person’s own rotation, before which what was planned gives way, carries it on', () => {
    const { cluster, endsOf, elapse } = allRefused(20);
    const uid = cluster.nodes[0]!.uid;
    const before = endsOf('scheduler.conf').length;
    cluster.createByHand('hand', { nodeName: 'cp1', nodeUID: uid, certificates: ['kubelet.crt'] });
    elapse(1);
    for (let i = 0; i < 6; i++)
      cluster.createByHand(`hand-${i}`, { nodeName: 'cp1', nodeUID: uid, certificates: ['kubelet.crt'] });
    elapse(1);
    expect(endsOf('scheduler.conf').length).toBe(before);
  });
});
