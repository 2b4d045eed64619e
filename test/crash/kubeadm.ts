// kubeadm as maker and as judge: a control plane's whole PKI by `kubeadm init phase`, every leaf of it renewed by the
// executable, and what `kubeadm certs check-expiration` makes of it before and after.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtPrograms, kubernetesPrograms } from '../kubernetes.ts';
import type { NodeRoot } from './node-root.ts';
import type { Results } from './results.ts';

const kubernetes = '/etc/kubernetes';
const pki = `${kubernetes}/pki`;
export const configPath = `${kubernetes}/kubeadm.yaml`;

/** By CA: kubeadm's names of what it signs, and the files. */
export const authorities = [
  {
    name: 'ca',
    file: `${pki}/ca`,
    leaves: {
      apiserver: `${pki}/apiserver.crt`,
      'apiserver-kubelet-client': `${pki}/apiserver-kubelet-client.crt`,
      'admin.conf': `${kubernetes}/admin.conf`,
      'super-admin.conf': `${kubernetes}/super-admin.conf`,
      'controller-manager.conf': `${kubernetes}/controller-manager.conf`,
      'scheduler.conf': `${kubernetes}/scheduler.conf`,
    },
  },
  {
    name: 'etcd-ca',
    file: `${pki}/etcd/ca`,
    leaves: {
      'etcd-server': `${pki}/etcd/server.crt`,
      'etcd-peer': `${pki}/etcd/peer.crt`,
      'etcd-healthcheck-client': `${pki}/etcd/healthcheck-client.crt`,
      'apiserver-etcd-client': `${pki}/apiserver-etcd-client.crt`,
    },
  },
  {
    name: 'front-proxy-ca',
    file: `${pki}/front-proxy-ca`,
    leaves: { 'front-proxy-client': `${pki}/front-proxy-client.crt` },
  },
] as const;

interface Expiration {
  readonly name: string;
  readonly expirationDate: string | null;
  readonly residualTime: number;
  readonly externallyManaged: boolean;
  readonly missing: boolean;
  readonly caName?: string;
}

/** kubeadm of the bed's parts; undefined where they are not built. */
function kubeadmBinary(): string | undefined {
  const directory = builtPrograms('kubeadm');
  return directory === undefined ? undefined : join(directory, 'kubeadm');
}

export function judgedByKubeadm(node: NodeRoot, results: Results): void {
  const kubeadm = kubeadmBinary();
  if (kubeadm === undefined && process.env['CI'] !== 'true') {
    process.stdout.write(
      `left out: kubeadm as a judge; there is none in ${kubernetesPrograms()} (test/bed/build.sh)\n`,
    );
    return;
  }
  results.check('cert-renew check misses what kubeadm misses', () => {
    if (kubeadm === undefined) return [`no kubeadm in ${kubernetesPrograms()}: test/bed/build.sh builds it`];
    node.reset();
    makeCluster(node, kubeadm, 'ECDSA-P256');
    for (const each of [`${pki}/apiserver.crt`, `${kubernetes}/scheduler.conf`, `${pki}/etcd/peer.crt`])
      rmSync(node.path(each));
    return disagreements(node, kubeadm);
  });
  for (const algorithm of ['RSA-2048', 'ECDSA-P256'])
    for (const options of [[], ['--new-key']])
      results.check(`kubeadm certs check-expiration: ${algorithm} ${options.join('')}`, () => {
        if (kubeadm === undefined)
          return [`no kubeadm in ${kubernetesPrograms()}: test/bed/build.sh builds it`];
        return renewAndJudge(node, kubeadm, algorithm, options);
      });
}

function renewAndJudge(
  node: NodeRoot,
  kubeadm: string,
  algorithm: string,
  options: readonly string[],
): string[] {
  node.reset();
  makeCluster(node, kubeadm, algorithm);
  const before = checkExpiration(node, kubeadm).certificates;
  const problems = disagreements(node, kubeadm);
  for (const { file, leaves } of authorities) {
    const ca = ['--ca-cert', `${file}.crt`, '--ca-key', `${file}.key`];
    const run = node.run(['--days', '77', ...ca, ...options, ...Object.values(leaves)]);
    if (run.status !== 0) problems.push(`cert-renew ended with ${run.status}: ${run.stderr}`);
  }
  problems.push(...disagreements(node, kubeadm));
  const after = checkExpiration(node, kubeadm).certificates;
  const names = authorities.flatMap(({ leaves }) => Object.keys(leaves)).toSorted();
  if (
    after
      .map(({ name }) => name)
      .toSorted()
      .join() !== names.join()
  )
    problems.push(`kubeadm speaks of ${after.map(({ name }) => name).join()}`);
  return [
    ...problems,
    ...after.flatMap((now) =>
      wrong(
        now,
        before.find(({ name }) => name === now.name),
      ),
    ),
  ];
}

/** Renewed for 77 days, under the same CA, by kubeadm's own reckoning. */
function wrong(now: Expiration, before: Expiration | undefined): string[] {
  const days = now.residualTime / 86_400;
  const said = JSON.stringify(now);
  return [
    ...(now.missing || now.externallyManaged || before?.missing !== false ? [`missing: ${said}`] : []),
    ...(days > 76.9 && days <= 77 ? [] : [`not 77 days: ${said}`]),
    ...(now.expirationDate === before?.expirationDate ? [`not renewed: ${said}`] : []),
    ...(now.caName === before?.caName ? [] : [`another CA than ${before?.caName}: ${said}`]),
  ];
}

export function makeCluster(node: NodeRoot, kubeadm: string, algorithm: string): void {
  rmSync(node.path(kubernetes), { recursive: true });
  mkdirSync(node.path(kubernetes), { recursive: true, mode: 0o755 });
  const config = `apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.0.0.1}
nodeRegistration: {name: n1}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: ${/v\d+\.\d+\.\d+/.exec(kubeadm)?.[0]}
encryptionAlgorithm: ${algorithm}
`;
  writeFileSync(node.path(configPath), config);
  for (const phase of ['certs all', 'kubeconfig all', 'control-plane all', 'etcd local'])
    run(node, kubeadm, ['init', 'phase', ...phase.split(' ')]);
}

interface Expirations {
  readonly certificates: readonly Expiration[];
  readonly certificateAuthorities: readonly Expiration[];
}

function checkExpiration(node: NodeRoot, kubeadm: string): Expirations {
  const answer: Expirations = JSON.parse(
    run(node, kubeadm, ['certs', 'check-expiration', '--output', 'json']),
  );
  return answer;
}

interface Checked {
  readonly certificates: readonly {
    readonly path: string;
    readonly notAfter: string;
    readonly state: string;
  }[];
}

/** Where `cert-renew check` says otherwise than kubeadm: which are there, and until when. */
function disagreements(node: NodeRoot, kubeadm: string): string[] {
  const { stdout, stderr } = node.run(['check', '--json']);
  if (stdout === '') return [`cert-renew check: ${stderr}`];
  const ours: Checked = JSON.parse(stdout);
  const theirs = checkExpiration(node, kubeadm);
  const paths = new Map<string, string>(
    authorities.flatMap(({ name, file, leaves }) => [
      [name, `${file}.crt`] as const,
      ...Object.entries(leaves),
    ]),
  );
  return [...theirs.certificates, ...theirs.certificateAuthorities].flatMap((each) => {
    const row = ours.certificates.find(({ path }) => path === paths.get(each.name));
    const said = row === undefined || row.state === 'NotPresent' ? 'missing' : row.notAfter;
    const right = each.missing ? 'missing' : each.expirationDate;
    return said === right ? [] : [`${each.name}: kubeadm says ${right}, cert-renew check ${said}`];
  });
}

/** kubeadm sees the node's root as its own; the configuration's file keeps it from asking an API server. */
function run(node: NodeRoot, kubeadm: string, words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(
    kubeadm,
    [`--rootfs=${node.directory}`, ...words, `--config=${configPath}`],
    { encoding: 'utf8', timeout: 120_000 },
  );
  if (status !== 0) throw new Error(`kubeadm ${words.join(' ')}: ${stderr}`);
  return stdout;
}
