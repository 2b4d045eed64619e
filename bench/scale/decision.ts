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

const rounds = 61;
/** Of JIT. */
const warmUp = 50;
const day = 86_400_000;

interface Times {
  readonly median: number;
  readonly least: number;
}

export interface Decision {
  readonly nodes: number;
  readonly certificates: number;
  /** A Node has changed since the last pass, and nothing is to be done for it: all of them are gone through. */
  readonly usual: Times;
  /** Nothing at all has changed. */
  readonly atRest: Times;
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

/** Twice what the caches of a processor hold. */
const junk = new Float64Array(8 * 1024 * 1024);

/** As in the loop: seconds after the last one, when the processor has had others to serve and its caches hold theirs. */
function millisecondsOf(work: () => unknown): number {
  for (let i = 0; i < junk.length; i += 8) junk[i] = i;
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

let seconds = 0;
/** An answer for the same moment is none to measure. */
const later = (world: World): World => ({
  ...world,
  now: new Date(world.now.getTime() + (seconds += 1) * 1000),
});
/** Another of the Nodes each time. */
const changed = (world: World): World => {
  const moment = later(world);
  const at = seconds % world.nodes.length;
  return { ...moment, nodes: world.nodes.map((node, i) => (i === at ? { ...node } : node)) };
};

function timesOf(next: () => World): Times {
  for (let i = 0; i < warmUp; i += 1) decide(next(), podBuilders);
  const runs = Array.from({ length: rounds }, () => {
    const moment = next();
    return millisecondsOf(() => decide(moment, podBuilders));
  }).toSorted((a, b) => a - b);
  return { median: rounded(runs[Math.floor(runs.length / 2)]), least: rounded(runs[0]) };
}

const rounded = (value = Number.NaN): number => Math.round(value * 100) / 100;
const world = await readWorld(process.argv[2] ?? '');
const decision: Decision = {
  nodes: world.nodes.length,
  certificates: [...world.inventories.values()].flatMap(({ certificates }) =>
    certificates.filter(({ kind }) => kind !== 'ca'),
  ).length,
  usual: timesOf(() => changed(world)),
  atRest: timesOf(() => later(world)),
  actions: decide(world, podBuilders).length,
};
console.log(JSON.stringify(decision));
