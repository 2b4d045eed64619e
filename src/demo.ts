// `make demo`: the product's own controller and agent at work on a cluster that is simulated on this machine, told in the
// terminal and on a page. Ends by itself after DEMO_SECONDS, or with Ctrl-C; the last line is what came of it, as JSON.
import * as fs from 'node:fs';
import { join, resolve } from 'node:path';
import { describeError } from './errors.ts';
import type { CertificateRotation } from './kube/types.ts';
import { planNodes, type ClusterPlan } from './sim/cluster/plan.ts';
import { findSpaces } from './sim/cluster/spaces.ts';
import { startCluster, type Cluster } from './sim/cluster/start.ts';
import { productObjects } from './sim/demo/product.ts';
import { configuration, livesFrom } from './sim/demo/lives.ts';
import { lastingNode, playFaults, prepareFaults } from './sim/demo/faults.ts';
import { person, startDashboard, type Dashboard } from './sim/demo/dashboard.ts';
import { leaderOf } from './sim/demo/leader.ts';
import { freeSubnet } from './sim/demo/subnet.ts';
import {
  exitCodeOf,
  isVerified,
  lineOf,
  told,
  verifiedLine,
  violationLine,
  type Tally,
} from './sim/demo/story.ts';
import type { Verified } from './sim/observer/judge.ts';
import { observe, rotationsPath } from './sim/observer/observer.ts';

/** dist/demo, where this program lies when it is built. */
const programs = import.meta.dirname;
const version = 'v1.34.4';
/** What the first rotation needs. The others join when that has been seen, or after a while. */
const firstNodes: ReadonlySet<string> = new Set(['n1', 'w1']);
const joinMs = 10_000;

class Story {
  rotations: readonly CertificateRotation[] = [];
  faulty: ReadonlySet<string> = new Set();
  readonly #said = new Map<string, string>();
  readonly #rolledBack = new Set<string>();
  readonly #verified: Verified[] = [];
  /** Whether every certificate of one rotation has been seen in use. */
  isOneVerified = false;
  #violations = 0;

  say(line: string, isWhole = false): void {
    const text = told(performance.now(), line, process.stdout.columns ?? 200, isWhole);
    process.stdout.write(`${text}\n`);
  }

  note(rotations: readonly CertificateRotation[]): void {
    this.rotations = rotations;
    for (const rotation of rotations) {
      const uid = rotation.metadata.uid ?? '';
      const { key, line, isWhole } = lineOf(rotation, this.#said.get(uid));
      this.#said.set(uid, key);
      if (rotation.status?.phase === 'RolledBack') this.#rolledBack.add(uid);
      if (line !== undefined) this.say(line, isWhole);
    }
  }

  readonly verified = (each: Verified): void => {
    this.#verified.push(each);
    this.say(verifiedLine(each));
    if (this.isOneVerified || !this.rotations.some((one) => isVerified(one, this.#verified))) return;
    this.isOneVerified = true;
    this.say(`${each.node.padEnd(3)} the first rotation is verified: every certificate of it was seen live`);
  };

  readonly violated = (each: Parameters<typeof violationLine>[0]): void => {
    this.#violations += 1;
    this.say(violationLine(each));
  };

  tally(nodes: number): Tally {
    return {
      rotations: this.#said.size,
      verified: this.#verified.length,
      rolledBack: this.#rolledBack.size,
      violations: this.#violations,
      nodes,
    };
  }
}

async function main(signal: AbortSignal): Promise<number> {
  const story = new Story();
  const spaces = findSpaces();
  const faults = process.env['DEMO_FAULTS'] === '1';
  const lives = livesFrom(new Date(), faults ? { faults, lasting: lastingNode } : { faults });
  const subnet = await freeSubnet();
  const plan: ClusterPlan = {
    endpoint: { host: `${subnet}.0.1`, port: 6443 },
    nodes: planNodes(subnet, 3, 5),
    version,
    ...lives,
  };
  const product = productObjects(fs.readFileSync(join(programs, 'chart.json'), 'utf8'), configuration);
  story.say(
    `a cluster starts in ${subnet}.0.0/16, with ${firstNodes.size} of its ${plan.nodes.length} nodes`,
  );
  const cluster = await startCluster({
    plan,
    spaces,
    programs,
    tool: resolve(programs, '..'),
    objects: [...product.objects, ...person],
    images: { version, ...product.images },
    ...(faults
      ? {
          prepare: prepareFaults,
          authority: (name) => (name === 'front-proxy' ? lives.endingAuthority : undefined),
        }
      : {}),
    first: ({ name }) => firstNodes.has(name),
  });
  try {
    await play(cluster, story, { faults, host: `${subnet}.0.2` }, signal);
  } catch (error) {
    // Ended before all of it was there.
    if (!signal.aborted) throw error;
  } finally {
    await cluster.stop();
  }
  const tally = story.tally(plan.nodes.length);
  process.stdout.write(`${JSON.stringify(tally)}\n`);
  return exitCodeOf(tally);
}

interface PlayOptions {
  readonly faults: boolean;
  /** Address of the dashboard. */
  readonly host: string;
}

/** Until the signal, or the end that DEMO_SECONDS sets. */
async function play(
  cluster: Cluster,
  story: Story,
  { faults, host }: PlayOptions,
  signal: AbortSignal,
): Promise<void> {
  const limited = new AbortController();
  const end = AbortSignal.any([signal, limited.signal]);
  const told = tell(cluster, story, end);
  story.say(`${await leaderOf(cluster, signal)} leads`);
  const page = resolve(programs, '../dashboard');
  const dashboard = await startDashboard({ cluster, host, programs, page }, signal);
  story.say(`the page is at ${dashboard.url}`);
  thingsToTry(cluster, dashboard);
  endLater(limited);
  const context = {
    cluster,
    page: dashboard.url,
    say: (line: string) => story.say(line),
    rotations: () => story.rotations,
    signal: end,
  };
  if (faults) await playFaults(context, (nodes) => (story.faulty = new Set(nodes)));
  await told;
  await dashboard.close();
}

/** DEMO_SECONDS from now on. */
function endLater(end: AbortController): void {
  const seconds = Number(process.env['DEMO_SECONDS'] ?? Number.NaN);
  if (Number.isFinite(seconds)) setTimeout(() => end.abort(), seconds * 1000);
}

async function tell(cluster: Cluster, story: Story, signal: AbortSignal): Promise<void> {
  const { plan, rootOf, admin } = cluster;
  const join = (): void => {
    const joined = cluster.join();
    if (joined > 0) story.say(`${joined} more nodes join`);
  };
  setTimeout(join, joinMs);
  const onVerified: typeof story.verified = (each) => {
    story.verified(each);
    if (story.isOneVerified) join();
  };
  const rotations = (): readonly CertificateRotation[] => story.rotations;
  await Promise.all([
    admin.follow<CertificateRotation>(rotationsPath, (all) => story.note([...all.values()]), signal),
    observe(
      { plan, rootOf, rotations, faulty: () => story.faulty, onVerified, onViolation: story.violated },
      signal,
    ),
  ]);
}

function thingsToTry({ plan, kubeconfig }: Cluster, { url, token }: Dashboard): void {
  const [node] = plan.nodes;
  process.stdout.write(
    [
      'Three things to try in another terminal while it runs:',
      `  the page:             ${url} (to act there, sign in with the token in ${token})`,
      `  what is planned:      kubectl --kubeconfig ${kubeconfig} get certrot`,
      `  what a server shows:  ${resolve(programs, '../cert-renew')} check --server ${node?.address ?? ''}:6443`,
      '',
    ].join('\n'),
  );
}

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort());
try {
  process.exitCode = await main(stop.signal);
} catch (error) {
  process.stderr.write(`demo: ${describeError(error)}\n`);
  process.exitCode = 1;
}
process.exit();
