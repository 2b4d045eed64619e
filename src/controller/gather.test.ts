import type { Event, Node, Pod } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import type { KubeClient } from '../kube/client.ts';
import type { CertificateRotation, Phase } from '../kube/types.ts';
import { defaultConfiguration } from './configuration.ts';
import { Caches, Gatherer, problemsByPod } from './gather.ts';

const rotation = (resourceVersion: string, phase: Phase): CertificateRotation => ({
  metadata: { name: 'n2-1', uid: 'u', resourceVersion },
  spec: { nodeName: 'n2', nodeUID: 'u2', certificates: ['apiserver.crt'], reason: 'Due' },
  status: { phase },
});

/** Caches over an API server that lists this one rotation, and whose watches are silent. */
function cachesOver(listed: CertificateRotation, wake: () => void = () => undefined): Caches {
  const list = async (of: { kind: string }) =>
    Promise.resolve({ items: of.kind === 'CertificateRotation' ? [listed] : [], resourceVersion: '9' });
  const client: KubeClient = new Proxy<KubeClient>(Object.create(null), { get: () => list });
  return new Caches(client, 'public', wake, () => () => undefined);
}

describe('the caches at the beginning of a term', () => {
  it('know whom the last leader has admitted, though no watch has said so', async () => {
    const caches = cachesOver(rotation('2', 'Admitted'));
    caches.rotations.noteWritten(rotation('1', 'Pending'));
    await caches.refresh();
    expect(caches.rotations.get('n2-1')?.status?.phase).toBe('Admitted');
  });
});

it('keeps of a rotation all but who wrote which field', () => {
  const caches = cachesOver(rotation('1', 'Pending'));
  const told = rotation('2', 'Running');
  const metadata = { ...told.metadata, managedFields: [{ manager: 'x' }] };
  caches.rotations.noteWritten({ ...told, metadata });
  expect(caches.rotations.get('n2-1')).toEqual(told);
});

describe('a write of ours', () => {
  it('is told once, as a change: the step that follows does not wait for the tick', () => {
    let rings = 0;
    const caches = cachesOver(rotation('1', 'Pending'), () => (rings += 1));
    const written = rotation('3', 'Pending');
    caches.rotations.noteWritten(written);
    caches.rotations.noteWritten(written);
    caches.rotations.noteWritten(rotation('2', 'Scheduled'));
    expect(rings).toBe(1);
    caches.rotations.noteDeleted(written);
    caches.rotations.noteDeleted(written);
    expect(rings).toBe(2);
  });
});

const reported = (resourceVersion: string, ready: string): Node => ({
  metadata: { name: 'n1', uid: 'u1', resourceVersion },
  status: {
    conditions: [{ type: 'Ready', status: ready, lastHeartbeatTime: `at ${resourceVersion}` }],
    images: [{ names: [`image-${resourceVersion}`] }],
  },
});

describe('a Node that reports itself', () => {
  it('is the same value until something is otherwise that is read of it', () => {
    const { nodes } = cachesOver(rotation('1', 'Pending'));
    nodes.noteWritten(reported('1', 'True'));
    const before = nodes.values();
    nodes.noteWritten(reported('2', 'True'));
    expect(nodes.values()).toBe(before);
    nodes.noteWritten(reported('3', 'Unknown'));
    expect(nodes.values()).not.toBe(before);
    expect(nodes.get('n1')?.status?.conditions).toEqual([{ type: 'Ready', status: 'Unknown' }]);
  });
});

const ask = async () => 'not ready';
const dial = async () => Promise.reject(new Error('nobody'));

describe('the health of the cluster', () => {
  const given = { now: new Date(), configuration: defaultConfiguration, vault: { cas: {} } };
  const cp = { metadata: { name: 'n1', labels: { 'node-role.kubernetes.io/control-plane': '' } } };
  /** Of a world with this one rotation. */
  async function healthIn(phase: Phase | undefined) {
    const { status: _, ...none } = rotation('1', 'Pending');
    const only = phase === undefined ? none : rotation('1', phase);
    const client: KubeClient = Object.assign(Object.create(null), { list: async () => ({ items: [] }) });
    const caches = cachesOver(only);
    caches.rotations.noteWritten(only);
    caches.nodes.noteWritten({ ...cp, status: { addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] } });
    return (await new Gatherer({ client, caches, ask, dial }).gather(given)).health;
  }

  it.each([undefined, 'Pending', 'Admitted', 'Running', 'Verifying'] as const)(
    'is asked while one is %s: a gate or a proof depends on it',
    async (phase) => {
      expect((await healthIn(phase))?.apiServers).toEqual(new Map([['n1', 'not ready']]));
    },
  );

  it.each(['Scheduled', 'Succeeded', 'NeedsManual'] as const)(
    'is not asked while one is %s, and not known then',
    async (phase) => {
      expect(await healthIn(phase)).toBeUndefined();
    },
  );

  it('is taken from the last answer for a while, and asked anew before a control plane goes (R13)', async () => {
    const client: KubeClient = Object.assign(Object.create(null), { list: async () => ({ items: [] }) });
    const caches = cachesOver(rotation('1', 'Pending'));
    caches.rotations.noteWritten(rotation('1', 'Pending'));
    caches.nodes.noteWritten({ ...cp, status: { addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] } });
    let asked = 0;
    const count = async () => `asked ${(asked += 1)}`;
    const gatherer = new Gatherer({ client, caches, ask: count, dial });
    const told = async (more: { anew?: true }) =>
      (await gatherer.gather({ ...given, ...more })).health?.apiServers.get('n1');
    expect([await told({}), await told({}), await told({ anew: true })]).toEqual([
      'asked 1',
      'asked 1',
      'asked 2',
    ]);
    // What is well after a rotation is not told by an answer from before it.
    caches.rotations.noteWritten(rotation('2', 'Verifying'));
    expect([await told({}), await told({})]).toEqual(['asked 3', 'asked 3']);
  });
});

const event = (message: string, source: Event['source'], uid = 'p1'): Event => ({
  metadata: {},
  involvedObject: { uid },
  reason: 'FailedMount',
  message,
  ...(source === undefined ? {} : { source }),
});

describe('what is wrong with a Pod', () => {
  const pod: Pod = { metadata: { uid: 'p1' }, spec: { nodeName: 'n1', containers: [] } };
  it('is told by the kubelet of its own node alone', () => {
    const events = [
      event('is not a directory', { component: 'kubelet', host: 'n1' }),
      event('says another node', { component: 'kubelet', host: 'n2' }),
      event('says who names no host', { component: 'kubelet' }),
      event('says nobody', undefined),
      event('of another Pod', { component: 'kubelet', host: 'n1' }, 'p2'),
    ];
    expect([...problemsByPod([pod], events)]).toEqual([['p1', ['FailedMount: is not a directory']]]);
  });

  it('is told by nobody before it has a node', () => {
    const unbound: Pod = { metadata: { uid: 'p1' } };
    expect(problemsByPod([unbound], [event('x', undefined), event('x', { host: '' })]).size).toBe(0);
  });
});
