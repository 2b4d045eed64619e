// The signer signs all of a request or nothing. What it refuses must not hold back what it would sign.
import { describe, expect, it } from 'vitest';
import type { CertificateId } from '../../catalogue/ids.ts';
import { SimulatedCluster } from './simulated.ts';

const minute = 60_000;
const hour = 60 * minute;

const twentyDaysLeft = (id: string) =>
  id.startsWith('kubelet') ? { age: 71, lifetime: 91 } : { age: 345, lifetime: 365 };

/** The signer refuses whatever one of these is in. */
function refusing(role: 'control-plane' | 'worker', ...refused: CertificateId[]) {
  const cluster = new SimulatedCluster({ stageTool: 'none', settle: 0 });
  const node = cluster.add('n1', role, twentyDaysLeft);
  node.outcome = (ids) =>
    ids.some((id) => refused.includes(id))
      ? { outcome: 'refused', reason: 'SigningRefused', message: 'a SAN is another node’s' }
      : {};
  /** The certificates of each attempt that ended meanwhile. */
  const elapse = (milliseconds: number) => {
    const ended = new Map<string | undefined, readonly CertificateId[]>();
    const end = cluster.now.getTime() + milliseconds;
    while (cluster.now.getTime() < end) {
      cluster.run(40);
      for (const { metadata, spec, status } of cluster.of('n1'))
        if (status?.finishedAt !== undefined && status.startedAt !== undefined)
          ended.set(metadata.uid, spec.certificates);
      cluster.elapse(5 * minute);
    }
    return [...ended.values()];
  };
  return { cluster, node, elapse };
}

const renewed = ({ renewals }: SimulatedCluster) => renewals.map(({ id }) => id);

describe('after the signer has refused what was due together', () => {
  it('all are tried once more an hour later, apart: what another restart serves is renewed', () => {
    const { cluster, elapse } = refusing('control-plane', 'apiserver.crt');
    expect(elapse(30 * minute).map((ids) => ids.length)).toEqual([14]);
    expect(renewed(cluster)).toEqual([]);
    elapse(2 * hour);
    expect(renewed(cluster).toSorted()).toEqual([
      '/root/.kube/config',
      'admin.conf',
      'controller-manager.conf',
      'etcd/healthcheck-client.crt',
      'etcd/peer.crt',
      'etcd/server.crt',
      'kubelet-client-current.pem',
      'kubelet.crt',
      'scheduler.conf',
      'super-admin.conf',
    ]);
  });

  it('what the same restart serves is tried apart the next time', () => {
    const { cluster, elapse } = refusing('control-plane', 'apiserver.crt');
    elapse(6 * hour);
    expect(new Set(renewed(cluster)).size).toBe(13);
    expect(renewed(cluster)).toHaveLength(13);
  });

  it('a kubelet whose serving certificate is refused gets its client certificate', () => {
    const { cluster, elapse } = refusing('worker', 'kubelet.crt');
    elapse(2 * hour);
    expect(renewed(cluster)).toEqual(['kubelet-client-current.pem']);
  });

  it('the refused one backs off alone, and holds no other back that comes due', () => {
    const { cluster, elapse } = refusing('worker', 'kubelet.crt');
    const tries = elapse(40 * hour);
    expect(tries.filter((ids) => ids.join() === 'kubelet.crt').length).toBeLessThanOrEqual(5);
    expect(cluster.of('n1').at(-1)).toMatchObject({
      spec: { certificates: ['kubelet.crt'] },
      status: { phase: 'Scheduled' },
    });
  });

  it('once the signer signs it again, it is renewed, and what comes due later goes together as before', () => {
    const { cluster, node, elapse } = refusing('worker', 'kubelet.crt');
    elapse(2 * hour);
    node.outcome = () => ({});
    elapse(3 * hour);
    expect(renewed(cluster)).toEqual(['kubelet-client-current.pem', 'kubelet.crt']);
    cluster.elapse(62 * 24 * hour);
    elapse(hour);
    expect(renewed(cluster)).toHaveLength(4);
    expect(
      cluster.of('n1').findLast(({ status }) => status?.phase === 'Succeeded')?.spec.certificates,
    ).toEqual(['kubelet.crt', 'kubelet-client-current.pem']);
  });
});
