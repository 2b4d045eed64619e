// A large cluster: a real kube-apiserver and etcd on loopback, the product's own objects as its chart makes them, N Nodes,
// and our small kubelets in a process beside.
import { spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { accessOf, Api } from '../../src/sim/node/api.ts';
import { createAll } from '../../src/sim/cluster/objects.ts';
import { seedsOf, type Seed } from '../../src/sim/cluster/seeds.ts';
import { freeSubnet } from '../../src/sim/demo/subnet.ts';
import { startBareApi, type BareApi } from '../../test/kube/bare-api.ts';
import type { Order, Seen } from './kubelets.ts';
import { nodeNames, nodeObject } from './nodes.ts';
import { end } from './processes.ts';
import { layTemplate } from './template.ts';

export const controllerUser = 'system:serviceaccount:cluster-cert-rotator:cluster-cert-rotator';

export interface ScaleCluster {
  readonly directory: string;
  /** Of an administrator. */
  readonly kubeconfig: string;
  /** With the ServiceAccount's token, as the controller has it. */
  readonly controllerKubeconfig: string;
  readonly configuration: string;
  /** MiB, as the chart limits the two programs. */
  readonly memoryLimits: { readonly controller: number; readonly web: number };
  readonly auditLog: string;
  readonly api: Api;
  readonly seen: () => Seen;
  readonly stop: () => Promise<void>;
}

const root = resolve(import.meta.dirname, '../..');

export async function startScaleCluster(nodes: number): Promise<ScaleCluster> {
  const directory = fs.mkdtempSync(join(tmpdir(), 'scale-'));
  const auditLog = join(directory, 'audit.log');
  let [bare, kubelets]: [BareApi | undefined, ChildProcess | undefined] = [undefined, undefined];
  const stop = async (): Promise<void> => {
    await end(kubelets, 'SIGKILL');
    await bare?.stop();
    fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    bare = await startBareApi({ flags: auditFlags(directory, auditLog) });
    const api = new Api(accessOf(bare.kubeconfig));
    const template = layTemplate(directory, await freeSubnet(), new Date());
    const chart = readChart();
    await createAll(api, [...seedsOf(template.plan, template.secrets).filter(isNew), ...chart.objects]);
    const addresses = new Map(template.plan.nodes.map(({ name, address }) => [name, address]));
    await createNodes(api, nodes, addresses);
    const controllerKubeconfig = await writeControllerAccess(directory, bare.kubeconfig, api);
    const order: Order = {
      kubeconfig: bare.kubeconfig,
      nodes,
      endpoint: template.plan.endpoint,
      controlPlanes: template.plan.nodes.map(({ name, address }) => ({
        name,
        address,
        root: template.rootOf(name),
      })),
    };
    let seen: Seen = { mostScansAtOnce: 0, pods: 0 };
    const configuration = join(directory, 'config.yaml');
    fs.writeFileSync(configuration, chart.configuration);
    kubelets = await launchKubelets(order, (said) => (seen = said));
    const { kubeconfig } = bare;
    const { memoryLimits } = chart;
    const made = { directory, kubeconfig, controllerKubeconfig, configuration, memoryLimits, auditLog, api };
    return { ...made, seen: () => seen, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Of the controller's writes alone; of nothing else and nobody else. */
function auditFlags(directory: string, auditLog: string): readonly string[] {
  const policy = join(directory, 'audit-policy.json');
  const writes = { users: [controllerUser], verbs: ['create', 'update', 'patch', 'delete'] };
  fs.writeFileSync(
    policy,
    JSON.stringify({
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      omitStages: ['RequestReceived'],
      rules: [{ level: 'Metadata', ...writes }, { level: 'None' }],
    }),
  );
  return [`--audit-policy-file=${policy}`, `--audit-log-path=${auditLog}`];
}

/** The API server itself makes it, of its own flags; kubeadm's has more. */
const isNew = ({ kind }: Seed): boolean => kind !== 'ClusterRoleBinding';

type Rendered = Seed & {
  readonly metadata: { readonly name: string };
  readonly data?: Record<string, string>;
  readonly spec?: {
    readonly template: {
      readonly spec: {
        /** The limit in Mi. */
        readonly containers: readonly {
          readonly resources: { readonly limits: { readonly memory: string } };
        }[];
      };
    };
  };
};

/** What the chart renders by its default values, without Pods of its own: the programs run beside. */
function readChart() {
  const rendered: Rendered[] = JSON.parse(fs.readFileSync(join(root, 'src/sim/cluster/chart.json'), 'utf8'));
  const configuration = rendered.find(({ data }) => data?.['config.yaml'] !== undefined)?.data?.[
    'config.yaml'
  ];
  const limitOf = (program: string): number => {
    const deployment = rendered.find(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.name.endsWith(`-${program}`),
    );
    const limit = Number.parseInt(
      deployment?.spec?.template.spec.containers[0]?.resources.limits.memory ?? '',
      10,
    );
    if (!Number.isFinite(limit)) throw new Error(`the rendered chart has no limit of memory for ${program}`);
    return limit;
  };
  if (configuration === undefined) throw new Error('the rendered chart has no configuration');
  return {
    objects: rendered.filter(({ kind }) => kind !== 'Deployment'),
    configuration,
    memoryLimits: { controller: limitOf('controller'), web: limitOf('web') },
  };
}

async function createNodes(api: Api, count: number, addresses: ReadonlyMap<string, string>): Promise<void> {
  const names = [...nodeNames(count)];
  const work = async (): Promise<void> => {
    for (let name = names.pop(); name !== undefined; name = names.pop())
      await api.call(
        'POST',
        '/api/v1/nodes',
        nodeObject(name, addresses.get(name) ?? '192.0.2.1', new Date()),
      );
  };
  await Promise.all(Array.from({ length: 8 }, work));
}

/** The controller may do what the chart lets it do. */
async function writeControllerAccess(directory: string, admin: string, api: Api): Promise<string> {
  const path = '/api/v1/namespaces/cluster-cert-rotator/serviceaccounts/cluster-cert-rotator/token';
  const spec = { expirationSeconds: 86_400 };
  const { status } = await api.call<{ status: { token: string } }>('POST', path, { spec });
  const config: { users: object[] } = JSON.parse(fs.readFileSync(admin, 'utf8'));
  const file = join(directory, 'controller.conf');
  const users = [{ name: 'admin', user: { token: status.token } }];
  fs.writeFileSync(file, JSON.stringify({ ...config, users }), { mode: 0o600 });
  return file;
}

/** Returns when they are there. */
async function launchKubelets(order: Order, note: (said: Seen) => void): Promise<ChildProcess> {
  const program = join(import.meta.dirname, 'kubelets.ts');
  const child = spawn(process.execPath, [program, JSON.stringify(order)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the kubelets have ended with ${code}`)));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      note(JSON.parse(text.trim().split('\n').at(-1) ?? ''));
      resolve();
    });
  });
  return child;
}
