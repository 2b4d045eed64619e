// A cluster whose certificates have all expired ten days ago, and that has lost its power since: nothing of it comes up.
// And the judges of its return, none of which is ours.
import { copyFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Bed } from './bed.ts';
import { factsOfBed, type CertificateFacts } from './certificates.ts';
import * as checks from './checks.ts';
import { outcome, waitFor } from './command.ts';
import { kubectlOf, type KubeObject } from './kubectl.ts';
import { repository } from './product.ts';
import { followRunbook, layTool, tellDone } from './runbook.ts';
import { clusterNoise, difference, readWorld, unexpected, type Allowance, type World } from './world.ts';

export interface Before {
  readonly world: World;
  readonly facts: readonly CertificateFacts[];
}

/** From the saved state: the tool is laid on control planes, as the product does; then everything expires and stops. */
export async function killByAge(bed: Bed, saved: string): Promise<Before> {
  await bed.restore(saved);
  layProductsTool(bed);
  const before = { world: await readWorld(bed), facts: await factsOfBed(bed) };
  await bed.reissue({ daysLeft: -10, restart: false });
  await losePower(bed);
  return before;
}

/** On control planes, in advance. */
export const layProductsTool = (bed: Bed): void =>
  layTool(bed, bed.controlPlanes, join(repository, 'dist', 'cert-renew'));

export async function losePower(bed: Bed): Promise<void> {
  await Promise.all(bed.nodes.map((node) => bed.kill(node)));
  await Promise.all(bed.nodes.map((node) => bed.boot(node)));
}

/** What is wrong with a bed that should be dead: what of it still answers, or is not down for its certificates. */
export async function signsOfLife(bed: Bed): Promise<readonly string[]> {
  const signs: string[] = [];
  for (const node of bed.nodes) {
    // Its first start may fail of something else, such as a containerd that is not up yet.
    await waitFor(
      `the kubelet of ${node} to have given up for its certificate`,
      async () => {
        const log = await bed.exec(node, 'journalctl', '-b', '-o', 'cat', '-u', 'kubelet');
        const isExpired = /part of the existing bootstrap client certificate .* is expired/.test(log);
        return isExpired && /Failed with result 'exit-code'/.test(log) ? true : undefined;
      },
      { seconds: 120 },
    );
    const running = await bed.exec(node, 'ctr', '-n', 'k8s.io', 'tasks', 'ls', '-q');
    if (running.trim() !== '') signs.push(`containers run on ${node}`);
  }
  const ports = bed.controlPlanes.flatMap((node) => [6443, 2379].map((port) => [node, port] as const));
  for (const [node, port] of ports) {
    const { code } = await outcome('curl', ['-sk', '-m', '3', `https://${bed.address(node)}:${port}/readyz`]);
    if (code === 0) signs.push(`${node} answers on ${port}`);
  }
  const { code } = await outcome(join(bed.programs, 'kubectl'), [
    `--kubeconfig=${bed.kubeconfig}`,
    '--request-timeout=15s',
    'get',
    'nodes',
  ]);
  if (code === 0) signs.push('kubectl works');
  return signs;
}

interface Lease extends KubeObject {
  readonly spec: { readonly renewTime: string };
}
interface Node extends KubeObject {
  readonly spec: { readonly taints?: readonly { readonly key: string }[] };
  readonly status: { readonly conditions: readonly { readonly type: string; readonly status: string }[] };
}

/** An administrator's kubectl works, every API server is ready, every kubelet has renewed its Lease since, every Node is Ready. */
export async function waitAlive(bed: Bed, since: Date, seconds: number): Promise<void> {
  copyFileSync(bed.file('n1', '/etc/kubernetes/admin.conf'), bed.kubeconfig);
  const kubectl = kubectlOf(bed);
  await waitFor(
    'the cluster to be alive',
    async () => {
      for (const node of bed.controlPlanes)
        await kubectl('--server', `https://${bed.address(node)}:6443`, 'get', '--raw', '/readyz');
      const leases = await kubectl.list<Lease>('leases', 'kube-node-lease');
      const renewed = leases.filter(({ spec }) => new Date(spec.renewTime) > since);
      const nodes = await kubectl.list<Node>('nodes');
      // the taints of its absence go a few seconds after it is Ready again
      const ready = nodes.filter(
        ({ spec: { taints = [] }, status }) =>
          status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True') &&
          !taints.some(({ key }) => /^node\.kubernetes\.io\/(not-ready|unreachable)$/.test(key)),
      );
      if (renewed.length === bed.nodes.length && ready.length === bed.nodes.length) return true;
      throw new Error(`${renewed.length} Leases renewed, ${ready.length} Nodes Ready`);
    },
    { seconds },
  );
}

/** Follows a runbook as it is written; what is wrong with the bed afterwards. */
export async function faultsAfter(bed: Bed, before: Before, runbook: string): Promise<readonly string[]> {
  const since = new Date();
  const done = await followRunbook(bed, runbook);
  console.log(done.map(tellDone).join('\n'));
  await waitAlive(bed, since, 90);
  return await faultsOfReturn(bed, before);
}

/** kubeadm's own kubelet.crt is signed by nobody: offline it is left as it is (R3). */
const isLeft = (before: Before) => (fact: CertificateFacts) =>
  fact.id === 'kubelet.crt' &&
  before.facts.some((one) => checks.key(one) === checks.key(fact) && !one.chains);

/** What is wrong with a bed that came back: one line a fault. */
export async function faultsOfReturn(
  bed: Bed,
  before: Before,
  allowed: readonly Allowance[] = [],
): Promise<readonly string[]> {
  const all = await factsOfBed(bed);
  const after = all.filter((fact) => !isLeft(before)(fact));
  const changes = unexpected(difference(before.world, await readWorld(bed)), [
    ...clusterNoise,
    ...returnTraces,
    ...allowed,
  ]);
  return [
    ...checks.notRenewed(before.facts, after),
    ...checks.notAsBefore(before.facts, after),
    ...(await checks.notServed(bed, all)),
    ...changes.map((change) => `${change.how} ${change.what} ${change.details.join(' ')}`),
    ...checks
      .touchedAuthorities(bed, before.world, await readWorld(bed))
      .map((name) => `${name} was touched`),
    ...leftovers(bed),
  ];
}

/** What a dead cluster that was brought back differs in from itself before. */
const returnTraces: readonly Allowance[] = [
  {
    what: /^[nw]\d:\/etc\/kubernetes\/pki\/(apiserver|apiserver-etcd-client|apiserver-kubelet-client|front-proxy-client|etcd\/server|etcd\/peer|etcd\/healthcheck-client|kubelet)\.crt$/,
    how: ['changed'],
    why: 'the certificates of the table; their keys stay',
  },
  {
    what: /^n\d:(\/etc\/kubernetes\/(admin|super-admin|controller-manager|scheduler)\.conf|\/root\/\.kube\/config)$/,
    how: ['changed'],
    why: 'the kubeconfigs of the table',
  },
  {
    what: /^[nw]\d:\/var\/lib\/kubelet\/pki\/kubelet-client-.*\.pem$/,
    why: 'a new dated pem, and the link to it',
  },
  {
    what: /^n\d:\/var\/lib\/kubelet\/pki\/kubelet\.crt$/,
    how: ['changed'],
    why: 'the bed made it expire; nobody renewed it',
  },
  {
    what: /^n\d:\/etc\/kubernetes\/manifests\/kube-(apiserver|controller-manager|scheduler)\.yaml$/,
    how: ['changed'],
    why: 'one annotation',
  },
  {
    what: /^api:pods\/kube-system\/kube-(apiserver|controller-manager|scheduler)-n\d$/,
    how: ['changed'],
    why: 'restarted by the annotation',
  },
  { what: /^[nw]\d:\/var\/lib\/cluster-cert-rotator(\/|$)/, why: 'the product’s own directory' },
  { what: /^n\d:\/root\/\.kube\/cache(\/|$)/, how: ['added'], why: 'kubectl was typed there' },
];

/** Of the tool’s own: what a rotation that has ended leaves nowhere. */
function leftovers(bed: Bed): string[] {
  const own = ['/var/lib/cluster-cert-rotator/journal', '/var/lib/cluster-cert-rotator/staging'];
  return bed.nodes.flatMap((node) =>
    own
      .filter((directory) => existsSync(bed.file(node, directory)))
      .flatMap((directory) =>
        readdirSync(bed.file(node, directory)).map((name) => `${node}:${directory}/${name} is left over`),
      ),
  );
}
