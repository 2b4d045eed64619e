import { beforeAll, describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import { fakeFacts, makeCa, makeDisk, type FakeCa } from '../rotation/fake-disk.ts';
import { FakeNode } from '../rotation/fake-node.ts';
import type { RotationNode } from '../rotation/types.ts';
import { lookAtCluster } from './all-node.ts';
import { captureOutput } from './testing.ts';

const never = new AbortController().signal;
let ca: FakeCa;
const said = captureOutput();
beforeAll(() => {
  ca = makeCa();
});

const handshake = (): Promise<never> => Promise.reject(new CertError('Unreachable', 'no answer'));

/** Milliseconds of the node's clock that a look takes, and what it says. */
async function lookAt(fake: FakeNode, node: RotationNode = fake.node): Promise<[string, number]> {
  const start = fake.time.getTime();
  const cluster = await lookAtCluster(node, fakeFacts, never);
  return [cluster, fake.time.getTime() - start];
}

/** Its API server does not answer so many times. */
function deafFor(fake: FakeNode, times: number): RotationNode {
  let left = times;
  const { node } = fake;
  const request: RotationNode['probes']['request'] = (question, signal) => {
    if (question.port !== 6443 || left <= 0) return node.probes.request(question, signal);
    left -= 1;
    return Promise.reject(new CertError('Unreachable', 'no answer'));
  };
  return { ...node, probes: { ...node.probes, request } };
}

describe('a cluster', () => {
  it('that answers is alive at once, and nothing is said', async () => {
    const [cluster, took] = await lookAt(new FakeNode(makeDisk(ca), ca));
    expect([cluster, took < 1000, said.err]).toEqual(['alive', true, '']);
  });

  it.each([1, 4])('whose API is away for %i looks is alive', async (times) => {
    const fake = new FakeNode(makeDisk(ca), ca);
    expect((await lookAt(fake, deafFor(fake, times)))[0]).toBe('alive');
    expect(said.err).toBe(
      'the API does not answer where the kubelet of this node looks for it; looking for 20 s whether it stays so\n',
    );
  });

  it('whose kubelet is restarted meanwhile is alive', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    fake.goDark();
    let waits = 0;
    fake.onSleep = () => {
      waits += 1;
      if (waits === 2) void fake.node.restartKubelet(never);
    };
    expect((await lookAt(fake))[0]).toBe('alive');
  });

  it('is dead when every look of twenty seconds failed', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const [cluster, took] = await lookAt(fake, deafFor(fake, 1000));
    expect(cluster).toBe('api-dead');
    expect(took).toBeGreaterThanOrEqual(20_000);
    expect(took).toBeLessThan(24_000);
    fake.goDark();
    expect((await lookAt(fake))[0]).toBe('kubelet-down');
  });

  it('is dead at once when the kubelet’s own certificate has expired and its port refuses', async () => {
    const fake = new FakeNode(makeDisk(ca, -10), ca);
    fake.goDark('kube-apiserver');
    const [cluster, took] = await lookAt(fake);
    expect([cluster, took < 1000, said.err]).toEqual(['kubelet-down', true, '']);
  });

  it('is looked at for longer when such a kubelet could ask for a first certificate, or its port is silent', async () => {
    const fake = new FakeNode(makeDisk(ca, -10), ca);
    fake.goDark('kube-apiserver');
    const { probes, ...node } = fake.node;
    expect((await lookAt(fake, { ...node, probes: { ...probes, handshake } }))[1]).toBeGreaterThan(19_000);
    const none = new Uint8Array();
    fake.files.create('/etc/kubernetes/bootstrap-kubelet.conf', none, { mode: 0o600, uid: 0, gid: 0 });
    expect((await lookAt(fake))[1]).toBeGreaterThan(19_000);
  });

  it('is no longer looked at when a person stops it', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const person = new AbortController();
    fake.onSleep = () => person.abort();
    const looking = lookAtCluster(deafFor(fake, 1000), fakeFacts, person.signal);
    await expect(looking).rejects.toThrow(expect.objectContaining({ code: 'Aborted' }));
  });
});
