import { beforeAll, describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import { apply, forget, rotate } from './driver.ts';
import { fakeFacts, fakeTargets, makeCa, makeDisk, type FakeCa } from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import { findJournal } from './journal.ts';
import type { Outcome, RotationNode, RotationOrder } from './types.ts';

let ca: FakeCa;
beforeAll(() => {
  ca = makeCa();
});

const signal = new AbortController().signal;

/** Everything has expired ten days ago, and the kubelet is down. */
function deadNode(...programs: readonly ('kube-apiserver' | 'kube-scheduler')[]): FakeNode {
  const fake = new FakeNode(makeDisk(ca, -10), ca);
  fake.goDark(...programs);
  return fake;
}

const here = { attended: true, cold: true };

interface Change {
  readonly node?: RotationNode;
  readonly order?: Partial<RotationOrder>;
  readonly attended?: boolean;
}

async function rotateCold(fake: FakeNode, change: Change = {}): Promise<Outcome> {
  const { node = fake.node, attended = true } = change;
  const { rotationUID: _, ...order } = fake.order({ origin: 'cli', keyPolicy: 'keep', ...change.order });
  return await rotate(node, order, fake.signer(), { ...here, attended }, signal);
}

describe('a node whose kubelet is down (R15)', () => {
  it('gets all its files before anything is started, then everything is started together and proved', async () => {
    const fake = deadNode('kube-apiserver', 'kube-scheduler');
    const outcome = await rotateCold(fake);
    expect(outcome).toMatchObject({ outcome: 'succeeded', message: '6 renewed and proved' });
    expect(fake.kubeletRestarts).toBe(1);
    expect(fake.ended).toEqual([]);
    expect(outcome.certificates.every(({ proof }) => proof !== undefined)).toBe(true);
    expect(findJournal(fake.files, fake.node.layout).kind).toBe('none');
  });

  it('is mended though the certificate for asking etcd is missing, which shuts the gate for an agent', async () => {
    const fake = deadNode('kube-apiserver', 'kube-scheduler');
    const missing = {
      certPath: '/etc/kubernetes/pki/etcd/gone.crt',
      keyPath: '/etc/kubernetes/pki/etcd/gone.key',
    };
    const facts = { ...fakeFacts, etcdClients: [missing] };
    const byAgent = await rotateCold(fake, { order: { facts }, attended: false });
    expect(byAgent).toMatchObject({ outcome: 'refused', reason: 'PreflightFailed' });
    expect(byAgent.message).toMatch(/^EtcdUnknown: .*gone\.crt/);
    expect((await rotateCold(fake, { order: { facts } })).message).toBe('6 renewed and proved');
  });

  it('gets its kubelet back where its member of etcd may not be touched, and nothing else of that is', async () => {
    const fake = deadNode('kube-apiserver', 'kube-scheduler');
    fake.etcdMembers = ['1', '2', '3'].map((n) => ({ name: `n${n}`, host: `10.0.0.${n}`, leader: '1' }));
    const request: RotationNode['probes']['request'] = (question, asked) =>
      question.host === '10.0.0.3'
        ? Promise.reject(new CertError('Unreachable', 'no answer'))
        : fake.node.probes.request(question, asked);
    const node = { ...fake.node, probes: { ...fake.node.probes, request } };
    const outcome = await rotateCold(fake, { node });
    expect(outcome.message).toContain('QuorumWouldBeLost');
    const isNew = fakeTargets.map((target) => [target.id, fake.certificate(target).notAfter > fake.time]);
    expect(isNew).toEqual([
      ['etcd/server.crt', false],
      ['apiserver.crt', false],
      ['apiserver-kubelet-client.crt', false],
      ['admin.conf', true],
      ['scheduler.conf', true],
      ['kubelet-client-current.pem', true],
    ]);
    expect(fake.kubeletRestarts).toBe(1);
    expect(fake.node.processes.find('kubelet')).toHaveLength(1);
  });

  it('loses what still runs with the old files: nobody else would end it', async () => {
    const fake = deadNode();
    expect((await rotateCold(fake)).outcome).toBe('succeeded');
    expect(new Set(fake.ended)).toEqual(new Set([1, 2]));
  });

  it('loses no process that only has the name of a component, or its flags in another cluster', async () => {
    const fake = deadNode('kube-scheduler');
    const path = '/etc/kubernetes/scheduler.conf';
    const old = { pid: 77, startedAt: new Date(0), startedMs: 0, isOfPod: true };
    const strangers = [
      { ...old, commandLine: ['kube-scheduler', '--v=2'] },
      { ...old, pid: 78, commandLine: ['kube-scheduler', `--kubeconfig=${path}`] },
    ];
    const foreign = makeDisk(makeCa(), -10).read(path);
    const { processes } = fake.node;
    const node: RotationNode = {
      ...fake.node,
      processes: {
        ...processes,
        find: (program) => [...processes.find(program), ...(program === 'kube-scheduler' ? strangers : [])],
        readFile: (pid, each) => (pid === 78 ? foreign : processes.readFile(pid, each)),
      },
    };
    expect((await rotateCold(fake, { node })).outcome).toBe('succeeded');
    expect(fake.ended).toEqual([1]);
  });

  it('keeps its new files without a quorum, says what is missing, and proves them in a later call', async () => {
    const fake = deadNode('kube-apiserver', 'kube-scheduler');
    fake.quorum = false;
    const outcome = await rotateCold(fake);
    expect(outcome).toMatchObject({ outcome: 'needs-manual', reason: 'NotProved' });
    expect(outcome.message).toMatch(
      /^etcd, .*: the new files are in place and were taken up, but not proved/,
    );
    for (const target of fakeTargets) expect(fake.certificate(target).notAfter > fake.time).toBe(true);
    // Told again as long as nothing has changed, without a file being touched.
    const again = await apply(fake.node, here, signal);
    forget(fake.node);
    expect(again.outcome).toBe('needs-manual');
    fake.quorum = true;
    const proved = await apply(fake.node, here, signal);
    forget(fake.node);
    expect(proved).toMatchObject({ outcome: 'succeeded' });
    expect(findJournal(fake.files, fake.node.layout).kind).toBe('none');
  });

  it('does not wait for the health of an etcd that says itself that it has no leader', async () => {
    const fake = deadNode('kube-apiserver', 'kube-scheduler');
    fake.quorum = false;
    const start = fake.time.getTime();
    const facts = { ...fakeFacts, etcdMetrics: { host: '127.0.0.1', port: 2381 } };
    const outcome = await rotateCold(fake, { order: { facts } });
    expect(outcome.message).toContain('(etcd: it runs; no quorum until more of its members are renewed)');
    expect(fake.time.getTime() - start).toBeLessThan(45_000);
  });

  it('ends the same wherever the call dies', async () => {
    let deaths = 0;
    for (let step = 1; ; step += 41) {
      const fake = deadNode('kube-scheduler');
      let left = step;
      fake.files.onStep = () => {
        left -= 1;
        if (left <= 0) throw new Error('killed');
      };
      const end = await rotateCold(fake).catch((error: unknown) => String(error));
      if (typeof end !== 'string') break;
      deaths += 1;
      const next = fake.afterKill(fake.files.afterKill());
      const outcome = await rotateCold(next);
      expect([step, outcome.outcome]).toEqual([step, 'succeeded']);
      for (const target of fakeTargets) expect(next.certificate(target).notAfter > next.time).toBe(true);
    }
    expect(deaths).toBeGreaterThan(5);
  }, 120_000);
});
