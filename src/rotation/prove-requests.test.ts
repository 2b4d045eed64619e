import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as https from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bench } from '../../test/judge/judge.ts';
import { nodeProbes } from '../host/probes.ts';
import { fakeFacts, makeCa, makeDisk, type FakeCa } from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import { askReadyz, askVersion } from './prove-requests.ts';

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

/** A front of several API servers: by path, and under a name that is no name of its address. */
describe('askVersion', () => {
  const bench = new Bench();
  const asked: string[] = [];
  let server: https.Server;
  let certificate = '';
  let key = '';

  beforeAll(async () => {
    bench.openssl(
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=front -keyout k -out c -addext subjectAltName=DNS:api.example.org',
    );
    certificate = readFileSync(bench.path('c'), 'utf8');
    key = readFileSync(bench.path('k'), 'utf8');
    server = https.createServer({ cert: certificate, key }, ({ url = '' }, response) => {
      asked.push(url);
      response.writeHead(url.startsWith('/clusters/a/') ? 200 : 404).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => {
    server.close();
    bench.remove();
  });

  async function ask(path: string, more: string): Promise<string> {
    const { node } = new FakeNode(makeDisk(ca, 40), ca);
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const authority = Buffer.from(certificate).toString('base64');
    const text = `clusters: [{name: c, cluster: {server: "https://127.0.0.1:${port}${path}", certificate-authority-data: ${authority}${more}}}]\n`;
    const kubeconfig = '/etc/kubernetes/front.conf';
    node.files.create(kubeconfig, new Uint8Array(Buffer.from(text)), { mode: 0o600, uid: 0, gid: 0 });
    const through = { ...node, probes: nodeProbes() };
    return await askVersion(
      through,
      { kubeconfig, client: { certificate, key } },
      new AbortController().signal,
    );
  }

  it.each(['/clusters/a', '/clusters/a/'])(
    'asks under the path %s of the server, which shows the tls-server-name',
    async (path) => {
      asked.length = 0;
      expect(await ask(path, ', tls-server-name: api.example.org')).toContain('answers /clusters/a/version');
      expect(asked).toEqual(['/clusters/a/version']);
    },
  );

  it('takes no server for another one', async () => {
    await expect(ask('/clusters/a', '')).rejects.toThrow('does not answer');
    await expect(ask('', ', tls-server-name: api.example.org')).rejects.toThrow('answers /version with 404');
  });
});
