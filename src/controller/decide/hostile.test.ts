// A node's root can write anything into a termination message: what it says may harm its own node alone.
import { describe, expect, it } from 'vitest';
import { encodeMessage } from '../../agent/message.ts';
import type { ScanResult } from '../../agent/protocol.ts';
import { labels } from '../labels.ts';
import { podBuilders } from '../pods.ts';
import { decide } from './index.ts';
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
