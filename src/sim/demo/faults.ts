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
import { controlPlanesOf, type PlannedNode } from '../cluster/plan.ts';
import { ApiError } from '../node/api.ts';
import { systemdSocket } from '../node/protocol.ts';
import { systemctl } from '../node/systemctl-client.ts';
import { killContainer } from './kill-container.ts';
import { nextLeader } from './leader.ts';

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
const wrapper = '/opt/faults/start';
const dropIn = 'usr/lib/systemd/system/kubelet.service.d/20-fault.conf';

/** Before a node is started. */
export function prepareFaults(root: string, node: PlannedNode): void {
  if (node.name === lastingNode) wrapApiserver(root);
  if (node.name === brokenNode) wrapKubelet(root);
}

function layWrapper(root: string, lines: readonly string[]): void {
  fs.mkdirSync(join(root, 'opt/faults'), { recursive: true });
  fs.writeFileSync(join(root, wrapper), ['#!/bin/bash', ...lines, ''].join('\n'), { mode: 0o755 });
}

interface Manifest {
  readonly spec: {
    readonly containers: { command: string[]; volumeMounts: object[] }[];
    readonly volumes: object[];
  };
}

/** It starts only as long as its certificate is what it was. */
function wrapApiserver(root: string): void {
  const file = '/etc/kubernetes/pki/apiserver.crt';
  layWrapper(root, [
    `[[ "$(<${file})" == "$(</opt/faults/old)" ]] || { echo "${file} is not what it was" >&2; exit 1; }`,
    'exec -a kube-apiserver /usr/bin/node /opt/sim/kube-apiserver.mjs "$@"',
  ]);
  fs.copyFileSync(join(root, file), join(root, 'opt/faults/old'));
  const path = join(root, 'etc/kubernetes/manifests/kube-apiserver.yaml');
  const manifest: Manifest = parse(fs.readFileSync(path, 'utf8'));
  const [container] = manifest.spec.containers;
  if (container === undefined) throw new Error(`${path} has no container`);
  container.command = [wrapper, ...container.command.slice(1)];
  container.volumeMounts.push({ mountPath: '/opt/faults', name: 'faults', readOnly: true });
  manifest.spec.volumes.push({ hostPath: { path: '/opt/faults', type: 'Directory' }, name: 'faults' });
  fs.writeFileSync(path, stringify(manifest), { mode: 0o600 });
}

/** It serves a copy of its old certificate, whatever its configuration names. */
function wrapKubelet(root: string): void {
  const flags = '--tls-cert-file=/opt/faults/old.crt --tls-private-key-file=/opt/faults/old.key';
  layWrapper(root, [`exec -a /usr/bin/kubelet /usr/bin/node /opt/sim/kubelet.mjs "$@" ${flags}`]);
  for (const end of ['crt', 'key'])
    fs.copyFileSync(join(root, `var/lib/kubelet/pki/kubelet.${end}`), join(root, `opt/faults/old.${end}`));
  const own = '$KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS';
  fs.writeFileSync(join(root, dropIn), `[Service]\nExecStart=\nExecStart=${wrapper} ${own}\n`);
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
  const { cluster, say, signal } = context;
  const uid = await nodeUid(cluster, lastingNode, signal);
  say(
    `fault: the API server of ${lastingNode} will not start with another certificate; a person asks to renew it`,
  );
  await cluster.admin.call('POST', '/apis/certrotator.cpaas.io/v1alpha1/certificaterotations', {
    apiVersion: 'certrotator.cpaas.io/v1alpha1',
    kind: 'CertificateRotation',
    metadata: { name: `${lastingNode}-by-hand` },
    spec: { nodeName: lastingNode, nodeUID: uid, certificates: ['apiserver.crt'], reason: 'Manual' },
  });
  await ended(context, lastingNode);
};

/** As soon as the node has registered itself. */
async function nodeUid(cluster: Cluster, name: string, signal: AbortSignal): Promise<string> {
  for (;;) {
    try {
      const path = `/api/v1/nodes/${name}`;
      return (await cluster.admin.call<{ metadata: { uid: string } }>('GET', path)).metadata.uid;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      await wait(300, undefined, { signal });
    }
  }
}

const kubeletIsBroken: Fault = async (context) => {
  const { cluster, say } = context;
  say(`fault: the kubelet of ${brokenNode} goes on serving its old certificate, whatever is done`);
  await ended(context, brokenNode);
  const root = rootOf(cluster, brokenNode);
  fs.rmSync(join(root, dropIn));
  await systemctl(['restart', 'kubelet'], join(root, systemdSocket));
  say(`${brokenNode} is mended by a person: its kubelet serves what its configuration names`);
};

const etcdMs = 25_000;

const etcdLosesMember: Fault = async (context) => {
  const { cluster, say, signal } = context;
  await untilIdle(context);
  const kubernetes = join(rootOf(cluster, lastingNode), 'etc/kubernetes');
  const [there, away] = [join(kubernetes, 'manifests/etcd.yaml'), join(kubernetes, 'etcd.yaml.away')];
  say(
    `fault: etcd of ${lastingNode} is gone; one more, and there is no quorum: the gate is shut for the others`,
  );
  fs.renameSync(there, away);
  try {
    await wait(etcdMs, undefined, { signal });
  } finally {
    fs.renameSync(away, there);
    say(`etcd of ${lastingNode} comes back`);
  }
};

/** No control plane is being rotated. */
async function untilIdle({ cluster, rotations, signal }: FaultContext): Promise<void> {
  const names = new Set(controlPlanesOf(cluster.plan).map(({ name }) => name));
  const busy = ({ spec, status }: CertificateRotation): boolean =>
    names.has(spec.nodeName) && ['Admitted', 'Running', 'Verifying'].includes(status?.phase ?? '');
  while (rotations().some(busy)) await wait(300, undefined, { signal });
}

function rootOf(cluster: Cluster, name: string): string {
  const node = cluster.plan.nodes.find((each) => each.name === name);
  if (node === undefined) throw new Error(`there is no node ${name}`);
  return cluster.rootOf(node);
}

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
  const leader = await nextLeader(cluster, signal);
  say(`fault: the leader ${leader} is killed`);
  await killContainer(cluster, leader);
  say(`${await nextLeader(cluster, signal, leader)} leads`);
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
