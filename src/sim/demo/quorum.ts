// etcd loses two of three members: no API server answers, and nothing can be begun. With the first of the two the quorum
// comes back, with the second the gate opens.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { answersWell } from '../node/answers-well.ts';
import { askFor, ended, idle, rootOf, until, type Fault, type FaultContext } from './fault.ts';

const gone = ['n2', 'n3'] as const;
const subject = 'n1';
/** Longer than a leader goes on without its Lease. */
const silenceMs = 12_000;

export const etcdLosesQuorum: Fault = {
  silences: gone,
  play: loseQuorum,
};

async function loseQuorum(context: FaultContext): Promise<void> {
  const { cluster, say, signal } = context;
  const [first, second] = gone;
  await idle(context);
  say(`fault: etcd of ${first} and ${second} is gone: one of three members is no quorum`);
  const open = new Set<string>(gone);
  const bringBack = (name: string): void => {
    if (open.delete(name)) fs.renameSync(away(cluster, name), manifest(cluster, name));
  };
  for (const name of gone) fs.renameSync(manifest(cluster, name), away(cluster, name));
  try {
    await until('the silence of the API', context, async () => ((await answers(context)) ? undefined : true));
    say('no API server answers: nothing is read, signed or begun, and whoever led gives up');
    await wait(silenceMs, undefined, { signal });
    bringBack(first);
    say(`etcd of ${first} comes back: two of three are a quorum`);
    await until('the API', context, async () => ((await answers(context)) ? true : undefined));
    say(`the API answers again; a person asks to renew admin.conf of ${subject}`);
    const isAsked = await askFor(context, subject, ['admin.conf']);
    const message = await until('a shut gate', context, () => whyShut(context));
    say(`the gate is shut: ${message}`);
    bringBack(second);
    say(`etcd of ${second} comes back: the gate may open`);
    await ended(context, isAsked);
  } finally {
    for (const name of open) bringBack(name);
  }
}

const whyShut = ({ rotations }: FaultContext): string | undefined =>
  rotations()
    .map(({ status }) => status?.message)
    .find((message) => message?.includes('EtcdUnsafe') === true);

const manifest = (cluster: FaultContext['cluster'], name: string): string =>
  join(rootOf(cluster, name), 'etc/kubernetes/manifests/etcd.yaml');

const away = (cluster: FaultContext['cluster'], name: string): string =>
  join(rootOf(cluster, name), 'etc/kubernetes/etcd.yaml.away');

/** Through the balancer, as all who use the cluster. */
async function answers({ cluster }: FaultContext): Promise<boolean> {
  const { host, port } = cluster.plan.endpoint;
  return answersWell({ host, port, path: '/readyz', ca: cluster.ca, agent: false, timeout: 1000 });
}
