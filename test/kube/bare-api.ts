// A real kube-apiserver and etcd, started bare on loopback ports, for contract tests: no kubelet, no controllers.
// Certificates are made by openssl at run time. Binaries: <BED_CACHE>/<version>/bin.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../free-port.ts';
import { builtPrograms, kubernetesPrograms } from '../kubernetes.ts';

/** Directory of the binaries, or undefined where there are none. */
const binaries = (): string | undefined => builtPrograms('kube-apiserver', 'etcd');

/** True where the tests on a real API server must be left out: no binaries. In CI nothing is left out. */
export function mustSkip(): boolean {
  if (binaries() !== undefined || process.env['CI'] === 'true') return false;
  console.warn(`left out: no kube-apiserver and etcd in ${kubernetesPrograms()} (BED_CACHE, K8S)`);
  return true;
}

export interface BareApi {
  /** Kubeconfig of a member of system:masters. */
  readonly kubeconfig: string;
  readonly directory: string;
  /** SIGKILL, as a power cut would. */
  readonly killApi: () => Promise<void>;
  readonly startApi: () => Promise<void>;
  /** Forgets old revisions, so that a watch from before is answered 410. */
  readonly compact: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface BareApiOptions {
  /** More or other flags of kube-apiserver, such as `--watch-cache=false`. */
  readonly flags?: readonly string[];
  readonly version?: string;
}

export async function startBareApi(options: BareApiOptions = {}): Promise<BareApi> {
  const bin = options.version === undefined ? binaries() : kubernetesPrograms(options.version);
  if (bin === undefined)
    throw new Error(`no kube-apiserver and etcd in ${kubernetesPrograms()}: set BED_CACHE or K8S`);
  const directory = mkdtempSync(join(tmpdir(), 'bare-api-'));
  makeCertificates(directory);
  const [etcdPort, peerPort, apiPort] = [await freePort(), await freePort(), await freePort()];
  const etcd = launch(bin, 'etcd', etcdFlags(directory, etcdPort, peerPort), directory);
  let api: ChildProcess | undefined;
  const kubeconfig = join(directory, 'admin.conf');
  writeFileSync(kubeconfig, kubeconfigText(directory, apiPort));

  const startApi = async (): Promise<void> => {
    const flags = [...apiFlags(directory, etcdPort, apiPort), ...(options.flags ?? [])];
    api = launch(bin, 'kube-apiserver', flags, directory);
    await ready(directory, apiPort, api);
  };
  const killApi = async (): Promise<void> => {
    await end(api, 'SIGKILL');
    api = undefined;
  };
  const stop = async (): Promise<void> => {
    await killApi();
    await end(etcd, 'SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await startApi();
  } catch (error) {
    await stop();
    throw error;
  }
  return { kubeconfig, directory, killApi, startApi, stop, compact: () => compactEtcd(etcdPort) };
}

function etcdFlags(directory: string, port: number, peerPort: number): string[] {
  const url = `http://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  return [
    `--data-dir=${join(directory, 'etcd')}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    '--unsafe-no-fsync',
  ];
}

function apiFlags(directory: string, etcdPort: number, port: number): string[] {
  const file = (name: string): string => join(directory, name);
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    `--secure-port=${port}`,
    `--tls-cert-file=${file('server.crt')}`,
    `--tls-private-key-file=${file('server.key')}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--service-account-key-file=${file('sa.pub')}`,
    `--service-account-signing-key-file=${file('sa.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--service-cluster-ip-range=10.96.0.0/24',
    '--authorization-mode=Node,RBAC',
    // As kubeadm does.
    '--enable-admission-plugins=NodeRestriction',
    '--endpoint-reconciler-type=none',
    // Without a controller-manager no ServiceAccount exists; Pods of the tests need none.
    '--disable-admission-plugins=ServiceAccount',
  ];
}

function makeCertificates(directory: string): void {
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  };
  const key = (name: string): void =>
    openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${name}.key`);
  key('ca');
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    'ca.key',
    '-subj',
    '/CN=kubernetes',
    '-days',
    '2',
    '-out',
    'ca.crt',
  );
  writeFileSync(join(directory, 'server.ext'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
  writeFileSync(join(directory, 'admin.ext'), 'extendedKeyUsage=clientAuth\n');
  for (const [name, subject] of [
    ['server', '/CN=kube-apiserver'],
    ['admin', '/O=system:masters/CN=kubernetes-admin'],
  ] as const) {
    key(name);
    openssl('req', '-new', '-key', `${name}.key`, '-subj', subject, '-out', `${name}.csr`);
    const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '1'];
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...signing,
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.crt`,
    );
  }
  key('sa');
  openssl('pkey', '-in', 'sa.key', '-pubout', '-out', 'sa.pub');
}

function kubeconfigText(directory: string, port: number): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'bare',
        cluster: {
          server: `https://127.0.0.1:${port}`,
          'certificate-authority': join(directory, 'ca.crt'),
        },
      },
    ],
    users: [
      {
        name: 'admin',
        user: {
          'client-certificate': join(directory, 'admin.crt'),
          'client-key': join(directory, 'admin.key'),
        },
      },
    ],
    contexts: [{ name: 'bare', context: { cluster: 'bare', user: 'admin' } }],
    'current-context': 'bare',
  });
}

function launch(bin: string, name: string, flags: readonly string[], directory: string): ChildProcess {
  const log = openSync(join(directory, `${name}.log`), 'a');
  return spawn(join(bin, name), [...flags], { stdio: ['ignore', log, log] });
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  child.kill(signal);
  await ended;
}

async function ready(directory: string, port: number, api: ChildProcess): Promise<void> {
  const deadline = Date.now() + 180_000;
  while (Date.now() < deadline) {
    if (api.exitCode !== null) break;
    if ((await status(directory, port)) === 200) return;
    await wait(200);
  }
  const log = readFileSync(join(directory, 'kube-apiserver.log'), 'utf8').slice(-3000);
  throw new Error(`kube-apiserver did not become ready:\n${log}`);
}

async function status(directory: string, port: number): Promise<number> {
  const file = (name: string): Buffer => readFileSync(join(directory, name));
  const tls = { ca: file('ca.crt'), cert: file('admin.crt'), key: file('admin.key') };
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path: '/readyz', ...tls, timeout: 2000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(0));
    call.end();
  });
}

/** etcd's own JSON gateway: read the revision, compact to it. */
async function compactEtcd(port: number): Promise<void> {
  const call = async (path: string, body: object): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: JSON.stringify(body) });
  const answer = await call('/v3/kv/range', { key: Buffer.from('/').toString('base64') });
  const range: { header: { revision: string } } = JSON.parse(await answer.text());
  const compacted = await call('/v3/kv/compaction', { revision: range.header.revision, physical: true });
  if (!compacted.ok) throw new Error(`etcd refuses to compact: ${await compacted.text()}`);
}
