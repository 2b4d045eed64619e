import { beforeAll, describe, expect, it } from 'vitest';
import { fakeFacts, makeCa, makeDisk, type FakeCa } from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import { askReadyz } from './prove-requests.ts';

let ca: FakeCa;
beforeAll(() => {
  ca = makeCa();
});

/** What /readyz/etcd answers, and who asked for what. */
async function ask(status: number): Promise<{ readonly said: string; readonly asked: readonly string[] }> {
  const { node } = new FakeNode(makeDisk(ca, 40), ca);
  const asked: string[] = [];
  const request: typeof node.probes.request = ({ path, client }) => {
    asked.push(`${path}${client === undefined ? '' : ' with a certificate'}`);
    return Promise.resolve({ status: path === '/readyz/etcd' ? status : 200, body: '' });
  };
  const said = await askReadyz(
    { ...node, probes: { ...node.probes, request } },
    fakeFacts,
    '/readyz/etcd',
    new AbortController().signal,
  );
  return { said, asked };
}

describe('askReadyz', () => {
  it('asks the single check as an administrator', async () => {
    expect(await ask(200)).toEqual({
      said: '/readyz/etcd is well',
      asked: ['/readyz/etcd with a certificate'],
    });
  });

  it('asks the whole, open to all, where the client for the kubelet is no administrator (kubeadm 1.37)', async () => {
    expect(await ask(403)).toEqual({
      said: '/readyz is well',
      asked: ['/readyz/etcd with a certificate', '/readyz'],
    });
  });

  it('takes no other answer for well', async () => {
    await expect(ask(500)).rejects.toThrow('answers /readyz/etcd with status 500');
    await expect(ask(401)).rejects.toThrow('answers /readyz/etcd with status 401');
  });
});
