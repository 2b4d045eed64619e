// The product's own web program as it serves its dashboard: with the rights of its ServiceAccount and nothing more, over
// the API servers' balancer. It runs beside the cluster, so that its page is there before any node is.
import { spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createSecureContext } from 'node:tls';
import { makeAuthority, makeLeaf } from '../cluster/authority.ts';
import { compileCache } from '../cluster/compile-cache.ts';
import { serverOf } from '../cluster/node-files.ts';
import type { Seed } from '../cluster/seeds.ts';
import type { Cluster } from '../cluster/start.ts';
import { answersWell } from '../node/answers-well.ts';
import { openDoor, type Door } from './door.ts';
import { webName } from './product.ts';

export interface DashboardOptions {
  readonly cluster: Cluster;
  /** An address of the cluster's own. */
  readonly host: string;
  /** Directory of the programs (scripts/build-demo.ts). */
  readonly programs: string;
  /** Directory of the page (scripts/build-dashboard.ts). */
  readonly page: string;
}

export interface Dashboard {
  /** Opened without a token: a page that reads. */
  readonly url: string;
  /** File of a token for who wants to act. */
  readonly token: string;
  readonly close: () => Promise<void>;
}

const port = 8443;
const lookMs = 100;
const patienceMs = 60_000;
const account = { namespace: 'cpaas-system', name: webName } as const;
const personalAccount = { namespace: 'kube-system', name: 'demo' } as const;
const day = 24 * 3_600_000;

/** Whoever looks at the demo, as an administrator of its cluster. */
export const person: readonly Seed[] = [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: personalAccount },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'demo' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', ...personalAccount }],
  },
];

/** Resolves when the page is served. @throws Error with what the program said when it is not */
export async function startDashboard(options: DashboardOptions, signal: AbortSignal): Promise<Dashboard> {
  const { cluster, host, programs, page } = options;
  const directory = join(cluster.directory, 'dashboard');
  fs.mkdirSync(directory, { mode: 0o700 });
  const ca = laySecrets(directory, host);
  const kubeconfig = join(directory, 'kubeconfig');
  const token = await tokenFor(cluster, account);
  fs.writeFileSync(kubeconfig, kubeconfigOf(cluster, token), { mode: 0o600 });
  const personal = join(directory, 'token');
  fs.writeFileSync(personal, `${await tokenFor(cluster, personalAccount)}\n`, { mode: 0o600 });
  const flags = {
    listen: '',
    'dashboard-listen': `${host}:${port}`,
    'dashboard-directory': page,
    'tls-directory': directory,
    kubeconfig,
  };
  const log = join(directory, 'log');
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child = start(programs, [join(programs, 'web.mjs'), ...args], log);
  let door: Door | undefined;
  const close = async (): Promise<void> => {
    door?.close();
    await end(child);
  };
  try {
    await untilServed({ host, port, ca }, child, log, signal);
    door = await openDoor({ host, port, ca });
  } catch (error) {
    await close();
    throw error;
  }
  return { url: door.url, token: personal, close };
}

/** Its standard input is a pipe from here: when we are gone, however that came, so is it. */
const script = '"$@" </dev/null & read -r _; kill -KILL $!';

function start(programs: string, args: readonly string[], log: string): ChildProcess {
  const file = fs.openSync(log, 'a');
  const child = spawn('bash', ['--norc', '-c', script, 'dashboard', process.execPath, ...args], {
    env: { PATH: process.env['PATH'], ...compileCache(programs) },
    stdio: ['pipe', file, file],
    // Ctrl-C in a terminal goes to the whole group: it is ended in order, by us.
    detached: true,
  });
  fs.closeSync(file);
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  child.stdin?.end();
  await ended;
}

async function untilServed(
  where: { readonly host: string; readonly port: number; readonly ca: string },
  child: ChildProcess,
  log: string,
  signal: AbortSignal,
): Promise<void> {
  const latest = Date.now() + patienceMs;
  const { host, port, ca } = where;
  const question = { host, port, path: '/', timeout: 1000, secureContext: createSecureContext({ ca }) };
  while (!(await answersWell(question))) {
    signal.throwIfAborted();
    if (child.exitCode !== null || Date.now() > latest)
      throw new Error(`the dashboard is not served: ${fs.readFileSync(log, 'utf8').slice(-2000)}`);
    await wait(lookMs, undefined, { signal });
  }
}

/** A certificate of its own, as the controller makes one for it in a cluster. Result: PEM of who signed it. */
function laySecrets(directory: string, host: string): string {
  const now = Math.floor(Date.now() / 1000) * 1000;
  const validity = { notBefore: new Date(now - day), notAfter: new Date(now + 365 * day) };
  const authority = makeAuthority('dashboard', validity);
  const sans = [{ kind: 'ip', value: host } as const];
  const pair = makeLeaf(
    authority,
    { commonName: 'dashboard', sans, extendedKeyUsages: ['serverAuth'] },
    validity,
  );
  fs.writeFileSync(join(directory, 'tls.crt'), pair.certificate);
  fs.writeFileSync(join(directory, 'tls.key'), pair.key, { mode: 0o600 });
  return authority.certificate;
}

/** For a day, as `kubectl create token` makes one. */
async function tokenFor(
  { admin }: Cluster,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<string> {
  const answer = await admin.call<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: day / 1000 },
    },
  );
  return answer.status.token;
}

/** JSON, which is YAML too. */
function kubeconfigOf({ plan, ca }: Cluster, token: string): string {
  const cluster = {
    server: serverOf(plan),
    'certificate-authority-data': Buffer.from(ca, 'utf8').toString('base64'),
  };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'demo', cluster }],
    users: [{ name: 'web', user: { token } }],
    contexts: [{ name: 'demo', context: { cluster: 'demo', user: 'web' } }],
    'current-context': 'demo',
  });
}
