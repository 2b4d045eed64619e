// R13: one control plane at a time. What counts is the Pod that may still write on a node, not what an object says of it.
import { describe, expect, it } from 'vitest';
import { labels } from '../labels.ts';
import { SimulatedCluster } from './simulated.ts';
import { withState } from './simulated-objects.ts';

const twentyDaysLeft = () => ({ age: 345, lifetime: 365 });

/** cp1's Pod is at work and does not come to its end; cp2 waits. */
function atWork() {
  const cluster = new SimulatedCluster({ stageTool: 'none', settle: 0, breaker: { coolDown: 0 } });
  cluster.add('cp1', 'control-plane', twentyDaysLeft);
  cluster.add('cp2', 'control-plane', twentyDaysLeft);
  while (!cluster.pods.some(isRotate)) {
    cluster.settle();
    cluster.elapse(5000);
  }
  const pod = withState(cluster.pods.find(isRotate)!, 'Running', { running: {} });
  // As an API server: what is deleted stays, marked, until its kubelet says that it has ended.
  const hold = () => {
    const marked = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: cluster.now.toISOString() } };
    cluster.pods = [...cluster.pods.filter((one) => !isRotate(one)), marked];
  };
  cluster.pods = cluster.pods.map((one) => (isRotate(one) ? pod : one));
  const [owner, other] = pod.spec?.nodeName === 'cp1' ? (['cp1', 'cp2'] as const) : (['cp2', 'cp1'] as const);
  cluster.settle();
  return { cluster, hold, owner, other, name: pod.metadata?.name };
}

function isRotate(pod: SimulatedCluster['pods'][number]): boolean {
  return pod.metadata?.labels?.[labels.kind] === 'rotate';
}

const ends: readonly (readonly [string, (one: ReturnType<typeof atWork>) => void])[] = [
  [
    'was given up after an hour',
    ({ cluster, owner }) => {
      cluster.now = new Date(cluster.now.getTime() + 61 * 60_000);
      cluster.pass();
      expect(cluster.of(owner)[0]?.status).toMatchObject({ phase: 'NeedsManual', reason: 'Interrupted' });
    },
  ],
  [
    'was deleted by hand',
    ({ cluster, owner }) => {
      cluster.rotations = cluster.rotations.filter(({ spec }) => spec.nodeName !== owner);
      cluster.nodes.find(({ name }) => name === owner)!.annotations = {
        'certrotator.cpaas.io/paused': 'true',
      };
    },
  ],
  [
    'ended with its Node',
    ({ cluster, owner }) => {
      cluster.nodes.splice(
        cluster.nodes.findIndex(({ name }) => name === owner),
        1,
      );
    },
  ],
];

describe('the Pod of a control plane whose rotation', () => {
  it.each(ends)('%s holds the others back until it has ended', (_, happen) => {
    const one = atWork();
    const { cluster, hold, owner, other, name } = one;
    happen(one);
    for (let passes = 0; passes < 5; passes++) {
      hold();
      cluster.pass();
    }
    const waiting = cluster.of(other).at(-1)?.status;
    expect(waiting).toMatchObject({ phase: 'Pending', reason: 'ControlPlaneInFlight' });
    expect(waiting?.message).toContain(
      `Pod ${name} of a rotation that has ended is still on control plane ${owner}: should that machine be off for good, delete its Node`,
    );
    cluster.pods = cluster.pods.filter((pod) => !isRotate(pod));
    cluster.run();
    expect(cluster.phases(other)).toContain('Succeeded');
  });
});
