// One decision over all nodes of this very cluster: read by the product's own reflectors, decided by its own code, in a
// process of its own that does nothing else. Milliseconds of the processor, since others use the machine, too.
//   node bench/scale/decision.ts KUBECONFIG      says a line of JSON
import process from 'node:process';
import { defaultConfiguration } from '../../src/controller/configuration.ts';
import { decide } from '../../src/controller/decide/index.ts';
import { Caches, Gatherer } from '../../src/controller/gather.ts';
import { podBuilders } from '../../src/controller/pods.ts';
import type { VaultStatus, World } from '../../src/controller/world.ts';
import { createClient } from '../../src/kube/client.ts';
import { Connection, loadKubeConfig } from '../../src/kube/connection.ts';
import { rfc3339 } from '../../src/pki/time.ts';

const rounds = 25;
/** A round decides so long, milliseconds, and its figure is the mean: one decision over few nodes is too short to be timed. */
const roundLasts = 40;
const day = 86_400_000;

export interface Decision {
  readonly nodes: number;
  readonly certificates: number;
  /** Nothing is to be done. */
  readonly usual: { readonly median: number; readonly least: number };
  readonly actions: number;
}

const dial = async (): Promise<never> => {
  throw new Error('nobody is asked here');
};

async function readWorld(kubeconfig: string): Promise<World> {
  const stop = new AbortController();
  const connection = new Connection(loadKubeConfig(kubeconfig));
  const client = createClient(connection);
  const caches = new Caches(
    client,
    defaultConfiguration.publicNamespace,
    () => undefined,
    () => (error) => console.error(error.message),
  );
  const running = caches.run(stop.signal);
  while (!caches.synced) await new Promise((resolve) => setTimeout(resolve, 50));
  const gatherer = new Gatherer({ client, caches, dial, ask: async () => undefined });
  const now = new Date();
  const ca = {
    sha256: '00',
    notBefore: rfc3339(now),
    notAfter: rfc3339(new Date(now.getTime() + 3650 * day)),
  };
  const vault: VaultStatus = { cas: { kubernetes: ca, etcd: ca, 'front-proxy': ca } };
  const world = await gatherer.gather({ now, configuration: defaultConfiguration, vault });
  stop.abort();
  await running;
  await connection.close();
  return world;
}

function millisecondsOf(work: () => unknown): number {
  const start = process.cpuUsage();
  for (let times = 1; ; times += 1) {
    work();
    const { user, system } = process.cpuUsage(start);
    const spent = (user + system) / 1000;
    if (spent >= roundLasts) return spent / times;
  }
}

const world = await readWorld(process.argv[2] ?? '');
const runs = Array.from({ length: rounds }, () => millisecondsOf(() => decide(world, podBuilders)))
  .slice(5)
  .toSorted((a, b) => a - b);
const rounded = (value = Number.NaN): number => Math.round(value * 100) / 100;
const decision: Decision = {
  nodes: world.nodes.length,
  certificates: [...world.inventories.values()].flatMap(({ certificates }) =>
    certificates.filter(({ kind }) => kind !== 'ca'),
  ).length,
  usual: { median: rounded(runs[Math.floor(runs.length / 2)]), least: rounded(runs[0]) },
  actions: decide(world, podBuilders).length,
};
console.log(JSON.stringify(decision));
