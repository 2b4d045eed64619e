// A node's root can write anything into a termination message: what it says may harm its own node alone.
import { describe, expect, it } from 'vitest';
import { encodeMessage } from '../../agent/message.ts';
import type { ScanResult } from '../../agent/protocol.ts';
import { labels } from '../labels.ts';
import { podBuilders } from '../pods.ts';
import { decide } from './index.ts';
import { finishedAt } from './pod-state.ts';
import { finished } from './simulated-objects.ts';
import { SimulatedCluster } from './simulated.ts';

const due = (id: string) =>
  id.startsWith('kubelet') ? { age: 71, lifetime: 91 } : { age: 345, lifetime: 365 };

function two(): SimulatedCluster {
  const cluster = new SimulatedCluster({ stageTool: 'none' });
  cluster.add('cp1', 'control-plane', due);
  cluster.add('w1', 'worker', due);
  return cluster;
}

/** The scan Pod of w1 says this. */
function say(cluster: SimulatedCluster, lie: object): void {
  cluster.pods = cluster.pods.map((pod) =>
    pod.metadata?.labels?.[labels.node] === 'w1' ? finished(pod, cluster.now, () => encodeMessage(lie)) : pod,
  );
}

const honest: ScanResult = {
  schema: 1,
  machineID: 'm',
  clock: '2026-06-01T00:00:05Z',
  certificates: [],
  notes: [],
};

/** Runs until w1's rotation has ended. */
function endOfW1(cluster: SimulatedCluster) {
  cluster.run(100);
  return cluster.of('w1').find(({ status }) => status?.finishedAt !== undefined)?.status;
}

describe('what one node says', () => {
  it.each(['2026-13-01T00:00:00Z', '2026-02-30T00:00:00Z', '2026-01-01T24:00:00Z', '99999-01-01T00:00:00Z'])(
    'a clock of %s is an error of that node; the others go on',
    (clock) => {
      const cluster = two();
      cluster.settle();
      cluster.elapse(5000);
      say(cluster, { ...honest, clock });
      cluster.run(60);
      expect(cluster.phases('cp1')).toEqual(['Succeeded']);
    },
  );

  it('a success with nothing in it is none', () => {
    const cluster = two();
    cluster.nodes[1]!.outcome = () => ({ certificates: [] });
    expect(endOfW1(cluster)).toMatchObject({ phase: 'Failed', reason: 'NotProved' });
    expect(cluster.phases('cp1')).toEqual(['Succeeded']);
  });

  it('a success with a serial that we did not sign is none', () => {
    const cluster = two();
    const world = cluster.world.bind(cluster);
    cluster.world = () => ({
      ...world(),
      signed: new Map([...world().signed].filter(([name]) => !name.startsWith('w1'))),
    });
    const status = endOfW1(cluster);
    expect(status).toMatchObject({ phase: 'Failed', reason: 'NotProved' });
    expect(status?.message).toContain('we signed no new certificate that it has for kubelet.crt');
  });

  it('a success that leaves one out, and says why, is one', () => {
    const cluster = two();
    cluster.nodes[1]!.outcome = () => ({
      message: '1 renewed (kubelet.crt is left as it is: its directory may be written by others)',
      certificates: [
        {
          id: 'kubelet-client-current.pem',
          oldSerial: '1',
          newSerial: '2',
          oldNotAfter: '',
          newNotAfter: '',
        },
      ],
    });
    const status = endOfW1(cluster);
    expect(status).toMatchObject({ phase: 'Succeeded', reason: 'Renewed' });
    expect(status?.certificates).toEqual([
      { id: 'kubelet-client-current.pem', oldSerial: '1', newSerial: '2' },
    ]);
  });

  it('a node that always says it is due is not restarted all the time', () => {
    const cluster = two();
    const w1 = cluster.nodes[1]!;
    for (let minutes = 0; minutes < 120; minutes++) {
      cluster.run(20);
      for (const one of w1.certificates.values()) one.notAfter = new Date(cluster.now.getTime() + 86_400_000);
      cluster.inventories.delete('w1');
      cluster.elapse(60_000);
    }
    expect(
      cluster.renewals.filter(({ node, id }) => node === 'w1' && id === 'kubelet.crt').length,
    ).toBeLessThanOrEqual(3);
  });

  it('a worker that says it has an API server gets no rotation for it', () => {
    const cluster = two();
    cluster.settle();
    cluster.elapse(5000);
    const row = {
      id: 'apiserver.crt',
      path: '/x',
      kind: 'pair',
      ca: 'kubernetes',
      subject: '',
      issuer: '',
      serial: '1',
    };
    const times = { notBefore: '2025-06-01T00:00:00Z', notAfter: '2026-06-05T00:00:00Z' };
    const rest = { sans: [], keyAlgorithm: '', sha256: '', state: 'Ok', reason: '' };
    say(cluster, { ...honest, certificates: [{ ...row, ...times, ...rest }] });
    cluster.settle();
    expect(cluster.of('w1')).toEqual([]);
  });

  it('an Event about a Pod that is not being set up makes nothing be left out', () => {
    const cluster = two();
    cluster.settle();
    const world = cluster.world();
    const lie = ['FailedMount: hostPath type check failed: /etc/default is not a directory'];
    const podProblems = new Map(world.pods.map(({ metadata }) => [metadata?.uid ?? '', lie]));
    expect(decide({ ...world, podProblems })).toHaveLength(2);
    const waiting = world.pods.map((pod) => ({ ...pod, status: { phase: 'Pending' } }));
    expect(decide({ ...world, podProblems, pods: waiting })).toEqual([]);
  });

  it('a result that no ConfigMap holds is an error of that node, tried ever more rarely', () => {
    const cluster = two();
    cluster.nodes[1]!.notes = Array.from({ length: 120 }, (_, i) => `${i} ${'x'.repeat(4000)}`);
    let pods = 0;
    for (let minutes = 0; minutes < 60; minutes++) {
      pods += cluster
        .pass()
        .filter((action) => action.type === 'create-pod' && action.pod.spec?.nodeName === 'w1').length;
      cluster.settle();
      cluster.elapse(60_000);
    }
    expect(pods).toBeLessThan(10);
    expect(cluster.inventories.get('w1')).toBeUndefined();
    expect(JSON.stringify(cluster.events)).toContain('what it says is longer than 262144 characters');
    expect(cluster.phases('cp1')).toEqual(['Succeeded']);
  });

  it('a ConfigMap that the API server does not take is not written without end', () => {
    const cluster = two();
    let writes = 0;
    for (let passes = 0; passes < 400; passes++) {
      // Whatever is written is refused.
      writes += cluster.pass().filter(({ type }) => type === 'write-inventory').length;
      cluster.inventories.clear();
      cluster.elapse(3000);
    }
    expect(writes).toBeLessThanOrEqual(2 * 21 * 5);
    expect(JSON.stringify(cluster.events)).toContain('the API server does not take its ConfigMap');
  });

  it('an end that the API tells as null is no moment: its Pod is judged by its age', () => {
    const pod = finished({ spec: { containers: [{ name: 'a' }] } }, new Date(), () => '');
    Object.assign(pod.status?.containerStatuses?.[0]?.state?.terminated ?? {}, { finishedAt: null });
    expect(finishedAt(pod)).toBeUndefined();
  });

  it('a decision that fails for one node is told on it and holds up no other', () => {
    const cluster = two();
    const actions = decide(cluster.world(), {
      ...podBuilders,
      scan: (node, ...rest) => {
        if (node.metadata?.name === 'cp1') throw new RangeError('Invalid time value');
        return podBuilders.scan(node, ...rest);
      },
    });
    expect(actions).toMatchObject([
      { type: 'event', event: { about: { name: 'cp1' }, reason: 'Undecided' } },
      { type: 'create-pod', pod: { spec: { nodeName: 'w1' } } },
    ]);
    expect(JSON.stringify(actions[0])).toContain('Invalid time value');
  });
});
