// What a person may have done, on a real kube-apiserver: with their own token, by its rights, and never by ours.
import { createPrivateKey, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, until } from '../../../test/browser/ask.ts';
import { serve, type Served } from '../../../test/browser/serve.ts';
import { mustSkip, startBareApi, type BareApi } from '../../../test/kube/bare-api.ts';
import { installCrd } from '../../../test/kube/crd.ts';
import { createClient, type KubeClient } from '../../kube/client.ts';
import { Connection, loadKubeConfig } from '../../kube/connection.ts';
import { resources } from '../../kube/resources.ts';
import { inventoryMap, nodeObject, rotationObject } from '../../view/testing.ts';

const namespace = 'cpaas-system';
const configuration = '# by the chart\nmode: auto\n';

describe.skipIf(mustSkip())('a person', () => {
  let api: BareApi;
  let connection: Connection;
  let client: KubeClient;
  let served: Served;
  let directory: string;

  const post = async (path: string, body: object): Promise<string> => {
    const answer = await connection.request({ method: 'POST', path, body });
    if (answer.status >= 300) throw new Error(`${path}: ${answer.text}`);
    return answer.text;
  };

  /** A ServiceAccount with a ClusterRole of these rules, and a token of it. */
  async function person(name: string, rules: readonly object[]): Promise<string> {
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    await post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
    await post(`${rbac}/clusterroles`, { metadata: { name }, rules });
    await post(`${rbac}/clusterrolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    });
    const text = await post(`/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, { spec: {} });
    const { status }: { status: { token: string } } = JSON.parse(text);
    return status.token;
  }

  const me = async (token: string) =>
    ask(served.port, '/api/v1/me', { headers: { authorization: `Bearer ${token}` } });
  const act = async (token: string, action: object) =>
    ask(served.port, '/api/v1/actions', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(action),
    });

  const paused = async () =>
    (await client.get(resources.nodes, { name: 'w1' }))?.metadata?.annotations?.[
      'certrotator.cpaas.io/paused'
    ];

  const configurationIs = async (text: string) => {
    const ref = { name: 'cluster-cert-rotator-config', namespace: 'cluster-cert-rotator' };
    return client.patch(resources.configMaps, ref, { data: { 'config.yaml': text } });
  };
  const readConfiguration = async () => {
    const ref = { name: 'cluster-cert-rotator-config', namespace: 'cluster-cert-rotator' };
    return (await client.get(resources.configMaps, ref))?.data?.['config.yaml'];
  };

  const state = async () => (await ask(served.port, '/api/v1/state')).text;

  let operator: string;
  let viewer: string;

  beforeAll(async () => {
    api = await startBareApi();
    const config = loadKubeConfig(api.kubeconfig);
    connection = new Connection(config);
    client = createClient(connection);
    await installCrd(client);
    for (const name of [namespace, 'cluster-cert-rotator'])
      await client.create(resources.namespaces, { metadata: { name } });
    await client.create(resources.configMaps, {
      metadata: { name: 'cluster-cert-rotator-config', namespace: 'cluster-cert-rotator' },
      data: { 'config.yaml': configuration },
    });
    const { metadata, status } = nodeObject('w1', {});
    const made = await client.create(resources.nodes, { metadata: { name: 'w1' } });
    const uid = made.ok ? (made.object.metadata?.uid ?? '') : '';
    await client.patch(resources.nodes, { name: 'w1' }, { metadata: { labels: metadata?.labels }, status });
    const map = inventoryMap('w1', { uid });
    await client.create(resources.configMaps, {
      ...map,
      metadata: { ...map.metadata, name: 'node-local-certs-w1', namespace, ownerReferences: [] },
    });
    const { spec } = rotationObject('waits', 'w1', {});
    await client.create(resources.certificateRotations, {
      metadata: { name: 'waits' },
      spec: { ...spec, nodeUID: uid },
    });
    const rotations = { apiGroups: ['certrotator.cpaas.io'], resources: ['certificaterotations'] };
    operator = await person('operator', [
      { ...rotations, verbs: ['create', 'patch'] },
      { apiGroups: [''], resources: ['nodes'], verbs: ['patch'] },
      {
        apiGroups: [''],
        resources: ['configmaps'],
        resourceNames: ['cluster-cert-rotator-config'],
        verbs: ['get', 'patch'],
      },
    ]);
    viewer = await person('viewer', [{ ...rotations, verbs: ['get', 'list'] }]);
    directory = mkdtempSync(join(tmpdir(), 'page-'));
    writeFileSync(join(directory, 'index.html'), '');
    served = await serve({ client, cluster: config, directory });
    await until(async () => (await ask(served.port, '/api/v1/nodes/w1')).status === 200, 'the first reading');
  }, 240_000);

  afterAll(async () => {
    served.end();
    await connection.close();
    await api.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('is told who they are and what they may, by the API server', async () => {
    expect(JSON.parse((await me(operator)).text)).toEqual({
      user: `system:serviceaccount:${namespace}:operator`,
      rotate: true,
      approve: true,
      pause: true,
      pauseAll: true,
    });
    expect(JSON.parse((await me(viewer)).text)).toMatchObject({
      rotate: false,
      approve: false,
      pause: false,
      pauseAll: false,
    });
  });

  it('has a rotation made with what the node has, and it carries their wish', async () => {
    const answer = await act(operator, { action: 'rotate', node: 'w1' });
    expect(answer.status).toBe(200);
    const { name }: { name: string } = JSON.parse(answer.text);
    const made = await client.get(resources.certificateRotations, { name });
    expect(made?.spec).toMatchObject({
      nodeName: 'w1',
      reason: 'Manual',
      certificates: expect.arrayContaining(['kubelet.crt']),
    });
    expect((await act(operator, { action: 'rotate', node: 'w9' })).status).toBe(404);
  });

  it('pauses a node and lets it go on', async () => {
    expect((await act(operator, { action: 'pause', node: 'w1' })).status).toBe(200);
    expect(await paused()).toBe('true');
    await until(
      async () => (await ask(served.port, '/api/v1/nodes/w1')).text.includes('"paused":true'),
      'it is shown',
    );
    expect((await act(operator, { action: 'resume', node: 'w1' })).status).toBe(200);
    expect(await paused()).toBeUndefined();
  });

  it('pauses everything and lets it go on, in the words of the configuration, and every page knows at once', async () => {
    expect((await act(operator, { action: 'pause-all' })).status).toBe(200);
    expect(await readConfiguration()).toBe(`${configuration}paused: true\n`);
    await until(async () => (await state()) === '{"paused":true}', 'it is shown');
    expect((await act(operator, { action: 'pause-all' })).status).toBe(200);
    expect((await act(operator, { action: 'resume-all' })).status).toBe(200);
    expect(await readConfiguration()).toBe(`${configuration}paused: false\n`);
    await until(async () => (await state()) === '{"paused":false}', 'it is shown');
    await configurationIs('mode: [');
    expect(await act(operator, { action: 'pause-all' })).toMatchObject({
      status: 422,
      text: expect.stringContaining('mend it first'),
    });
    await configurationIs(configuration);
  });

  it('approves a rotation', async () => {
    expect((await act(operator, { action: 'approve', rotation: 'waits' })).status).toBe(200);
    const approved = await client.get(resources.certificateRotations, { name: 'waits' });
    expect(approved?.metadata.annotations).toMatchObject({ 'certrotator.cpaas.io/approved': 'true' });
  });

  it.each([
    { action: 'rotate', node: 'w1' },
    { action: 'pause', node: 'w1' },
    { action: 'approve', rotation: 'waits' },
    { action: 'pause-all' },
  ])('without the right may not $action', async (action) => {
    const answer = await act(viewer, action);
    expect(answer.status).toBe(403);
    expect(answer.text).toContain('system:serviceaccount:cpaas-system:viewer');
  });

  it.each<[string, () => string]>([
    ['that is none', () => 'abc.def.ghi'],
    ['that was signed by somebody else', () => `${operator.slice(0, -8)}AAAAAAAA`],
    ['that has expired', () => expiredToken(api.directory)],
  ])('with a token %s may nothing, whatever the web program may', async (_, token) => {
    for (const answer of [await me(token()), await act(token(), { action: 'pause', node: 'w1' })]) {
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
  });

  it(
    'is told when the API server is away, and the page shows what was seen',
    { timeout: 120_000 },
    async () => {
      await api.killApi();
      expect((await act(operator, { action: 'pause', node: 'w1' })).status).toBe(502);
      await until(
        async () => (await ask(served.port, '/api/v1/overview')).text.includes('need.stale'),
        'it is told',
        60_000,
      );
      expect((await ask(served.port, '/api/v1/nodes/w1')).status).toBe(200);
    },
  );
});

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** As the API server signs them for ServiceAccounts, an hour ago. */
function expiredToken(apiDirectory: string): string {
  const now = Math.floor(Date.now() / 1000);
  const name = 'operator';
  const claims = {
    iss: 'https://kubernetes.default.svc',
    aud: ['https://kubernetes.default.svc'],
    sub: `system:serviceaccount:${namespace}:${name}`,
    iat: now - 7200,
    nbf: now - 7200,
    exp: now - 3600,
    'kubernetes.io': { namespace, serviceaccount: { name, uid: 'x' } },
  };
  const text = `${encode({ alg: 'ES256', typ: 'JWT' })}.${encode(claims)}`;
  const key = createPrivateKey(readFileSync(join(apiDirectory, 'sa.key')));
  const signature = sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
