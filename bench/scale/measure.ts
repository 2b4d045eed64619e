// One size, from an empty cluster to its figures.
import { execFile } from 'node:child_process';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startScaleCluster, type ScaleCluster } from './cluster.ts';
import { isAtWork, startController, until, valueOf, type RunningController } from './controller.ts';
import type { Decision } from './decision.ts';
import { certificatesPerNode } from './nodes.ts';
import { measurePage, type Page } from './page.ts';
import { end, memoryOf } from './processes.ts';
import { busiest, countBy, readWrites, within, type Write } from './writes.ts';

const day = 86_400;
/** Milliseconds in which nothing is due. */
const idleWindow = 120_000;
const scrapes = 5;
/** Pod, ConfigMap and the end of the Pod are written for a scan, whatever else goes on. */
const isOfScan = ({ what, name }: Write): boolean =>
  (/^(?:create|delete) pods$/u.test(what) && name.startsWith('scan-')) || isNodes(name);
const isNodes = (name: string): boolean => name.startsWith('node-local-certs-');
const isInventory = ({ what, name }: Write): boolean => what === 'create configmaps' && isNodes(name);

export interface Measured {
  readonly nodes: number;
  readonly certificates: number;
  readonly collection: {
    readonly seconds: number;
    readonly mostScansAtOnce: number;
    readonly writes: number;
    readonly writesPerSecond: number;
    /** Also of the plan, which is written when all have been read. */
    readonly writesPerSecondInBusiestMinute: number;
    readonly byKind: Readonly<Record<string, number>>;
  };
  readonly steady: {
    readonly writesPerSecondIdle: number;
    readonly writesPerScan: number;
    readonly writesPerSecondOverDay: number;
    readonly byKindIdle: Readonly<Record<string, number>>;
  };
  /** MiB. */
  readonly memory: { readonly most: number; readonly atRest: number; readonly mostAfterRestart: number };
  readonly decision: Omit<Decision, 'nodes' | 'certificates'>;
  /** Milliseconds, bytes. */
  readonly scrape: { readonly median: number; readonly bytes: number };
  readonly page: Page;
  /** Seconds from the leader's death until the one that was started then has decided. */
  readonly restart: number;
  readonly load: readonly number[];
}

export type Say = (text: string) => void;

export async function measure(nodes: number, say: Say, flags: readonly string[] = []): Promise<Measured> {
  say(`${nodes} nodes: API server, etcd, Nodes`);
  const cluster = await startScaleCluster(nodes);
  const running: RunningController[] = [];
  const start = async (name: string): Promise<RunningController> => {
    const controller = await startController(cluster, name, flags);
    running.push(controller);
    return controller;
  };
  // What was started ends with us, also when somebody loses patience.
  const interrupted = (): void => {
    for (const { child } of running) child.kill('SIGKILL');
    void cluster.stop().finally(() => process.exit(130));
  };
  process.once('SIGTERM', interrupted).once('SIGINT', interrupted);
  try {
    const from = Date.now();
    const first = await start('first');
    const collected = await collect(cluster, first, { nodes, from, say });
    const steady = await watchIdle(cluster, first, { nodes, say });
    const busiestMinute = busiest(within(readWrites(cluster.auditLog), from, Date.now()), 60_000);
    say(`${nodes} nodes: scrape, decision, page`);
    const scrape = await measureScrape(first);
    const decision = await measureDecision(cluster, nodes);
    const page = await measurePage(cluster);
    const { answers, pages, seconds } = page.listeners;
    say(
      `${nodes} nodes: ${answers} of ${pages} pages had the list within ${seconds} s, ${page.memoryWithListeners} MiB`,
    );
    const memory = memoryOf(first.child.pid);
    say(`${nodes} nodes: the leader dies`);
    const { restart, mostAfterRestart } = await restartLeader(first, start);
    return {
      nodes,
      certificates: nodes * certificatesPerNode,
      collection: { ...collected, writesPerSecondInBusiestMinute: round(busiestMinute) },
      steady,
      memory: { most: memory.most, atRest: memory.now, mostAfterRestart },
      decision,
      scrape,
      page,
      restart,
      load: loadavg().map((one) => Math.round(one * 10) / 10),
    };
  } finally {
    for (const { child } of running) await end(child, 'SIGTERM');
    await cluster.stop();
    process.off('SIGTERM', interrupted).off('SIGINT', interrupted);
  }
}

async function collect(
  cluster: ScaleCluster,
  controller: RunningController,
  { nodes, from, say }: { nodes: number; from: number; say: Say },
): Promise<Omit<Measured['collection'], 'writesPerSecondInBusiestMinute'>> {
  let said = 0;
  await until(
    async () => {
      if (controller.child.exitCode !== null) throw new Error('the controller has ended');
      const writes = readWrites(cluster.auditLog);
      const made = writes.filter(isInventory).length;
      if (performance.now() - said > 30_000) {
        said = performance.now();
        const { most } = memoryOf(controller.child.pid);
        say(`${nodes} nodes: ${made} collected, ${writes.length} writes, ${most} MiB`);
      }
      await wait(made > 0.98 * nodes ? 250 : 2000);
      return made >= nodes;
    },
    'every node is collected',
    3600,
  );
  const to = Date.now();
  const writes = within(readWrites(cluster.auditLog), from, to);
  const seconds = (to - from) / 1000;
  // The kubelets say once a second what they have seen.
  await wait(1500);
  return {
    seconds: round(seconds),
    mostScansAtOnce: cluster.seen().mostScansAtOnce,
    writes: writes.length,
    writesPerSecond: round(writes.length / seconds),
    byKind: countBy(writes),
  };
}

/** After the plan is written, too: a window in which nothing is due. */
async function watchIdle(
  cluster: ScaleCluster,
  controller: RunningController,
  { nodes, say }: { nodes: number; say: Say },
): Promise<Measured['steady']> {
  say(`${nodes} nodes: all collected; the rest of the plan is written`);
  await until(
    async () => {
      await wait(2000);
      const isDone = cluster.seen().pods === 0;
      const lately = within(readWrites(cluster.auditLog), Date.now() - 20_000, Date.now());
      return isDone && lately.every(({ what }) => what.endsWith(' leases'));
    },
    'nothing more is written',
    1800,
  );
  say(`${nodes} nodes: ${idleWindow / 1000} seconds at rest`);
  const from = Date.now();
  await wait(idleWindow);
  const all = readWrites(cluster.auditLog);
  const idle = within(all, from, from + idleWindow);
  const perSecond = idle.length / (idleWindow / 1000);
  const perScan = all.filter(isOfScan).length / nodes;
  if (!isAtWork(await controller.scrape())) throw new Error('the controller does not lead any more');
  return {
    writesPerSecondIdle: round(perSecond, 100),
    writesPerScan: round(perScan, 100),
    writesPerSecondOverDay: round(perSecond + (perScan * nodes) / day, 100),
    byKindIdle: countBy(idle),
  };
}

async function measureScrape(controller: RunningController): Promise<Measured['scrape']> {
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; i < scrapes; i++) {
    const start = performance.now();
    const text = await controller.scrape();
    times.push(performance.now() - start);
    bytes = text?.length ?? 0;
    if (!isAtWork(text)) throw new Error('a scrape is not answered by a leader');
  }
  return { median: round(median(times), 1), bytes };
}

async function measureDecision(cluster: ScaleCluster, nodes: number): Promise<Measured['decision']> {
  const program = join(import.meta.dirname, 'decision.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [program, cluster.kubeconfig]);
  const { nodes: read, certificates, ...decision }: Decision = JSON.parse(stdout);
  if (read !== nodes || certificates !== nodes * certificatesPerNode)
    throw new Error(`a decision over ${read} nodes with ${certificates} certificates`);
  return decision;
}

async function restartLeader(
  first: RunningController,
  start: (name: string) => Promise<RunningController>,
): Promise<{ restart: number; mostAfterRestart: number }> {
  const from = performance.now();
  await end(first.child, 'SIGKILL');
  const second = await start('second');
  await until(async () => isAtWork(await second.scrape()), 'the second leads', 120);
  const restart = round((performance.now() - from) / 1000);
  if (valueOf(await second.scrape(), 'cert_rotator_nodes') < 1)
    throw new Error('it has decided over nothing');
  return { restart, mostAfterRestart: memoryOf(second.child.pid).most };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const round = (value: number, of = 10): number => Math.round(value * of) / of;
