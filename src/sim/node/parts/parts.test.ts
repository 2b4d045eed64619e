// etcd, kube-apiserver and those who only read a kubeconfig, as processes with real files and sockets: each must take up,
// keep and refuse certificates as the real one does, or the product's proofs (R20) prove nothing here.
import { createServer, request, type RequestOptions, type Server } from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  layPlane,
  life,
  planeHost,
  serialOf,
  shownAt,
  type Part,
  type SimulatedPlane,
} from '../../../../test/kube/simulated-plane.ts';
import { startApi, type ApiServer } from '../../api/server.ts';
import { makeAuthority, type Pair } from '../../cluster/authority.ts';
import { kubeconfig } from '../../cluster/node-files.ts';
import { eventually } from '../../contract/eventually.ts';
import { accessTo } from '../store-access.ts';

let api: ApiServer;
let plane: SimulatedPlane;

beforeAll(async () => {
  api = await startApi();
  plane = await layPlane(accessTo(api));
});

afterAll(async () => {
  await plane.close();
  await api.close();
});

async function comes(what: string, holds: () => Promise<boolean>): Promise<void> {
  await eventually(holds, { seconds: 10, otherwise: `it has not come: ${what}` });
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function ask(options: RequestOptions, text?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ host: planeHost, agent: false, ...options }, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, text: answer }));
    });
    call.once('error', reject);
    call.end(text);
  });
}

/** Asks for a client certificate, as etcd and kube-apiserver do, and notes which came with each new connection. */
class Listener {
  readonly serials: string[] = [];
  healthy = true;
  readonly #server: Server;

  constructor({ certificate: cert, key }: Pair, ca: string) {
    this.#server = createServer({ cert, key, ca, requestCert: true }, (_, response) =>
      response.writeHead(this.healthy ? 200 : 503).end('{}'),
    );
    this.#server.on('secureConnection', (socket: TLSSocket) =>
      this.serials.push(socket.getPeerX509Certificate()?.serialNumber ?? ''),
    );
  }

  async listen(port: number): Promise<number> {
    await new Promise<void>((resolve) => {
      this.#server.listen(port, planeHost, resolve);
    });
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  hangUp(): void {
    this.#server.closeAllConnections();
  }

  close(): void {
    this.#server.close();
    this.hangUp();
  }
}

// client/pkg/transport's TLSInfo: GetCertificate reads both files for every connection.
describe('etcd', () => {
  let etcd: Part;
  beforeAll(async () => {
    etcd = await plane.startEtcd();
  }, 30_000);
  afterAll(async () => etcd.end());

  it.each([
    ['its clients', 'etcd/server', 'etcd'],
    ['its peers', 'etcd/peer', 'peer'],
  ] as const)(
    'shows %s what lies there now, and fails connections while that does not fit',
    async (_, name, port) => {
      const [next, last] = [plane.memberOf(), plane.memberOf()];
      plane.lay(name, next);
      expect(await shownAt(plane.ports[port])).toBe(serialOf(next));
      plane.lay(name, { certificate: last.certificate });
      await expect(shownAt(plane.ports[port])).rejects.toThrow(/handshake failure|alert/);
      plane.lay(name, { key: last.key });
      expect(await shownAt(plane.ports[port])).toBe(serialOf(last));
    },
  );

  it('goes on trusting whom it trusted at its start, until the restart', async () => {
    const other = makeAuthority('etcd-ca', life);
    const answered = async ({ certificate: cert, key }: Pair): Promise<boolean> =>
      ask({ port: plane.ports.etcd, path: '/health', cert, key, rejectUnauthorized: false }).then(
        ({ status }) => status === 200,
        () => false,
      );
    const [known, stranger] = [plane.memberOf(), plane.leafOf({ commonName: 'n9' }, other)];
    plane.write('etcd/ca.crt', plane.etcd.certificate + other.certificate);
    plane.lay('etcd/server', plane.memberOf());
    expect([await answered(known), await answered(stranger)]).toEqual([true, false]);
    await etcd.end();
    etcd = await plane.startEtcd();
    expect([await answered(known), await answered(stranger)]).toEqual([true, true]);
    plane.write('etcd/ca.crt', plane.etcd.certificate);
  }, 30_000);
});

const asUser = (commonName: string, organizations: readonly string[] = []): RequestOptions => {
  const { certificate: cert, key } = plane.leafOf({ commonName, organizations });
  return { port: plane.ports.apiserver, cert, key, ca: plane.kubernetes.certificate };
};
const admin = (): RequestOptions => asUser('kubernetes-admin', ['system:masters']);

describe('kube-apiserver', () => {
  let etcd: Listener;
  /** It takes as long as a fresh one waits: begun before all, looked at last. */
  let refused: Part;
  beforeAll(async () => {
    etcd = new Listener(plane.memberOf(), plane.etcd.certificate);
    await etcd.listen(plane.ports.etcd);
    const foreign = makeAuthority('etcd-ca', life);
    plane.lay('foreign-client', plane.leafOf({ commonName: 'kube-apiserver-etcd-client' }, foreign));
    refused = plane.launchApiserver('foreign-client');
    await plane.startApiserver();
  }, 30_000);
  afterAll(() => etcd.close());

  // dynamiccertificates, as in served.test.ts.
  it('shows a new pair without a restart, and the old one while half of it lies there', async () => {
    const before = await shownAt(plane.ports.apiserver);
    const next = plane.serverOf();
    plane.lay('apiserver', { certificate: next.certificate });
    await wait(1000);
    expect(await shownAt(plane.ports.apiserver)).toBe(before);
    plane.lay('apiserver', { key: next.key });
    await comes('the new pair', async () => (await shownAt(plane.ports.apiserver)) === serialOf(next));
  });

  // etcd's clientv3 reads its files for a connection, and keeps that: what lies there later proves nothing (R20).
  it('keeps its connection to etcd as it was opened, and opens the next with what lies there then', async () => {
    const before = [...etcd.serials];
    const next = plane.leafOf({ commonName: 'kube-apiserver-etcd-client' }, plane.etcd);
    plane.lay('apiserver-etcd-client', next);
    await wait(1500);
    expect(etcd.serials).toEqual(before);
    etcd.hangUp();
    await comes('a new connection', async () => etcd.serials.length > before.length);
    expect(etcd.serials.at(-1)).toBe(serialOf(next));
    expect(before.at(-1)).not.toBe(serialOf(next));
  });

  // apiserver's healthz, and what storage errors are: a Status without a reason.
  it('says what is not well, to whom it may, while etcd is not', async () => {
    etcd.healthy = false;
    const statusOf = async (path: string, who = admin()): Promise<number> =>
      (await ask({ ...who, path })).status;
    await comes('a shut door', async () => (await statusOf('/readyz')) === 500);
    expect((await ask({ ...asUser('alice'), path: '/readyz' })).text).toMatch(
      /^\[\+]ping ok\n\[-]etcd failed: reason withheld\n.*readyz check failed\n$/s,
    );
    expect([
      await statusOf('/livez'),
      await statusOf('/readyz/etcd'),
      await statusOf('/readyz/ping'),
    ]).toEqual([500, 500, 200]);
    expect(await statusOf('/readyz/etcd', asUser('alice'))).toBe(403);
    const { status, text } = await ask({ ...admin(), path: '/api/v1/nodes' });
    expect([status, JSON.parse(text)]).toEqual([
      500,
      {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'etcdserver: request timed out',
        code: 500,
      },
    ]);
    etcd.healthy = true;
    await comes('an open door', async () => (await statusOf('/readyz')) === 200);
  });

  it('does not take anybody’s word for who he is', async () => {
    const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
    const headers = {
      'content-type': 'application/json',
      'x-remote-user': 'kubernetes-admin',
      'x-remote-group': 'system:masters',
      'x-remote-extra-authentication.kubernetes.io%2fnode-name': 'n1',
    };
    const post = { method: 'POST', path: '/apis/authentication.k8s.io/v1/selfsubjectreviews', headers };
    const { text } = await ask({ ...asUser('alice', ['team']), ...post }, body);
    expect(JSON.parse(text)).toMatchObject({
      status: {
        userInfo: {
          username: 'alice',
          groups: ['team', 'system:authenticated'],
          extra: { 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^X509SHA256=/)] },
        },
      },
    });
    expect(text).not.toContain('node-name');
    const { port, ca } = admin();
    expect((await ask({ port, ca, ...post }, body)).status).toBe(403);
  });

  // R15: "failed to create storage".
  it('ends by itself when etcd has refused it from its start', async () => {
    expect(await refused.ended).toBe(1);
    expect(refused.log()).toContain('failed to create storage');
  }, 40_000);
});

// clientcmd: what a kubeconfig holds as data is read once; kubeadm's for these two hold data.
describe('kube-controller-manager and kube-scheduler', () => {
  it('go on with the client certificate of their start, until the restart', async () => {
    const listener = new Listener(plane.serverOf(), plane.kubernetes.certificate);
    const port = await listener.listen(0);
    const user = { commonName: 'system:kube-scheduler' };
    const [first, second] = [plane.leafOf(user), plane.leafOf(user)];
    const lay = ({ certificate, key }: Pair): void => {
      const [cert, secret] = [certificate, key].map((text) => Buffer.from(text).toString('base64'));
      const data = { 'client-certificate-data': cert ?? '', 'client-key-data': secret ?? '' };
      const server = `https://${planeHost}:${port}`;
      plane.write('scheduler.conf', kubeconfig(server, plane.kubernetes, 'system:kube-scheduler', data));
    };
    const start = (): Part => plane.start('api-client.ts', [`--kubeconfig=${plane.path('scheduler.conf')}`]);
    const asksWith = async (pair: Pair): Promise<void> => {
      const count = listener.serials.length;
      listener.hangUp();
      await comes('a connection', async () => listener.serials.length > count);
      expect(listener.serials.at(-1)).toBe(serialOf(pair));
    };
    lay(first);
    const before = start();
    await asksWith(first);
    lay(second);
    await asksWith(first);
    await before.end();
    const after = start();
    await asksWith(second);
    await after.end();
    listener.close();
  }, 40_000);
});
