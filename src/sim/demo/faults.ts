// What goes wrong with DEMO_FAULTS=1, one after the other. No fault is in the product or in the parts of a node: commands
// are wrapped before the product comes (R23), files are moved away, processes are killed, as it happens to real clusters.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { describeError } from '../../errors.ts';
import type { PlannedNode } from '../cluster/plan.ts';
import { systemdSocket } from '../node/protocol.ts';
import { systemctl } from '../node/systemctl-client.ts';
import { caEnds } from './ending-ca.ts';
import { askFor, ended, rootOf, until, type Fault, type FaultContext } from './fault.ts';
import { killContainer } from './kill-container.ts';
import { leaderOf } from './leader.ts';
import { etcdLosesQuorum } from './quorum.ts';

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

/** @param noteSilent is told of which nodes servers are silent from now on */
export async function playFaults(
  context: FaultContext,
  noteSilent: (nodes: readonly string[]) => void,
): Promise<void> {
  for (const { silences, play } of [
    apiserverStaysAway,
    kubeletIsBroken,
    etcdLosesQuorum,
    caEnds,
    leaderDies,
  ]) {
    if (context.signal.aborted) return;
    noteSilent(silences);
    try {
      await play(context);
    } catch (error) {
      if (!context.signal.aborted) context.say(`a fault could not be played: ${describeError(error)}`);
    } finally {
      noteSilent([]);
    }
  }
}

const apiserverStaysAway: Fault = {
  silences: [lastingNode],
  play: async (context) => {
    context.say(
      `fault: the API server of ${lastingNode} will not start with another certificate; a person asks to renew it`,
    );
    await ended(context, await askFor(context, lastingNode, ['apiserver.crt']));
  },
};

const kubeletIsBroken: Fault = {
  silences: [brokenNode],
  play: async (context) => {
    const { cluster, say } = context;
    say(`fault: the kubelet of ${brokenNode} goes on serving its old certificate, whatever is done`);
    await ended(context, ({ spec }) => spec.nodeName === brokenNode);
    const root = rootOf(cluster, brokenNode);
    fs.rmSync(join(root, dropIn));
    await systemctl(['restart', 'kubelet'], join(root, systemdSocket));
    say(`${brokenNode} is mended by a person: its kubelet serves what its configuration names`);
  },
};

/** Once would not do: its kubelet starts it again at once, and the Lease is still its own. */
const leaderDies: Fault = {
  silences: [],
  play: async (context) => {
    const { cluster, say, signal } = context;
    const leader = await leaderOf(cluster, signal);
    say(`fault: the leader ${leader} is killed, as often as it is started again`);
    const other = await until('another leader', context, async () => {
      await killContainer(cluster, leader);
      const now = await leaderOf(cluster, signal);
      return now === leader ? undefined : now;
    });
    say(`${other} leads; ${leader} stands by when it is back`);
  },
};
