// The plugin as its users meet it: by a real kubectl that finds it in PATH, against a real kube-apiserver, with the chart's own
// roles.
import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mustSkip, startBareApi, type BareApi } from '../../test/kube/bare-api.ts';
import { installCrd } from '../../test/kube/crd.ts';
import { builtPrograms } from '../../test/kubernetes.ts';
import { createClient, type KubeClient } from '../kube/client.ts';
import { Connection, loadKubeConfig } from '../kube/connection.ts';
import { resources } from '../kube/resources.ts';
import { privateNamespace } from '../kube/types.ts';
import { inventoryMap, nodeObject, rotationObject } from '../view/testing.ts';

const root = resolve(import.meta.dirname, '../..');
const namespace = 'cpaas-system';
const planted = 'cGxhbnRlZC1zZWNyZXQtdmFsdWUtNDcxMQ';
const pem = '-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMG\n-----END PRIVATE KEY-----';
const configuration = '# as the chart wrote it\nmode: manual\n';

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface ChartObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: readonly object[];
}

const bin = builtPrograms('kubectl');

describe.skipIf(mustSkip() || bin === undefined)('kubectl certrot', { timeout: 120_000 }, () => {
  let api: BareApi;
  let connection: Connection;
  let client: KubeClient;
  let directory: string;
  const tokens: Record<string, string> = {};

  const post = async (path: string, body: object): Promise<string> => {
    const answer = await connection.request({ method: 'POST', path, body });
    if (answer.status >= 300) throw new Error(`${path}: ${answer.text}`);
    return answer.text;
  };

  const run = async (words: readonly string[], who = 'admin', env: NodeJS.ProcessEnv = {}): Promise<Ran> =>
    await new Promise((done) => {
      const surroundings = {
        ...process.env,
        PATH: `${join(directory, 'bin')}:${bin ?? ''}:${process.env['PATH'] ?? ''}`,
        HOME: directory,
        KUBECONFIG: who === 'admin' ? api.kubeconfig : join(directory, `${who}.conf`),
        LANG: 'C',
        LC_ALL: '',
        TZ: 'UTC',
        ...env,
      };
      const options = { env: surroundings, cwd: directory };
      const child = execFile('kubectl', ['certrot', ...words], options, (error, out, err) => {
        done({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, out, err });
      });
      child.stdin?.end();
    });

  const annotationsOf = async (node: string) =>
    (await client.get(resources.nodes, { name: node }))?.metadata?.annotations ?? {};
  const readConfiguration = async () =>
    (
      await client.get(resources.configMaps, {
        name: 'cluster-cert-rotator-config',
        namespace: privateNamespace,
      })
    )?.data?.['config.yaml'];

  /** A ServiceAccount with these roles of the chart, and a kubeconfig of it. */
  async function person(name: string, roles: readonly string[]): Promise<void> {
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    await post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name } });
    const subjects = [{ kind: 'ServiceAccount', name, namespace }];
    for (const { kind, metadata } of chartRoles().filter((one) => roles.includes(one.metadata.name))) {
      const within = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
      await post(`${rbac}${within}/${kind.toLowerCase()}bindings`, {
        metadata: { name: `${name}-${metadata.name}` },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: metadata.name },
        subjects,
      });
    }
    const text = await post(`/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`, { spec: {} });
    const { status }: { status: { token: string } } = JSON.parse(text);
    tokens[name] = status.token;
    const config: { users: object[] } = JSON.parse(readFileSync(api.kubeconfig, 'utf8'));
    config.users = [{ name: 'admin', user: { token: status.token } }];
    writeFileSync(join(directory, `${name}.conf`), JSON.stringify(config), { mode: 0o600 });
  }

  async function makeNode(name: string, role: 'worker' | 'control-plane'): Promise<string> {
    const { metadata, status } = nodeObject(name, { role });
    const made = await client.create(resources.nodes, { metadata: { name } });
    const uid = made.ok ? (made.object.metadata?.uid ?? '') : '';
    await client.patch(resources.nodes, { name }, { metadata: { labels: metadata?.labels } });
    await client.patchStatus(resources.nodes, { name }, { ...status });
    const map = inventoryMap(name, { uid, role });
    await client.create(resources.configMaps, {
      ...map,
      metadata: { ...map.metadata, namespace, ownerReferences: [] },
    });
    return uid;
  }

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'certrot-'));
    mkdirSync(join(directory, 'bin'));
    const program = join(directory, 'bin/kubectl-certrot');
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${root}/src/kubectl-certrot.ts' "$@"\n`);
    chmodSync(program, 0o755);
    api = await startBareApi();
    connection = new Connection(loadKubeConfig(api.kubeconfig));
    client = createClient(connection);
    await installCrd(client);
    for (const name of [namespace, privateNamespace])
      await client.create(resources.namespaces, { metadata: { name } });
    for (const role of chartRoles()) {
      const within = role.metadata.namespace === undefined ? '' : `/namespaces/${role.metadata.namespace}`;
      await post(`/apis/rbac.authorization.k8s.io/v1${within}/${role.kind.toLowerCase()}s`, role);
    }
    await makeNode('cp1', 'control-plane');
    const uid = await makeNode('w1', 'worker');
    await client.create(resources.configMaps, {
      metadata: {
        name: 'cluster-cert-rotator-config',
        namespace: privateNamespace,
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': planted },
      },
      data: { 'config.yaml': configuration },
    });
    await client.create(resources.leases, {
      metadata: { name: 'cluster-cert-rotator', namespace: privateNamespace },
      spec: { renewTime: new Date().toISOString().replace('Z', '000Z'), holderIdentity: 'c-1' },
    });
    const { spec } = rotationObject('waits', 'w1', {});
    await client.create(resources.certificateRotations, {
      metadata: { name: 'waits' },
      spec: { ...spec, nodeUID: uid },
    });
    await client.patchStatus(
      resources.certificateRotations,
      { name: 'waits' },
      {
        phase: 'Pending',
        reason: 'AwaitingApproval',
        message: 'waits: AwaitingApproval: mode manual\u001B[31m\u202E',
      },
    );
    await plantSecrets(client);
    await person('viewer', ['cluster-cert-rotator-viewer']);
    await person('operator', ['cluster-cert-rotator-viewer', 'cluster-cert-rotator-operator']);
    await person('stranger', []);
  }, 240_000);

  afterAll(async () => {
    await connection.close();
    await api.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('status says what the dashboard says, and ends with the code of what needs a person', async () => {
    const { code, out, err } = await run(['status'], 'viewer');
    expect(err).toBe('');
    expect(out).toMatch(/^Safe until \d{4}-\d\d-\d\d, but something needs you\n/);
    expect(out).toContain('What happens next?\n  w1 is next: mode manual: nobody has approved it yet');
    expect(out).toContain('  ! 1 rotation waits for an approval: w1\n');
    expect(out).toMatch(/^w1 +worker +waits /m);
    expect(code).toBe(10);
    const json: { schema: number; summary: { state: string; headline: { key: string; text: string } } } =
      JSON.parse((await run(['status', '--json'], 'viewer')).out);
    expect(json).toMatchObject({
      schema: 1,
      summary: { state: 'attention', headline: { key: 'state.attention' } },
    });
    expect(out.startsWith(json.summary.headline.text)).toBe(true);
  });

  it('speaks Chinese where the environment or the person asks for it', async () => {
    const asked = await run(['status', '--lang', 'zh'], 'viewer');
    expect(asked.out).toMatch(/^安全，至 /);
    expect((await run(['status'], 'viewer', { LC_ALL: 'zh_CN.UTF-8' })).out).toBe(asked.out);
  });

  it('plan has the order, and for what waits the gate in words, with nothing that steers a terminal', async () => {
    const { code, out } = await run(['plan'], 'viewer');
    expect(code).toBe(0);
    expect(out).toContain('1. w1 (worker): waits');
    expect(out).toContain('Restarts: kubelet');
    expect(out).toContain('Held by: mode manual: nobody has approved it yet');
    expect(out).toContain('To approve it: kubectl certrot approve w1');
    // oxlint-disable-next-line no-control-regex -- that is what must not be there
    expect(out).not.toMatch(/[\u001B\u202E]/);
    const json: { plan: readonly { node: string }[] } = JSON.parse(
      (await run(['plan', '--json'], 'viewer')).out,
    );
    expect(json.plan.map(({ node }) => node)).toEqual(['w1']);
  });

  it('explain shows every certificate of a node', async () => {
    const { code, out } = await run(['explain', 'cp1'], 'viewer');
    expect(code).toBe(0);
    for (const text of ['apiserver.crt (API server, serving)', 'etcd/peer.crt', 'Used by', 'kube-apiserver'])
      expect(out).toContain(text);
    const gone = await run(['explain', 'w9'], 'viewer');
    expect(gone).toMatchObject({ code: 2, out: '' });
    expect(gone.err).toBe('kubectl-certrot: there is no node w9: kubectl get nodes lists them\n');
  });

  it('rotate makes what the dashboard makes; not without a yes, and with --dry-run nothing', async () => {
    const list = async () => (await client.list(resources.certificateRotations)).items.length;
    const before = await list();
    expect(await run(['rotate', 'w1'], 'operator')).toMatchObject({ code: 2 });
    const dry = await run(['rotate', 'w1', '--dry-run'], 'operator');
    expect(dry.code).toBe(0);
    expect(dry.out).toContain('Nothing was changed');
    expect(await list()).toBe(before);
    const done = await run(['rotate', 'w1', '--yes'], 'operator');
    expect(done.err).toBe('');
    expect(done.out).toContain('It will wait: mode manual');
    const name = /CertificateRotation (by-hand-\w+)/.exec(done.out)?.[1] ?? '';
    expect((await client.get(resources.certificateRotations, { name }))?.spec).toMatchObject({
      nodeName: 'w1',
      reason: 'Manual',
      certificates: expect.arrayContaining(['kubelet.crt', 'kubelet-client-current.pem']),
    });
    expect(await run(['rotate', 'w9', '--yes'], 'operator')).toMatchObject({ code: 2 });
  });

  it('pause and resume of a node write its annotation', async () => {
    expect(await run(['pause', 'w1', '--dry-run'], 'operator')).toMatchObject({ code: 0 });
    expect(await annotationsOf('w1')).not.toHaveProperty(['certrotator.cpaas.io/paused']);
    expect(await run(['pause', 'w1'], 'operator')).toMatchObject({
      code: 0,
      out: 'w1 is paused.\n',
      err: '',
    });
    expect(await annotationsOf('w1')).toHaveProperty(['certrotator.cpaas.io/paused'], 'true');
    expect((await run(['status'], 'viewer')).out).toContain('1 node is paused: w1');
    expect(await run(['resume', 'w1'], 'operator')).toMatchObject({ code: 0, out: 'w1 goes on.\n' });
    expect(await annotationsOf('w1')).not.toHaveProperty(['certrotator.cpaas.io/paused']);
  });

  it('pause without a node pauses everything, and resume gives the configuration back as it was', async () => {
    expect(await run(['pause'], 'operator')).toMatchObject({ code: 0, err: '' });
    expect(await readConfiguration()).toBe(`${configuration}paused: true\n`);
    expect(await run(['pause'], 'operator')).toMatchObject({ code: 3 });
    expect((await run(['status'], 'viewer')).out).toContain('Everything is paused');
    expect(await run(['resume'], 'operator')).toMatchObject({ code: 0, err: '' });
    expect(await readConfiguration()).toBe(`${configuration}paused: false\n`);
  });

  it('approve writes the annotation on the rotation that waits, and says where none does', async () => {
    const done = await run(['approve', 'w1'], 'operator');
    expect(done).toMatchObject({ code: 0, out: 'waits is approved.\n', err: '' });
    const approved = await client.get(resources.certificateRotations, { name: 'waits' });
    expect(approved?.metadata.annotations).toMatchObject({ 'certrotator.cpaas.io/approved': 'true' });
    expect(await run(['approve', 'cp1'], 'operator')).toMatchObject({ code: 3 });
  });

  it.each([
    [['rotate', 'w1', '--yes'], 'cannot create resource "certificaterotations"'],
    [['pause', 'w1'], 'cannot patch resource "nodes"'],
    [['pause'], 'cannot patch resource "configmaps"'],
  ])('without the right, %j says which right is missing and which role has it', async (words, right) => {
    const { code, err } = await run(words, 'viewer');
    expect(code).toBe(1);
    expect(err.split('\n')).toHaveLength(2);
    expect(err).toContain(right);
    expect(err).toContain('role cluster-cert-rotator-operator of the chart');
  });

  it('with no rights at all says in one line what is missing', async () => {
    const { code, err, out } = await run(['status'], 'stranger');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(
      /^kubectl-certrot: you may not: .* cannot list resource .*cluster-cert-rotator-viewer.*\n$/,
    );
  });

  /** Who makes one; its files by name, and what was said of it. */
  async function bundleOf(who: string): Promise<Ran & { names: string[]; texts: string[] }> {
    const file = `${who}.tar.gz`;
    const ran = await run(['support-bundle', '-o', file], who);
    const into = mkdtempSync(join(directory, 'bundle-'));
    execFileSync('tar', ['-xzf', join(directory, file), '-C', into]);
    const files = readdirSync(into, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    const texts = files.map(({ name, parentPath }) => readFileSync(join(parentPath, name), 'utf8'));
    return { ...ran, names: files.map(({ name }) => name), texts };
  }

  it.each(['admin', 'viewer'])('support-bundle of %s holds all but secrets', async (who) => {
    const { code, err, out, names, texts } = await bundleOf(who);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`${who}.tar.gz: `);
    expect(statSync(join(directory, `${who}.tar.gz`)).mode & 0o777).toBe(0o600);
    const wanted = [
      'ABOUT.txt',
      'status.txt',
      'plan.txt',
      'nodes.json',
      'inventories.json',
      'configuration.json',
    ];
    expect(names).toEqual(expect.arrayContaining(wanted));
    const all = texts.join('');
    expect(all).toContain('something was told of a Pod');
    for (const secret of ['PRIVATE KEY', planted, tokens[who] ?? planted]) expect(all).not.toContain(secret);
    const again = await run(['support-bundle', '-o', `${who}.tar.gz`], who);
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('exists already') });
  });

  it('support-bundle of somebody without rights says what is not in it', async () => {
    const { code, out, names } = await bundleOf('stranger');
    expect(code).toBe(0);
    expect(names).toContain('ABOUT.txt');
    expect(out).toContain('Left out, since it could not be read: nodes.json');
  });

  it('completes names of nodes as kubectl asks for them', async () => {
    expect((await run(['__complete', 'explain', ''])).out).toBe('cp1\nw1\n:4\n');
    expect((await run(['__complete', 'sta'])).out).toMatch(/^status\t.*\n:4\n$/);
  });

  it('says so when the API server does not answer', async () => {
    const { code, err } = await run(['status', '--kubeconfig', writeDeadConfig(directory)]);
    expect(code).toBe(1);
    expect(err).toMatch(/^kubectl-certrot: the API server does not answer: .*refused.*\n$/);
  });
});

/** Those that the chart makes for people. */
function chartRoles(): readonly ChartObject[] {
  const objects: readonly ChartObject[] = JSON.parse(
    readFileSync(join(root, 'src/sim/cluster/chart.json'), 'utf8'),
  );
  return objects.filter(
    ({ kind, metadata }) =>
      (kind === 'ClusterRole' || kind === 'Role') && /-(?:viewer|operator)$/.test(metadata.name),
  );
}

/** Wherever one could get into a bundle without being asked for. */
async function plantSecrets(client: KubeClient): Promise<void> {
  for (const where of [namespace, privateNamespace]) {
    await client.create(resources.secrets, {
      metadata: { name: 'planted', namespace: where },
      stringData: { key: planted, pem },
    });
    await client.create(resources.configMaps, {
      metadata: { name: 'of-others', namespace: where },
      data: { key: planted, pem },
    });
  }
  await client.patch(resources.nodes, { name: 'cp1' }, { metadata: { annotations: { note: planted } } });
  await client.create(resources.events, {
    metadata: { name: 'e1', namespace: privateNamespace },
    involvedObject: { kind: 'Pod', name: 'p', namespace: privateNamespace },
    type: 'Warning',
    reason: 'Told',
    message: `something was told of a Pod: password=${planted} ${pem}`,
  });
  await client.create(resources.pods, {
    metadata: { name: 'p', namespace: privateNamespace },
    spec: { containers: [{ name: 'c', image: 'x', env: [{ name: 'X', value: planted }] }] },
  });
}

function writeDeadConfig(directory: string): string {
  const file = join(directory, 'dead.conf');
  const cluster = { name: 'x', cluster: { server: 'https://127.0.0.1:1' } };
  const context = { name: 'x', context: { cluster: 'x', user: 'x' } };
  const config = { apiVersion: 'v1', kind: 'Config', clusters: [cluster], contexts: [context] };
  const text = JSON.stringify({
    ...config,
    'current-context': 'x',
    users: [{ name: 'x', user: { token: 'x' } }],
  });
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}
