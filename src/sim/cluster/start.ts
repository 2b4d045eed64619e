// A whole cluster on one machine: the store of its API, its nodes, the balancer before its API servers, and the few
// controllers that it needs. Everything lies in one directory and ends with one call.
import type { ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import { startApi, type ApiServer } from '../api/server.ts';
import { Api } from '../node/api.ts';
import { accessTo } from '../node/store-access.ts';
import { makeAuthority, type Validity } from './authority.ts';
import { startBalancer, type Balancer } from './balancer.ts';
import { bootNode } from './boot.ts';
import type { ImageNames } from './images.ts';
import { layNode, type Authorities, type ClusterSecrets } from './node-files.ts';
import { createAll } from './objects.ts';
import { controlPlanesOf, type ClusterPlan, type PlannedNode } from './plan.ts';
import { seedsOf, type Seed } from './seeds.ts';
import { keepWorkloads } from './workloads.ts';

export interface StartOptions {
  readonly plan: ClusterPlan;
  /** As `findSpaces` found them. */
  readonly spaces: readonly string[];
  readonly images: ImageNames;
  /** Directory of the programs (scripts/build-demo.ts), and of cert-renew. */
  readonly programs: string;
  readonly tool: string;
  /** The product's own objects. */
  readonly objects: readonly Seed[];
  /** Each authority's own life, where it is not the plan's. */
  readonly authority?: (name: keyof Authorities) => Validity | undefined;
  /** Changes a node's directory before the node is started. */
  readonly prepare?: (root: string, node: PlannedNode) => void;
  /** Which nodes are started at once; the others come with `join`. All when absent. */
  readonly first?: (node: PlannedNode) => boolean;
}

export interface Cluster {
  readonly directory: string;
  readonly plan: ClusterPlan;
  /** Kubeconfig of an administrator, for the API servers behind their balancer. */
  readonly kubeconfig: string;
  /** PEM of the cluster's CA. */
  readonly ca: string;
  /** The store itself, as an administrator: also when no API server answers. */
  readonly admin: Api;
  readonly rootOf: (node: PlannedNode) => string;
  /** Starts the nodes that were not among the first; once. Result: how many. */
  readonly join: () => number;
  /** Ends every process, and takes the directory away. */
  readonly stop: () => Promise<void>;
}

export async function startCluster(options: StartOptions): Promise<Cluster> {
  const { plan, first = () => true } = options;
  const directory = fs.mkdtempSync(join(tmpdir(), 'cert-demo-'));
  const stop = new AbortController();
  const children: ChildProcess[] = [];
  let store: ApiServer | undefined;
  let balancer: Balancer | undefined;
  const end = async (): Promise<void> => {
    stop.abort();
    balancer?.close();
    await endNodes(children);
    await store?.close();
    fs.rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const secrets = makeSecrets(options);
    store = await startApi();
    writeAccess(join(directory, 'store'), store);
    const admin = apiAs(store, 'kubernetes-admin', ['system:masters']);
    const rootOf = ({ name }: PlannedNode): string => join(directory, name);
    const boot = (node: PlannedNode): void => {
      if (stop.signal.aborted) return;
      layNode(rootOf(node), plan, node, secrets);
      options.prepare?.(rootOf(node), node);
      children.push(bootNode({ ...options, root: rootOf(node), store: join(directory, 'store') }));
    };
    balancer = await startBalancer(
      plan.endpoint,
      controlPlanesOf(plan).map(({ address }) => ({ host: address, port: 6443 })),
    );
    // Their processes begin while the API is being filled; workers have nothing to do before it answers.
    const [rest, now] = [plan.nodes.filter((node) => !first(node)), plan.nodes.filter(first)];
    for (const node of controlPlanesOf({ nodes: now })) boot(node);
    await createAll(admin, [...seedsOf(plan, secrets), ...options.objects]);
    await makeOwnConfigMaps(admin, options.objects, secrets.kubernetes.certificate);
    void markControlPlanes(admin, plan, stop.signal);
    void keepWorkloads(workloadsOf(store, plan), stop.signal);
    const kubeconfig = join(directory, 'admin.conf');
    const [oldest] = controlPlanesOf(plan);
    if (oldest !== undefined) fs.copyFileSync(join(rootOf(oldest), 'etc/kubernetes/admin.conf'), kubeconfig);
    for (const node of now.filter(({ role }) => role === 'worker')) boot(node);
    const joinRest = (): number => {
      const joining = rest.splice(0);
      for (const node of joining) boot(node);
      return joining.length;
    };
    const { certificate: ca } = secrets.kubernetes;
    return { directory, plan, kubeconfig, ca, admin, rootOf, join: joinRest, stop: end };
  } catch (error) {
    await end();
    throw error;
  }
}

function makeSecrets({ plan, authority }: StartOptions): ClusterSecrets {
  const lives = (name: keyof Authorities): Validity => authority?.(name) ?? plan.authorities;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    kubernetes: makeAuthority('kubernetes', lives('kubernetes')),
    etcd: makeAuthority('etcd-ca', lives('etcd')),
    'front-proxy': makeAuthority('front-proxy-ca', lives('front-proxy')),
    serviceAccountKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function apiAs(store: ApiServer, user: string, groups: readonly string[]): Api {
  const { hostname, port } = new URL(store.url);
  return new Api({
    host: hostname,
    port: Number(port),
    ca: store.caPem,
    ...store.clientCertificate(user, groups),
  });
}

/** As what the API servers ask the store: they say who asks them. */
function writeAccess(directory: string, store: ApiServer): void {
  fs.mkdirSync(directory, { mode: 0o700 });
  fs.writeFileSync(join(directory, 'access.json'), JSON.stringify(accessTo(store)), { mode: 0o600 });
}

/** The controller-manager puts the CA into every namespace. */
async function makeOwnConfigMaps(admin: Api, objects: readonly Seed[], certificate: string): Promise<void> {
  const names = objects.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name);
  await createAll(
    admin,
    names.map((namespace) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'kube-root-ca.crt', namespace },
      data: { 'ca.crt': certificate },
    })),
  );
}

const roleLabel = 'node-role.kubernetes.io/control-plane';

/** kubeadm's mark of a control plane, which no node may give itself (R6). */
async function markControlPlanes(admin: Api, plan: ClusterPlan, signal: AbortSignal): Promise<void> {
  const open = new Set(controlPlanesOf(plan).map(({ name }) => name));
  await admin.follow<Node & { metadata: object }>(
    '/api/v1/nodes',
    (nodes) => {
      for (const { metadata } of nodes.values()) {
        const name = metadata?.name ?? '';
        if (!open.delete(name)) continue;
        const taints = [{ key: roleLabel, effect: 'NoSchedule' }];
        const labels = { [roleLabel]: '' };
        void admin
          .patch(`/api/v1/nodes/${name}`, { metadata: { labels }, spec: { taints } })
          .catch(() => open.add(name));
      }
    },
    signal,
  );
}

function workloadsOf(store: ApiServer, plan: ClusterPlan) {
  const user = 'system:serviceaccount:kube-system:replicaset-controller';
  return {
    api: apiAs(store, user, ['system:masters']),
    // The second replica goes where the last control plane comes: the first is not kept from its work by its start.
    nodes: spread(controlPlanesOf(plan).map(({ name }) => name)),
    bind: ({ metadata }: Pod, node: string): void => {
      const pod = store.store.get('/pods', `${metadata?.namespace}/${metadata?.name}`);
      if (pod !== undefined) store.store.put('/pods', { ...pod, spec: { ...pod.spec, nodeName: node } });
    },
  };
}

/** The first, then from the last one on. */
const spread = ([first = '', ...others]: readonly string[]): readonly string[] => [
  first,
  ...others.toReversed(),
];

const endMs = 5000;

async function endNodes(children: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    children.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => {
        child.once('exit', () => resolve());
      });
      child.stdin?.end();
      const late = setTimeout(() => child.kill('SIGKILL'), endMs);
      await ended;
      clearTimeout(late);
    }),
  );
  // The kernel takes the mounts away with the last process of a name space.
  await wait(50);
}
