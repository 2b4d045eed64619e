// etcd and kube-apiserver of a simulated node as processes of their own, with files made at run time: for tests of what
// they do by themselves.
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { connect } from 'node:tls';
import type { Identity } from '../../src/pki/issue.ts';
import { makeAuthority, makeLeaf, type Authority, type Pair } from '../../src/sim/cluster/authority.ts';
import { answersWell } from '../../src/sim/node/answers-well.ts';
import type { StoreAccess } from '../../src/sim/node/store-access.ts';
import { freePort } from '../free-port.ts';

export interface Part {
  /** What it has said. */
  readonly log: () => string;
  /** Its exit code; null: a signal. */
  readonly ended: Promise<number | null>;
  /** At once; resolves when it is gone. */
  readonly end: () => Promise<void>;
}

export const planeHost = '127.0.0.1';
/** Certificates know whole seconds. */
const now = Math.floor(Date.now() / 1000) * 1000;
export const life = { notBefore: new Date(now - 60_000), notAfter: new Date(now + 86_400_000) };
const parts = resolve(import.meta.dirname, '../../src/sim/node/parts');
const patienceMs = 20_000;

export const sans = [
  { kind: 'ip', value: planeHost },
  { kind: 'dns', value: 'localhost' },
] as const;

export const serialOf = ({ certificate }: Pair): string => new X509Certificate(certificate).serialNumber;

/** Serial that a new connection is shown. @throws Error of the handshake */
export async function shownAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: planeHost, port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.serialNumber ?? '');
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

function startPart(
  program: string,
  flags: readonly string[],
  environment: Readonly<Record<string, string>>,
): Part {
  const child = spawn(process.execPath, [join(parts, program), ...flags], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', resolve);
  });
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  return { log: () => text, ended, end };
}

export class SimulatedPlane {
  readonly directory = mkdtempSync(join(tmpdir(), 'simulated-plane-'));
  readonly kubernetes: Authority = makeAuthority('kubernetes', life);
  readonly etcd: Authority = makeAuthority('etcd-ca', life);
  readonly ports: { readonly apiserver: number; readonly etcd: number; readonly peer: number };
  readonly #started: Part[] = [];

  constructor(store: StoreAccess, ports: SimulatedPlane['ports']) {
    this.ports = ports;
    this.write('access.json', JSON.stringify(store));
    this.write('ca.crt', this.kubernetes.certificate);
    this.write('etcd/ca.crt', this.etcd.certificate);
    this.lay('apiserver', this.serverOf());
    this.lay('etcd/server', this.memberOf());
    this.lay('etcd/peer', this.memberOf());
    this.lay('apiserver-etcd-client', this.leafOf({ commonName: 'kube-apiserver-etcd-client' }, this.etcd));
  }

  get url(): string {
    return `https://${planeHost}:${this.ports.apiserver}`;
  }

  leafOf(identity: Partial<Identity>, authority: Authority = this.kubernetes): Pair {
    return makeLeaf(authority, identity, life);
  }

  serverOf(): Pair {
    return this.leafOf({ commonName: 'kube-apiserver', sans, extendedKeyUsages: ['serverAuth'] });
  }

  memberOf(): Pair {
    return this.leafOf(
      { commonName: 'n1', sans, extendedKeyUsages: ['serverAuth', 'clientAuth'] },
      this.etcd,
    );
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  /** As a writer does it who writes one file after the other; what is not given stays. */
  lay(name: string, { certificate, key }: Partial<Pair>): void {
    if (certificate !== undefined) this.write(`${name}.crt`, certificate);
    if (key !== undefined) this.write(`${name}.key`, key);
  }

  /** Resolves when it answers. @throws Error when it does not */
  async startEtcd(): Promise<Part> {
    const { etcd, peer } = this.ports;
    const [own, peers] = [etcd, peer].map((port) => `https://${planeHost}:${port}`);
    const part = this.start('etcd.ts', [
      '--name=n1',
      `--initial-cluster=n1=${peers}`,
      `--data-dir=${this.directory}`,
      `--listen-client-urls=${own}`,
      `--listen-peer-urls=${peers}`,
      ...this.#pairFlags('etcd/server', 'cert-file', 'key-file'),
      ...this.#pairFlags('etcd/peer', 'peer-cert-file', 'peer-key-file'),
      `--trusted-ca-file=${this.path('etcd/ca.crt')}`,
      `--peer-trusted-ca-file=${this.path('etcd/ca.crt')}`,
    ]);
    const { certificate: cert, key } = this.memberOf();
    const client = { cert, key, ca: this.etcd.certificate };
    await this.#answering(part, { port: etcd, path: '/health', ...client });
    return part;
  }

  async startApiserver(): Promise<Part> {
    const part = this.launchApiserver();
    const { certificate: ca } = this.kubernetes;
    await this.#answering(part, { port: this.ports.apiserver, path: '/readyz', ca });
    return part;
  }

  /** Does not wait for it. */
  launchApiserver(etcdClient = 'apiserver-etcd-client'): Part {
    const flags = [
      `--bind-address=${planeHost}`,
      `--secure-port=${this.ports.apiserver}`,
      `--client-ca-file=${this.path('ca.crt')}`,
      `--etcd-servers=https://${planeHost}:${this.ports.etcd}`,
      `--etcd-cafile=${this.path('etcd/ca.crt')}`,
      ...this.#pairFlags(etcdClient, 'etcd-certfile', 'etcd-keyfile'),
      ...this.#pairFlags('apiserver', 'tls-cert-file', 'tls-private-key-file'),
    ];
    return this.start('kube-apiserver.ts', flags);
  }

  /** @param program file of src/sim/node/parts */
  start(program: string, flags: readonly string[]): Part {
    const part = startPart(program, flags, { STORE_ACCESS: this.path('access.json') });
    this.#started.push(part);
    return part;
  }

  /** Ends all that it has started, and takes its files away. */
  async close(): Promise<void> {
    await Promise.all(this.#started.map(async (part) => part.end()));
    rmSync(this.directory, { recursive: true, force: true });
  }

  #pairFlags(name: string, cert: string, key: string): readonly string[] {
    return [`--${cert}=${this.path(name)}.crt`, `--${key}=${this.path(name)}.key`];
  }

  async #answering(part: Part, question: RequestOptions): Promise<void> {
    const latest = Date.now() + patienceMs;
    while (!(await answersWell({ host: planeHost, agent: false, timeout: 1000, ...question }))) {
      if (Date.now() > latest) throw new Error(`it does not answer: ${part.log()}`);
      await wait(50);
    }
  }
}

/** @param store where the objects are, if any are asked for */
export async function layPlane(store: StoreAccess): Promise<SimulatedPlane> {
  const [apiserver, etcd, peer] = [await freePort(), await freePort(), await freePort()];
  return new SimulatedPlane(store, { apiserver, etcd, peer });
}
