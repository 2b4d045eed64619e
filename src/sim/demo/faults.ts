// What goes wrong with DEMO_FAULTS=1, one after the other. No fault is in the product or in the parts of a node: commands
// are wrapped before the product comes (R23), files are moved away, processes are killed, as it happens to real clusters.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { describeError } from '../../errors.ts';
import type { CertificateRotation, Phase } from '../../kube/types.ts';
import { terminalPhases } from '../../kube/types.ts';
import type { Cluster } from '../cluster/start.ts';
import type { PlannedNode } from '../cluster/plan.ts';
import { killContainer } from './kill-container.ts';

export interface FaultContext {
  readonly cluster: Cluster;
  readonly say: (line: string) => void;
  readonly rotations: () => readonly CertificateRotation[];
  readonly signal: AbortSignal;
}

type Fault = (context: FaultContext) => Promise<void>;

/** Its own certificates live long: only to such a state the product rolls back (R14). */
export const lastingNode = 'n3';
const brokenNode = 'w5';
const etcdNode = 'n2';
const wrapper = '/opt/faults/only-with-old';

/** Before a node is started. */
export function prepareFaults(root: string, node: PlannedNode): void {
  if (node.name === lastingNode) wrapApiserver(root);
  if (node.name === brokenNode) wrapKubelet(root);
}

/** Starts the program that follows only as long as a file is what it was. */
function layWrapper(root: string, file: string, start: string): void {
  fs.mkdirSync(join(root, 'opt/faults'), { recursive: true });
  fs.copyFileSync(join(root, file), join(root, 'opt/faults/old'));
  const lines = [
    '#!/bin/bash',
    `[[ "$(<${file})" == "$(</opt/faults/old)" ]] || { echo "${file} is not what it was" >&2; exit 1; }`,
    start,
  ];
  fs.writeFileSync(join(root, wrapper), `${lines.join('\n')}\n`, { mode: 0o755 });
}

interface Manifest {
  readonly spec: {
    readonly containers: { command: string[]; volumeMounts: object[] }[];
    readonly volumes: object[];
  };
}

function wrapApiserver(root: string): void {
  layWrapper(
    root,
    '/etc/kubernetes/pki/apiserver.crt',
    'exec -a kube-apiserver /usr/bin/node /opt/sim/kube-apiserver.mjs "$@"',
  );
  const path = join(root, 'etc/kubernetes/manifests/kube-apiserver.yaml');
  const manifest: Manifest = parse(fs.readFileSync(path, 'utf8'));
  const [container] = manifest.spec.containers;
  if (container === undefined) throw new Error(`${path} has no container`);
  container.command = [wrapper, ...container.command.slice(1)];
  container.volumeMounts.push({ mountPath: '/opt/faults', name: 'faults', readOnly: true });
  manifest.spec.volumes.push({ hostPath: { path: '/opt/faults', type: 'Directory' }, name: 'faults' });
  fs.writeFileSync(path, stringify(manifest), { mode: 0o600 });
}

function wrapKubelet(root: string): void {
  const start = 'exec -a /usr/bin/kubelet /usr/bin/node /opt/sim/kubelet.mjs "$@"';
  layWrapper(root, '/var/lib/kubelet/pki/kubelet.crt', start);
  const unit = '[Service]\nExecStart=\n';
  const flags = '$KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS';
  const file = join(root, 'usr/lib/systemd/system/kubelet.service.d/20-fault.conf');
  fs.writeFileSync(file, `${unit}ExecStart=${wrapper} ${flags}\n`);
}

export async function playFaults(context: FaultContext): Promise<void> {
  for (const fault of [apiserverStaysAway, kubeletIsBroken, etcdLosesMember, caEnds, leaderDies]) {
    if (context.signal.aborted) return;
    try {
      await fault(context);
    } catch (error) {
      if (!context.signal.aborted) context.say(`a fault could not be played: ${describeError(error)}`);
    }
  }
}

const apiserverStaysAway: Fault = async (context) => {
  const { cluster, say } = context;
  const node = await cluster.admin.call<{ metadata: { uid: string } }>('GET', `/api/v1/nodes/${lastingNode}`);
  say(
    `fault: the API server of ${lastingNode} will not start with another certificate; a person asks to renew it`,
  );
  await cluster.admin.call('POST', '/apis/certrotator.cpaas.io/v1alpha1/certificaterotations', {
    apiVersion: 'certrotator.cpaas.io/v1alpha1',
    kind: 'CertificateRotation',
    metadata: { name: `${lastingNode}-by-hand` },
    spec: {
      nodeName: lastingNode,
      nodeUID: node.metadata.uid,
      certificates: ['apiserver.crt'],
      reason: 'Manual',
    },
  });
  await ended(context, lastingNode);
};

const kubeletIsBroken: Fault = async (context) => {
  const { cluster, say } = context;
  say(`fault: the kubelet of ${brokenNode} will not start with another certificate`);
  await ended(context, brokenNode);
  const node = cluster.plan.nodes.find(({ name }) => name === brokenNode);
  if (node === undefined) return;
  const root = cluster.rootOf(node);
  const current = join(root, 'var/lib/kubelet/pki/kubelet.crt');
  fs.copyFileSync(current, join(root, 'opt/faults/old'));
  say(`${brokenNode} mended: its kubelet starts with what lies there now`);
};

const etcdLosesMember: Fault = async ({ cluster, say, signal }) => {
  const node = cluster.plan.nodes.find(({ name }) => name === etcdNode);
  if (node === undefined) return;
  const kubernetes = join(cluster.rootOf(node), 'etc/kubernetes');
  const [there, away] = [join(kubernetes, 'manifests/etcd.yaml'), join(kubernetes, 'etcd.yaml.away')];
  say(
    `fault: etcd of ${etcdNode} is gone: one more, and there is no quorum. The gate is shut for the other control planes`,
  );
  fs.renameSync(there, away);
  try {
    await wait(25_000, undefined, { signal });
  } finally {
    fs.renameSync(away, there);
    say(`etcd of ${etcdNode} comes back`);
  }
};

interface InventoryMap {
  readonly data: { readonly 'certificates.json': string };
}

const caEnds: Fault = async ({ cluster, say }) => {
  const [node] = cluster.plan.nodes;
  const map = await cluster.admin.call<InventoryMap>(
    'GET',
    `/api/v1/namespaces/cpaas-system/configmaps/node-local-certs-${node?.name}`,
  );
  const inventory: { certificates: { id: string; notAfter: string }[] } = JSON.parse(
    map.data['certificates.json'],
  );
  const leaf = inventory.certificates.find(({ id }) => id === 'front-proxy-client.crt');
  say(
    `fault: the front-proxy CA ends soon, and no leaf outlives it: front-proxy-client.crt of ${node?.name} ends ${leaf?.notAfter}; when a renewal gains nothing more, none is tried`,
  );
};

const leaderDies: Fault = async ({ cluster, say, signal }) => {
  const path = '/apis/coordination.k8s.io/v1/namespaces/cluster-cert-rotator/leases/cluster-cert-rotator';
  const holder = async (): Promise<string> =>
    (await cluster.admin.call<{ spec: { holderIdentity?: string } }>('GET', path)).spec.holderIdentity ?? '';
  const leader = await holder();
  say(`fault: the leader ${leader} is killed`);
  await killContainer(cluster, leader);
  while (!signal.aborted) {
    await wait(1000, undefined, { signal });
    const now = await holder();
    if (now !== leader && now !== '') return say(`${now} leads`);
  }
};

/** Until a rotation of the node has come to its end. */
async function ended({ rotations, signal }: FaultContext, node: string): Promise<Phase | undefined> {
  while (!signal.aborted) {
    const phase = rotations()
      .filter(({ spec }) => spec.nodeName === node)
      .map(({ status }) => status?.phase)
      .find((each) => each !== undefined && each !== 'Superseded' && terminalPhases.has(each));
    if (phase !== undefined) return phase;
    await wait(500, undefined, { signal });
  }
  return undefined;
}
