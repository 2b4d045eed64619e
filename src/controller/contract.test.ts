// The controller's program against a real kube-apiserver and the embedded one: the test plays the kubelets, and nothing else is played.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ConfigMap, Event, Node, Pod } from 'kubernetes-types/core/v1.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubernetesPrograms } from '../../test/kubernetes.ts';
import type { BareApi } from '../../test/kube/bare-api.ts';
import { freePort } from '../../test/free-port.ts';
import { installCrd } from '../../test/kube/crd.ts';
import { apiServers } from '../../test/kube/embedded-api.ts';
import { encodeMessage } from '../agent/message.ts';
import type { InventoryRow, ScanResult } from '../agent/protocol.ts';
import { createClient, type KubeClient } from '../kube/client.ts';
import { Connection, loadKubeConfig } from '../kube/connection.ts';
import { resources } from '../kube/resources.ts';
import { privateNamespace, type CertificateRotation } from '../kube/types.ts';
import { inventoryKey } from './inventory-store.ts';
import { labels } from './labels.ts';
import { leaseRef } from './loop.ts';
import { metricsServing, servingOf } from './serving-keeper.ts';

const program = fileURLToPath(new URL('../controller.ts', import.meta.url));
const day = 86_400_000;
const publicNamespace = 'cpaas-system';

interface Controller {
  readonly child: ChildProcess;
  readonly port: number;
  readonly metricsPort: number;
  readonly log: () => string;
}

async function until<T>(ask: () => Promise<T | undefined>, what: string, limit = 60_000): Promise<T> {
  const deadline = Date.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${limit} ms: ${what}`);
    await wait(100);
  }
}

function row(id: string, notAfter: number): InventoryRow {
  return {
    id,
    path: `/etc/kubernetes/pki/${id}`,
    kind: 'pair',
    ca: 'kubernetes',
    subject: 'CN=kube-apiserver',
    issuer: 'CN=kubernetes',
    serial: '1a2b',
    notBefore: new Date(Date.now() - 345 * day).toISOString().replace(/\.\d+/, ''),
    notAfter: new Date(notAfter).toISOString().replace(/\.\d+/, ''),
    sans: [],
    keyAlgorithm: 'RSA-2048',
    sha256: 'a'.repeat(64),
    state: 'Ok',
    reason: '',
  };
}

describe.each(apiServers)('the controller on $title', { timeout: 120_000 }, (server) => {
  let api: BareApi;
  let client: KubeClient;
  let connection: Connection;
  let directory: string;
  const running: Controller[] = [];

  const start = async (name: string, ...more: string[]): Promise<Controller> => {
    const [port, metricsPort] = [await freePort(), await freePort()];
    const flags = ['--kubeconfig', api.kubeconfig, '--config', join(directory, 'config.yaml')];
    const listens = ['--listen', `127.0.0.1:${port}`, '--metrics-listen', `127.0.0.1:${metricsPort}`];
    const child = spawn(process.execPath, [program, ...flags, ...listens, ...more], {
      env: { ...process.env, POD_NAME: name },
    });
    let log = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (log += text));
    }
    const controller = { child, port, metricsPort, log: () => log };
    running.push(controller);
    return controller;
  };
  const stop = async ({ child }: Controller, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> => {
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const ended = new Promise<number | null>((resolve) => {
      child.once('exit', resolve);
    });
    child.kill(signal);
    return ended;
  };
  const kubectl = async (...args: readonly string[]): Promise<string> => {
    const program = join(kubernetesPrograms(), 'kubectl');
    const { stdout } = await promisify(execFile)(program, ['--kubeconfig', api.kubeconfig, ...args]);
    return stdout.trim();
  };
  const scanPods = async (): Promise<readonly Pod[]> => {
    const list = await client.list(resources.pods, {
      namespace: privateNamespace,
      labelSelector: `${labels.kind}=scan`,
    });
    return list.items;
  };
  const inventory = async (): Promise<ConfigMap | undefined> =>
    client.get(resources.configMaps, { name: 'node-local-certs-n1', namespace: publicNamespace });
  const rotations = async (): Promise<readonly CertificateRotation[]> =>
    (await client.list(resources.certificateRotations)).items;
  const leader = async (): Promise<string | undefined> =>
    (await client.get(resources.leases, leaseRef))?.spec?.holderIdentity || undefined;

  /** Says a result for a Pod, as the kubelet would. */
  const finish = async (pod: Pod, certificates: readonly InventoryRow[]): Promise<void> => {
    const result: ScanResult = {
      schema: 1,
      machineID: 'machine-1',
      clock: new Date().toISOString(),
      certificates,
      notes: [],
    };
    const at = new Date().toISOString().replace(/\.\d+/, '');
    await client.patchStatus(
      resources.pods,
      { name: pod.metadata?.name ?? '', namespace: privateNamespace },
      {
        phase: 'Succeeded',
        containerStatuses: (pod.spec?.containers ?? []).map(({ name, image }) => ({
          name,
          image,
          imageID: '',
          ready: false,
          restartCount: 0,
          state: {
            terminated: { exitCode: 0, message: encodeMessage(result), startedAt: at, finishedAt: at },
          },
        })),
      },
    );
  };

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'controller-'));
    writeFileSync(join(directory, 'config.yaml'), 'mode: observe\n');
    api = await server.start();
    connection = new Connection(loadKubeConfig(api.kubeconfig));
    client = createClient(connection);
    await installCrd(client);
    for (const name of [privateNamespace, publicNamespace]) {
      await client.create(resources.namespaces, { metadata: { name } });
    }
    const node: Node = {
      metadata: { name: 'n1', labels: { 'node-role.kubernetes.io/control-plane': '' } },
      status: {
        addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    };
    await client.create(resources.nodes, node);
  }, 120_000);
  afterAll(async () => {
    await Promise.all(running.map(async (one) => stop(one, 'SIGKILL')));
    await connection?.close();
    await api?.stop();
    rmSync(directory, { recursive: true, force: true });
  }, 30_000);

  it('begins nothing while no admission policy is in force, and says so', async () => {
    const controller = await start('unguarded');
    await until(async () => controller.log().includes('nothing is begun') || undefined, 'it says so');
    expect(await scanPods()).toEqual([]);
    expect(await stop(controller)).toBe(0);
    expect(await leader()).toBeUndefined();
  });

  it('scans, writes the inventory and the plan, and writes nothing more while nothing changes', async () => {
    const controller = await start('one', '--without-admission-policy');
    const pod = await until(async () => (await scanPods())[0], 'a scan Pod');
    expect(pod.spec?.nodeName).toBe('n1');
    // In 10 days: due now, and planned.
    await finish(pod, [row('apiserver.crt', Date.now() + 10 * day)]);
    const map = await until(inventory, 'the inventory');
    expect(map.metadata?.ownerReferences).toMatchObject([{ kind: 'Node', name: 'n1' }]);
    const rotation = await until(
      async () => (await rotations()).find(({ status }) => status?.reason === 'ModeObserve'),
      'the plan, and why it waits',
    );
    expect(rotation.spec).toMatchObject({ nodeName: 'n1', certificates: ['apiserver.crt'] });
    expect(rotation.status).toMatchObject({ phase: 'Pending' });
    await until(async () => ((await scanPods()).length === 0 ? true : undefined), 'the scan Pod is gone');

    const before = await settled();
    await wait(10_000);
    expect(await settled()).toEqual(before);
    const health = await fetch(`http://127.0.0.1:${controller.port}/readyz`);
    expect(health.status).toBe(200);
    const metrics = await (await fetch(`http://127.0.0.1:${controller.port}/metrics`)).text();
    expect(metrics).toMatch(/x509_cert_not_after\{nodename="n1",filename="apiserver.crt"/);
  });

  // kubectl speaks protobuf, which the embedded server does not.
  it.runIf(server.isReal)('shows its metrics by TLS to whom RBAC lets', async () => {
    const [controller] = running.filter(({ child }) => child.exitCode === null);
    if (controller === undefined) throw new Error('no controller runs');
    const serving = await until(
      async () => servingOf(client, metricsServing),
      'the certificate of the metrics',
    );
    const scrape = async (token: string): Promise<number | undefined> =>
      scrapeStatus(controller.metricsPort, serving.ca, token);
    await until(async () => scrape('not.a.token').catch(() => undefined), 'the metrics’ server');
    expect(await scrape('not.a.token')).toBe(403);
    await kubectl('create', 'serviceaccount', 'prometheus');
    await kubectl('create', 'clusterrole', 'reader', '--verb=get', '--non-resource-url=/metrics');
    const binding = ['--clusterrole=reader', '--serviceaccount=default:prometheus'];
    await kubectl('create', 'clusterrolebinding', 'reader', ...binding);
    expect(await scrape(await kubectl('create', 'token', 'prometheus'))).toBe(200);
  });

  /** Versions of everything that the controller may write for this node; captures of a CA come and go beside. */
  async function settled(): Promise<unknown> {
    const events = await client.list<Event>(resources.events, { namespace: 'default' });
    return [
      (await inventory())?.metadata?.resourceVersion,
      (await rotations()).map(({ metadata }) => [metadata.name, metadata.resourceVersion]),
      events.items.filter(({ involvedObject }) => involvedObject.kind === 'CertificateRotation').length,
      (await scanPods()).length,
    ];
  }

  it('does not believe an inventory that was edited by hand, and reads the node again', async () => {
    await client.patch(
      resources.configMaps,
      { name: 'node-local-certs-n1', namespace: publicNamespace },
      { data: { [inventoryKey]: '{"schema": 1, "node": "n1", "certificates": "none"}' } },
    );
    const pod = await until(async () => (await scanPods())[0], 'a new scan Pod');
    await finish(pod, [row('apiserver.crt', Date.now() + 10 * day)]);
    await until(
      async () => ((await inventory())?.data?.[inventoryKey]?.includes('"1a2b"') === true ? true : undefined),
      'the inventory is whole again',
    );
    expect(await inventory()).toBeDefined();
  });

  it('answers a rotation for a node that is not there on the object, and keeps running', async () => {
    await client.create(resources.certificateRotations, {
      metadata: { name: 'by-hand' },
      spec: { nodeName: 'nowhere', nodeUID: 'x', certificates: ['kubelet.crt'], reason: 'Manual' },
    });
    const found = await until(
      async () =>
        (await rotations()).find(
          ({ metadata, status }) => metadata.name === 'by-hand' && status?.reason === 'NodeGone',
        ),
      'a reason',
    );
    expect(found.status?.phase).not.toBe('Running');
  });

  it('refuses a wrong configuration and keeps the last good one', async () => {
    const [controller] = running.filter(({ child }) => child.exitCode === null);
    writeFileSync(join(directory, 'config.yaml'), 'mode: whatever\nfoo: 1\n');
    await until(
      async () => /foo: unknown field/.test(controller?.log() ?? '') || undefined,
      'the fault is named',
      60_000,
    );
    expect(controller?.child.exitCode).toBeNull();
    writeFileSync(join(directory, 'config.yaml'), 'mode: observe\n');
  });

  it('goes on after the API server was away', async () => {
    await api.killApi();
    await wait(3000);
    await api.startApi();
    const [first] = await scanPods();
    expect(first).toBeUndefined();
    await client.patch(
      resources.configMaps,
      { name: 'node-local-certs-n1', namespace: publicNamespace },
      { data: { [inventoryKey]: '' } },
    );
    await until(async () => (await scanPods())[0], 'a new scan Pod after the outage', 60_000);
  });

  it('hands over to the second replica when it is told to stop', async () => {
    const second = await start('two', '--without-admission-policy');
    await until(async () => second.log().includes('controller started') || undefined, 'a second one');
    expect(await leader()).toBe('one');
    const [first] = running.filter(({ child }) => child.exitCode === null);
    expect(first && (await stop(first))).toBe(0);
    await until(async () => ((await leader()) === 'two' ? true : undefined), 'the second leads');
    expect(await stop(second)).toBe(0);
    expect(await leader()).toBeUndefined();
  });

  it('does not start with a configuration that is wrong', async () => {
    const file = join(directory, 'wrong.yaml');
    writeFileSync(file, 'settle: soon\n');
    const controller = await start('wrong', '--config', file);
    const code = await new Promise((resolve) => {
      controller.child.once('exit', resolve);
    });
    expect(code).toBe(2);
    expect(controller.log()).toMatch(/wrong\.yaml.*settle: must be a duration/s);
    expect(readFileSync(file, 'utf8')).toBe('settle: soon\n');
  });
});

async function scrapeStatus(port: number, ca: string, token: string): Promise<number | undefined> {
  const [servername = ''] = metricsServing.names;
  const headers = { authorization: `Bearer ${token}` };
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/metrics', ca, servername, headers, agent: false };
    request(options, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}
