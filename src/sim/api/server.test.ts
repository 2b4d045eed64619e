// What only the embedded server does, or what no bare kube-apiserver shows: its certificates, its own controllers, its clock.
import { X509Certificate } from 'node:crypto';
import { Agent, request, type RequestOptions } from 'node:https';
import { setTimeout as wait } from 'node:timers/promises';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { createAuthority, type Authority, type Pair } from './authority.ts';
import { fieldsOf, type Fields } from './objects.ts';
import { startApi, type ApiOptions, type ApiServer } from './server.ts';

interface Answer {
  readonly status: number;
  readonly body: Fields;
}

let api: ApiServer;
let agents: Agent[] = [];

async function start(options: ApiOptions = {}): Promise<void> {
  api = await startApi({ sweep: 20, ...options });
}

function clientOf(
  pair: Pair | undefined,
): (method: string, path: string, body?: object, token?: string) => Promise<Answer> {
  const agent = new Agent({ keepAlive: true, ca: api.caPem, ...pair });
  agents.push(agent);
  return async (method, path, body, token) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    return send(
      {
        host: '127.0.0.1',
        port: api.port,
        agent,
        method,
        path,
        headers: {
          ...(text === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(text) }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
      },
      text,
    );
  };
}

async function send(options: RequestOptions, text: string | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(options, (response) => {
      let answer = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
      response.on('end', () => {
        const isJson = response.headers['content-type'] === 'application/json';
        const body: Fields = isJson ? JSON.parse(answer) : { text: answer };
        resolve({ status: response.statusCode ?? 0, body });
      });
    });
    call.on('error', reject);
    call.end(text);
  });
}

const admin = (): ReturnType<typeof clientOf> =>
  clientOf(api.clientCertificate('kubernetes-admin', ['system:masters']));

async function servedSerial(): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: api.port, ca: api.caPem }, () => {
      resolve(socket.getPeerX509Certificate()?.serialNumber ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

async function until(ask: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await wait(10);
  }
}

const configMap = (name: string, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
});
const maps = '/api/v1/namespaces/default/configmaps';
const uidOf = ({ body }: Answer): unknown => fieldsOf(body['metadata'])['uid'];
const ownerOf = (name: string, uid: unknown): object => ({ apiVersion: 'v1', kind: 'ConfigMap', name, uid });
const owner = (name: string, uid: unknown): object => ({ ownerReferences: [ownerOf(name, uid)] });

afterEach(async () => {
  for (const agent of agents) agent.destroy();
  agents = [];
  await api.close();
});

const serving = (authority: Authority): Pair =>
  authority.issue({
    commonName: 'kube-apiserver',
    sans: [{ kind: 'ip', value: '127.0.0.1' }],
    usage: 'serverAuth',
  });

describe('its own certificates', () => {
  it('shows a new one from the next handshake on, without a restart', async () => {
    const authority = createAuthority();
    const [first, second] = [serving(authority), serving(authority)];
    await start({ authority, serving: first });
    expect(await servedSerial()).toBe(new X509Certificate(first.cert).serialNumber);
    api.setServingCertificate(second);
    expect(await servedSerial()).toBe(new X509Certificate(second.cert).serialNumber);
  });

  it('stops and starts on the same port with everything that it had, and with the certificate given meanwhile', async () => {
    const authority = createAuthority();
    await start({ authority, serving: serving(authority) });
    const { port } = api;
    await admin()('POST', maps, configMap('kept'));
    await api.stop();
    await expect(admin()('GET', '/readyz')).rejects.toThrow(/ECONNREFUSED/);
    const later = serving(authority);
    api.setServingCertificate(later);
    await api.start();
    expect(api.port).toBe(port);
    expect(await servedSerial()).toBe(new X509Certificate(later.cert).serialNumber);
    expect(await admin()('GET', `${maps}/kept`)).toMatchObject({ status: 200 });
  });
});

describe('credentials', () => {
  it('do not hold after their end, also on a connection that was opened before', async () => {
    let now = new Date();
    await start({ now: () => now });
    const call = admin();
    expect((await call('GET', '/readyz')).status).toBe(200);
    now = new Date(now.getTime() + 2 * 86_400_000);
    expect(await call('GET', '/readyz')).toMatchObject({ status: 401, body: { reason: 'Unauthorized' } });
  });

  it('of a Pod end with the Pod, and with their time', async () => {
    let now = new Date();
    await start({ now: () => now });
    const call = admin();
    const pod = {
      metadata: { name: 'p' },
      spec: { serviceAccountName: 's', containers: [{ name: 'c', image: 'i' }] },
    };
    await call('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 's' } });
    await call('POST', '/api/v1/namespaces/default/pods', pod);
    const token = async (): Promise<string> => {
      const spec = { expirationSeconds: 600, boundObjectRef: { kind: 'Pod', name: 'p' } };
      const { body } = await call('POST', '/api/v1/namespaces/default/serviceaccounts/s/token', { spec });
      return String(fieldsOf(body['status'])['token']);
    };
    const [first, second] = [await token(), await token()];
    const nobody = clientOf(undefined);
    const review = { spec: { token: first } };
    const reviews = '/apis/authentication.k8s.io/v1/tokenreviews';
    expect(await call('POST', reviews, review)).toMatchObject({
      body: {
        status: {
          authenticated: true,
          user: {
            username: 'system:serviceaccount:default:s',
            extra: { 'authentication.kubernetes.io/pod-name': ['p'] },
          },
        },
      },
    });
    expect((await nobody('GET', maps, undefined, first)).status).toBe(403);
    await call('DELETE', '/api/v1/namespaces/default/pods/p');
    expect((await nobody('GET', maps, undefined, first)).status).toBe(401);
    await call('POST', '/api/v1/namespaces/default/pods', pod);
    expect((await nobody('GET', maps, undefined, second)).status, 'of another Pod with that name').toBe(401);
    const third = await token();
    expect((await nobody('GET', maps, undefined, third)).status).toBe(403);
    now = new Date(now.getTime() + 601_000);
    expect((await nobody('GET', maps, undefined, third)).status).toBe(401);
  });
});

describe('what the controller-manager would do', () => {
  it('removes what has lost its owner, and leaves what has one yet', async () => {
    await start();
    const call = admin();
    const [one, two] = [
      await call('POST', maps, configMap('one')),
      await call('POST', maps, configMap('two')),
    ];
    await call('POST', maps, configMap('child', owner('one', uidOf(one))));
    await call(
      'POST',
      maps,
      configMap('grandchild', owner('child', uidOf(await call('GET', `${maps}/child`)))),
    );
    const owners = [ownerOf('one', uidOf(one)), ownerOf('two', uidOf(two))];
    await call('POST', maps, configMap('shared', { ownerReferences: owners }));
    await call('DELETE', `${maps}/one`);
    // A new one under the old name is no owner.
    await call('POST', maps, configMap('one'));
    await until(async () => (await call('GET', `${maps}/grandchild`)).status === 404, 'the grandchild goes');
    expect((await call('GET', `${maps}/child`)).status).toBe(404);
    expect((await call('GET', `${maps}/shared`)).status).toBe(200);
  });

  it('deletes dependents first in the foreground, and keeps them as orphans', async () => {
    await start();
    const call = admin();
    for (const name of ['fore', 'orphan']) {
      const made = await call('POST', maps, configMap(name));
      await call('POST', maps, configMap(`of-${name}`, owner(name, uidOf(made))));
    }
    await call('DELETE', `${maps}/fore`, { propagationPolicy: 'Foreground' });
    await call('DELETE', `${maps}/orphan`, { propagationPolicy: 'Orphan' });
    for (const name of ['fore', 'orphan']) {
      await until(async () => (await call('GET', `${maps}/${name}`)).status === 404, `${name} goes`);
    }
    expect((await call('GET', `${maps}/of-fore`)).status).toBe(404);
    const kept = await call('GET', `${maps}/of-orphan`);
    expect(kept.status).toBe(200);
    expect(fieldsOf(kept.body['metadata'])['ownerReferences']).toBeUndefined();
  });

  it('empties a namespace that ends, and lets nothing new into it', async () => {
    await start({ sweep: 200 });
    const call = admin();
    await call('POST', '/api/v1/namespaces', { metadata: { name: 'ending' } });
    await call('POST', '/api/v1/namespaces/ending/configmaps', configMap('in'));
    expect(await call('DELETE', '/api/v1/namespaces/ending')).toMatchObject({
      body: { status: { phase: 'Terminating' } },
    });
    expect(await call('POST', '/api/v1/namespaces/ending/configmaps', configMap('late'))).toMatchObject({
      status: 403,
      body: { details: { causes: [{ reason: 'NamespaceTerminating' }] } },
    });
    await until(
      async () => (await call('GET', '/api/v1/namespaces/ending')).status === 404,
      'the namespace is gone',
    );
    expect((await call('GET', '/api/v1/namespaces/ending/configmaps/in')).status).toBe(404);
  });

  it('forgets Events after an hour', async () => {
    let now = new Date();
    await start({ now: () => now });
    const call = admin();
    const events = '/api/v1/namespaces/default/events';
    await call('POST', events, { metadata: { name: 'e' }, involvedObject: { kind: 'Node', name: 'n' } });
    now = new Date(now.getTime() + 61 * 60_000);
    await until(async () => api.store.get('/events', 'default/e') === undefined, 'the Event goes');
    expect(api.store.list('/events')).toEqual([]);
  });
});

it('sends bookmarks with the newest version to watches that ask for them', async () => {
  await start({ bookmark: 20 });
  const call = admin();
  await call('POST', maps, configMap('some'));
  const agent = new Agent({ ca: api.caPem, ...api.clientCertificate('a', ['system:masters']) });
  agents.push(agent);
  const version = api.store.revision;
  const path = `/api/v1/secrets?watch=true&allowWatchBookmarks=true&resourceVersion=${version}`;
  const line = await new Promise<string>((resolve, reject) => {
    const watch = request({ host: '127.0.0.1', port: api.port, path, agent }, (response) => {
      response.setEncoding('utf8').once('data', (chunk: string) => {
        resolve(chunk);
        watch.destroy();
      });
    });
    watch.on('error', reject);
    watch.end();
  });
  expect(JSON.parse(line.split('\n')[0] ?? '')).toMatchObject({
    type: 'BOOKMARK',
    object: { kind: 'Secret', metadata: { resourceVersion: String(version) } },
  });
});
