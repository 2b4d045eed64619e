// A failure makes its own certificates wait, not whatever else comes due on the node (the breaker apart, which is about
// the cluster).
import { describe, expect, it } from 'vitest';
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
