// A simulated year of a large cluster: the real decisions, pass by pass, on a cluster of values.
//   node bench/year.ts [NODES] [PARALLEL] [DAYS]      default 5000 20 365; writes docs/evidence, docs/pictures and docs/scale.md
// It fails, and writes nothing, when more are under way at once than may be, when a certificate expires, or when one day has
// more than three times the work of the mean day.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import type { Configuration } from '../src/controller/configuration.ts';
import { day } from '../src/controller/decide/simulated-objects.ts';
import { SimulatedCluster } from '../src/controller/decide/simulated.ts';
import { writeEvidence } from '../test/e2e/lib/evidence.ts';
import { yearPicture } from './year-picture.ts';

const minute = 60_000;
const windowOpens = 2;
const windowLasts = 4 * 60 * minute;

interface Day {
  renewed: number;
  mostAtOnce: number;
}

function settingsOf(parallelWorkers: number): Partial<Configuration> {
  return {
    parallelWorkers,
    windows: [{ cron: `0 ${windowOpens} * * *`, duration: windowLasts, zone: 'UTC' }],
    // Nothing changes on these nodes but by rotation, after which a node is scanned anyway.
    scanInterval: 30 * day,
    parallelScans: 1000,
    stageTool: 'none',
  };
}

/** Spread over the time until they are due, as in a cluster that grew; the golden ratio spreads them the same way each time. */
function ageOf(i: number, lifetime: number): number {
  return ((i * 0.618_033_988_75) % 1) * lifetime * 0.66;
}

function makeCluster(nodes: number, parallel: number): SimulatedCluster {
  const cluster = new SimulatedCluster(settingsOf(parallel), new Date('2030-01-01T00:00:00Z'));
  for (let i = 0; i < nodes; i++) {
    const role = i < 3 ? 'control-plane' : 'worker';
    const name = `n${String(i).padStart(4, '0')}`;
    cluster.add(name, role, (id) => {
      const lifetime = id === 'kubelet.crt' || id === 'kubelet-client-current.pem' ? 91 : 365;
      return { age: ageOf(i, lifetime), lifetime };
    });
  }
  return cluster;
}

/** One night: passes a minute apart while something goes on; what comes due while the window is open is waited for. */
function night(cluster: SimulatedCluster, opens: number): Day & { passes: number } {
  cluster.elapse(opens - cluster.now.getTime());
  const shuts = opens + windowLasts;
  const before = cluster.renewals.length;
  let [mostAtOnce, passes, quiet] = [0, 0, 0];
  // What has begun comes to its end after the window, too.
  while (cluster.now.getTime() < shuts + 60 * minute) {
    const actions = cluster.pass();
    passes += 1;
    mostAtOnce = Math.max(mostAtOnce, cluster.inFlight('worker').length);
    if (cluster.inFlight('control-plane').length > 1) throw new Error('two control planes at once');
    quiet = actions.length === 0 && cluster.pods.length === 0 ? quiet + 1 : 0;
    const next = quiet < 3 ? cluster.now.getTime() + minute : nextDue(cluster, shuts);
    if (next === undefined) break;
    cluster.elapse(next - cluster.now.getTime());
  }
  return { renewed: rotatedSince(cluster, before), mostAtOnce, passes };
}

/** A minute after what comes due next, before `until`. */
function nextDue(cluster: SimulatedCluster, until: number): number | undefined {
  const now = cluster.now.getTime();
  const moments = cluster.open().map(({ status }) => Date.parse(status?.dueAt ?? ''));
  const next = Math.min(...moments.filter((moment) => moment > now));
  return next < until ? next + minute : undefined;
}

/** Nodes that were rotated since the renewal of this number. */
function rotatedSince(cluster: SimulatedCluster, from: number): number {
  return new Set(cluster.renewals.slice(from).map(({ node, at }) => `${node} ${at.getTime()}`)).size;
}

function run(nodes: number, parallel: number, days: number) {
  const cluster = makeCluster(nodes, parallel);
  const start = cluster.now.getTime();
  // The first look at all of them is no part of the year.
  cluster.settle(400);
  const all: Day[] = [];
  let passes = 0;
  for (let i = 0; i < days; i++) {
    const one = night(cluster, start + i * day + windowOpens * 60 * minute);
    passes += one.passes;
    all.push({ renewed: one.renewed, mostAtOnce: one.mostAtOnce });
    if (i % 10 === 9) process.stderr.write(`day ${i + 1}: ${one.renewed} nodes\n`);
  }
  const remaining = cluster.renewals.map(({ remaining: left }) => left);
  const ends = cluster.nodes.flatMap(({ certificates }) =>
    [...certificates.values()].map(({ notAfter }) => notAfter.getTime()),
  );
  const mean = all.reduce((sum, { renewed }) => sum + renewed, 0) / days;
  return {
    nodes,
    certificates: ends.length,
    days,
    passes,
    parallel: { allowed: parallel, mostAtOnce: Math.max(...all.map(({ mostAtOnce }) => mostAtOnce)) },
    rotations: all.reduce((sum, { renewed }) => sum + renewed, 0),
    renewals: cluster.renewals.length,
    expired:
      remaining.filter((left) => left <= 0).length +
      ends.filter((end) => end <= cluster.now.getTime()).length,
    leastDaysLeftAtRenewal: Math.floor((Math.min(...remaining) / day) * 10) / 10,
    perDay: { mean: Math.round(mean * 10) / 10, most: Math.max(...all.map(({ renewed }) => renewed)) },
    byDay: all.map(({ renewed }) => renewed),
    mostAtOnceByDay: all.map(({ mostAtOnce }) => mostAtOnce),
  };
}

export type Year = ReturnType<typeof run>;

function problemsOf({ parallel, expired, perDay, rotations, nodes, days }: Year): string[] {
  const expected = Math.floor((nodes * days) / 61);
  return [
    ...(parallel.mostAtOnce > parallel.allowed ? [`${parallel.mostAtOnce} at once`] : []),
    ...(expired > 0 ? [`${expired} certificates have expired`] : []),
    ...(perDay.most > 3 * perDay.mean ? [`a day has ${perDay.most}, the mean is ${perDay.mean}`] : []),
    ...(rotations < expected * 0.9 ? [`only ${rotations} rotations, about ${expected} were due`] : []),
  ];
}

const [nodes = 5000, parallel = 20, days = 365] = process.argv.slice(2).map(Number);
const year = run(nodes, parallel, days);
const problems = problemsOf(year);
const { byDay: _, mostAtOnceByDay: __, ...short } = year;
console.log(JSON.stringify(short, undefined, 2));
if (problems.length > 0) {
  console.error(problems.join('\n'));
  process.exitCode = 1;
} else if (days === 365) {
  const pictures = resolve(import.meta.dirname, '../docs/pictures');
  mkdirSync(pictures, { recursive: true });
  writeFileSync(join(pictures, `year-${nodes}.svg`), yearPicture(year));
  writeEvidence(`year-${nodes}`, `node bench/year.ts ${nodes} ${parallel}`, year);
  execFileSync(process.execPath, [resolve(import.meta.dirname, '../scripts/documents.ts')], {
    stdio: 'inherit',
  });
}
console.log(`${problems.length === 0 ? 1 : 0} passed, ${problems.length} failed`);
