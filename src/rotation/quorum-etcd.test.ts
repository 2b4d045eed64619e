// What a real etcd of three members says while it lacks some, as kubeadm starts it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bench } from '../../test/judge/judge.ts';
import { freePort } from '../../test/free-port.ts';
import { builtPrograms } from '../../test/kubernetes.ts';
import { askEtcd, isLeaderless } from './etcd.ts';
import { quorumLack } from './quorum.ts';
import { realNode } from './real-node.ts';
import type { NodeFacts } from './types.ts';

const bin = builtPrograms('etcd');
const bench = new Bench();
const children: ChildProcess[] = [];
const signal = new AbortController().signal;
const host = '127.0.0.1';
const node = realNode({ machineId: 'test', restartKubelet: () => Promise.resolve() });
const peer = { form: 'pair', certPath: bench.path('c'), keyPath: bench.path('k') } as const;

interface Ports {
  readonly client: number;
  readonly peer: number;
  readonly metrics: number;
}
const ports: Ports[] = [];

const name = (place: number): string => `n${place + 1}`;

function start(index: number): ChildProcess {
  const own = ports[index];
  if (bin === undefined || own === undefined) throw new Error('no etcd');
  const files = ['trusted-ca-file=ca', 'cert-file=c', 'key-file=k'].map((flag) =>
    flag.replace('=', `=${bench.directory}/`),
  );
  const flags = [
    `name=${name(index)}`,
    `data-dir=${bench.path(name(index))}`,
    `listen-client-urls=https://${host}:${own.client}`,
    `advertise-client-urls=https://${host}:${own.client}`,
    `listen-peer-urls=https://${host}:${own.peer}`,
    `initial-advertise-peer-urls=https://${host}:${own.peer}`,
    `initial-cluster=${ports.map((each, place) => `${name(place)}=https://${host}:${each.peer}`).join(',')}`,
    `listen-metrics-urls=http://${host}:${own.metrics}`,
    'client-cert-auth=true',
    'peer-client-cert-auth=true',
    'unsafe-no-fsync',
    ...files.flatMap((flag) => [flag, `peer-${flag}`]),
  ];
  const child = spawn(
    join(bin, 'etcd'),
    flags.map((flag) => `--${flag}`),
    { stdio: 'ignore' },
  );
  children.push(child);
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

beforeAll(async () => {
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
  bench.openssl(`req -x509 ${key} -subj /CN=etcd-ca -days 2 -keyout ca.key -out ca`);
  const both = '-addext extendedKeyUsage=serverAuth,clientAuth -addext subjectAltName=IP:127.0.0.1';
  bench.openssl(`req -x509 ${key} -CA ca -CAkey ca.key -subj /CN=n1 -days 1 ${both} -keyout k -out c`);
  while (ports.length < 3)
    ports.push({ client: await freePort(), peer: await freePort(), metrics: await freePort() });
});
afterAll(async () => {
  await Promise.all(children.map((child) => stop(child)));
  bench.remove();
});

/** As the first node knows its own member. */
function factsHere(): NodeFacts {
  const [own] = ports;
  if (own === undefined) throw new Error('no ports');
  return {
    manifests: {},
    etcdClient: { host, port: own.client },
    etcdPeer: { host, port: own.peer },
    etcdMetrics: { host, port: own.metrics },
    etcdCaPath: bench.path('ca'),
    etcdClients: [peer],
  };
}

const lack = async (): Promise<unknown> => await quorumLack(node, factsHere(), peer, signal);
const soon = { timeout: 30_000, interval: 200 };

describe.skipIf(bin === undefined)('etcd of three members', () => {
  it('says that it lacks one when it was started alone, though it speaks to no client', async () => {
    start(0);
    await expect.poll(lack, soon).toBe(1);
    const processes = { ...node.processes, find: () => [processOf] };
    const view = await askEtcd({ ...node, processes }, factsHere(), signal);
    expect([view.members, view.silence]).toEqual([[], 'no-leader']);
  }, 60_000);

  it('lacks none with another one, and lacks it again when that one is gone', async () => {
    const second = start(1);
    await expect.poll(lack, soon).toBe(undefined);
    const names = async (): Promise<unknown> =>
      (await askEtcd(node, factsHere(), signal)).members.map(({ name, own }) => [name, own]);
    await expect
      .poll(async () => JSON.stringify(await names()), soon)
      .toContain(JSON.stringify(['n1', true]));
    await stop(second);
    await expect.poll(lack, soon).toBe(1);
    expect(isLeaderless(await askEtcd(node, factsHere(), signal))).toBe(true);
  }, 120_000);
});

const processOf = { pid: 1, startedAt: new Date(), startedMs: 0, commandLine: ['etcd'], isOfPod: true };
