// The controller's program: reads its flags and wires the parts together. Two replicas run; one leads.
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { admissionHolds, type AdmissionAnswer } from './controller/signer/admission-check.ts';
import { gatherEndpoints, type GatheredEndpoints } from './controller/signer/endpoints.ts';
import { handleRequests } from './controller/signer/handle.ts';
import { ConfigurationFile } from './controller/configuration-file.ts';
import type { Configuration } from './controller/configuration.ts';
import { decide } from './controller/decide/index.ts';
import { dashboardServing } from './controller/downloads.ts';
import { DownloadsKeeper, readChecksums } from './controller/downloads-keeper.ts';
import { EventRecorder } from './controller/events.ts';
import { Caches, Gatherer } from './controller/gather.ts';
import { serveHealth } from './controller/health-server.ts';
import { readyzOver } from './controller/health.ts';
import { LastAnswer } from './controller/last-answer.ts';
import { Alarm } from './controller/loop-alarm.ts';
import { Authority } from './controller/loop-authority.ts';
import { leaseRef, runLoop, type LoopParts } from './controller/loop.ts';
import { Metrics } from './controller/metrics.ts';
import { serveMetrics } from './controller/metrics-server.ts';
import { capturePods, forbiddenPod, podBuilders } from './controller/pods.ts';
import { ScrapeAccess } from './controller/scrape-access.ts';
import { metricsServing, ServingKeeper, servingOf } from './controller/serving-keeper.ts';
import { ClockWatch } from './controller/skew.ts';
import { dialTls } from './controller/vault/anchors.ts';
import { CertError, describeError } from './errors.ts';
import { downloadDirectory } from './image.ts';
import { CallerAccess } from './kube/access.ts';
import { createClient, type KubeClient } from './kube/client.ts';
import { Connection, loadKubeConfig } from './kube/connection.ts';
import { fence } from './kube/fence.ts';
import { runElection, type Term } from './kube/lease.ts';
import { pause } from './kube/reflector.ts';
import { readListen, type ListenAddress } from './listen.ts';
import { createLog, quietly, type Logger } from './log.ts';

interface Flags extends ListenAddress {
  /** Where the metrics are served by TLS; undefined: nowhere. */
  readonly metrics: ListenAddress | undefined;
  readonly config: string;
  readonly kubeconfig: string | undefined;
  readonly kekFile: string | undefined;
  /** R8: for Kubernetes before 1.30, where the policy cannot be. */
  readonly withoutAdmissionPolicy: boolean;
  readonly identity: string;
  readonly downloads: string;
  readonly logLevel: string;
}

function readFlags(args: readonly string[], env: NodeJS.ProcessEnv): Flags {
  const { values } = parseArgs({
    args: [...args],
    options: {
      config: { type: 'string', default: env['CONFIG_FILE'] ?? '/etc/cluster-cert-rotator/config.yaml' },
      kubeconfig: { type: 'string' },
      listen: { type: 'string', default: env['LISTEN'] ?? '127.0.0.1:9808' },
      'metrics-listen': { type: 'string', default: env['METRICS_LISTEN'] ?? '' },
      'kek-file': { type: 'string' },
      'without-admission-policy': { type: 'boolean', default: env['WITHOUT_ADMISSION_POLICY'] === 'true' },
      downloads: { type: 'string', default: downloadDirectory },
      'log-level': { type: 'string', default: env['LOG_LEVEL'] ?? 'info' },
    },
  });
  return {
    config: values.config,
    kubeconfig: values.kubeconfig ?? (env['KUBECONFIG'] || undefined),
    ...readListen(values.listen),
    metrics: values['metrics-listen'] === '' ? undefined : readListen(values['metrics-listen']),
    kekFile: values['kek-file'] ?? (env['KEK_FILE'] || undefined),
    withoutAdmissionPolicy: values['without-admission-policy'],
    // Two processes must never have one name: a Pod's is unique, a person's machine may run two.
    identity: env['POD_NAME'] ?? `${hostname()}-${process.pid}`,
    downloads: values.downloads,
    logLevel: values['log-level'],
  };
}

/** Milliseconds without a finished pass or action after which a leader counts as stuck. */
const stuckAfter = 300_000;

async function main(flags: Flags, signal: AbortSignal): Promise<void> {
  const log = createLog(flags.logLevel);
  const configuration = new ConfigurationFile(flags.config);
  const { publicNamespace } = configuration.look().configuration;
  const clock = new ClockWatch();
  const connection = new Connection(loadKubeConfig(flags.kubeconfig), {
    onClock: (sample) => clock.note(sample),
  });
  const client = createClient(connection);
  const alarm = new Alarm();
  const caches = new Caches(client, publicNamespace, alarm.ring, () =>
    quietly((error, repeated) => log.warn({ err: error, repeated }, 'following the API was interrupted')),
  );
  const metrics = new Metrics();
  let lastPass: number | undefined;
  const stuck = (): string | undefined =>
    lastPass !== undefined && performance.now() - lastPass > stuckAfter ? 'the loop is stuck' : undefined;
  await serveHealth(
    {
      host: flags.host,
      port: flags.port,
      metrics,
      alive: stuck,
      ready: () => (caches.synced ? undefined : 'the API server has not been read yet'),
    },
    signal,
  );

  const onPass = (): void => {
    lastPass = performance.now();
  };
  const common = { flags, client, caches, alarm, configuration, metrics, log, publicNamespace, clock };
  const shared: Shared = { ...common, onPass };
  log.info({ identity: flags.identity, server: connection.server }, 'controller started');
  const onError = quietly((error, repeated) => log.warn({ err: error, repeated }, 'the Lease'));
  const election = runElection(
    { client, ...leaseRef, me: flags.identity, onError },
    async (term) => {
      log.info('leading');
      await lead(shared, term);
      lastPass = undefined;
      metrics.standBy();
      log.info('no longer leading');
    },
    signal,
  );
  const access = new CallerAccess(connection);
  const scrapes = serveScrapes({ ...shared, access }, signal);
  await Promise.all([caches.run(signal), election, scrapes]);
  await access.close();
  await connection.close();
  log.info('controller stopped');
}

async function serveScrapes(
  { flags, client, metrics, log, access }: Shared & { readonly access: CallerAccess },
  signal: AbortSignal,
): Promise<void> {
  if (flags.metrics === undefined) return;
  const options = {
    ...flags.metrics,
    metrics,
    access: new ScrapeAccess(async (token) => access.mayGet('/metrics', token)),
    material: async () => servingOf(client, metricsServing),
    onError: quietly((error, repeated) => log.warn({ err: error, repeated }, 'serving the metrics')),
  };
  await serveMetrics(options, signal);
}

interface Shared {
  readonly flags: Flags;
  readonly client: KubeClient;
  readonly caches: Caches;
  readonly alarm: Alarm;
  readonly configuration: ConfigurationFile;
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly publicNamespace: string;
  readonly clock: ClockWatch;
  readonly onPass: () => void;
}

/** One term: opens the vault, then runs the loop until the term ends. */
async function lead(shared: Shared, term: Term): Promise<void> {
  const client = fence(shared.client, term.holds);
  const dial = dialTls(term.signal);
  const started = await begin({ ...shared, client }, dial, term);
  if (started === undefined) return;
  const { authority, nodeInExtras } = started;
  const skew = (): number | undefined => shared.clock.worst();
  const downloads = new DownloadsKeeper({
    ...shared,
    client,
    checksums: readChecksums(shared.flags.downloads),
  });
  const serving = new ServingKeeper(
    client,
    [metricsServing, dashboardServing(shared.publicNamespace)],
    shared.log,
  );
  const parts: LoopParts = {
    ...shared,
    client,
    authority,
    skew,
    gatherer: new Gatherer({
      client,
      caches: shared.caches,
      dial,
      ask: readyzOver(async () => client.credentials()),
    }),
    events: new EventRecorder(client, shared.flags.identity),
    admission: admissionGuard(shared, client),
    decide: (world) => decide(world, podBuilders),
    keepDownloads: async (configuration) => downloads.keep(configuration),
    keepServing: async (now) => serving.keep(now),
    sign: signing({ ...shared, client, authority, nodeInExtras, skew, dial }),
  };
  await runLoop(parts, term);
}

interface SigningParts extends Shared {
  readonly authority: Authority;
  readonly nodeInExtras: boolean;
  readonly skew: () => number | undefined;
  readonly dial: ReturnType<typeof dialTls>;
}

/** The signer's rounds. What waits is asked again by every pass, and told when what it waits for changes. */
function signing({ authority, client, caches, dial, log, skew, ...more }: SigningParts): LoopParts['sign'] {
  const endpoints = new LastAnswer<GatheredEndpoints>();
  let waiting: ReadonlyMap<string, string> = new Map();
  return async (configuration, now) => {
    const { vault } = authority;
    if (vault === undefined) return [];
    const nodes = caches.nodes.values();
    const { handled, events } = await handleRequests({
      client,
      now,
      requests: caches.requests.values(),
      rotations: caches.rotations.values(),
      nodes,
      vault,
      configuration,
      skew: skew(),
      nodeInExtras: more.nodeInExtras,
      publicNamespace: more.publicNamespace,
      endpoints: async () => endpoints.get(1000, async () => gatherEndpoints(client, nodes, dial)),
    });
    for (const one of handled) if (waiting.get(one.name) !== one.message) log.info(one, 'signing request');
    waiting = new Map(
      handled.flatMap(({ name, outcome, message }) => (outcome === 'waits' ? [[name, message]] : [])),
    );
    return events;
  };
}

/** What a term begins with; tried until it works or the term ends. */
async function begin(
  shared: Shared,
  dial: ReturnType<typeof dialTls>,
  term: Term,
): Promise<{ authority: Authority; nodeInExtras: boolean } | undefined> {
  const { client, configuration, log } = shared;
  while (!term.signal.aborted) {
    try {
      const [authority, nodeInExtras] = await Promise.all([
        Authority.open({
          ...shared,
          dial,
          kekFile: shared.flags.kekFile,
          capturePods: capturePods(() => configuration.current),
        }),
        hasNodeInExtras(client),
        // The leader before us may have begun something that our watches have not told yet.
        shared.caches.refresh(),
      ]);
      return { authority, nodeInExtras };
    } catch (error) {
      log.error({ err: error }, 'cannot begin to lead');
      shared.onPass();
      await pause(5000, term.signal);
    }
  }
  return undefined;
}

/** Kubernetes ≥ 1.30 says in a token's extras on which node its Pod runs (KEP-4193). */
async function hasNodeInExtras(client: KubeClient): Promise<boolean> {
  const { status, text } = await client.raw('/version');
  // A guess would hold for the whole term, and the check that rests on it would be the weaker one.
  if (status !== 200) throw new CertError('Unreachable', `/version answers ${status}`);
  const version: { major?: string; minor?: string } = JSON.parse(text);
  return Number(version.major) > 1 || Number.parseInt(version.minor ?? '', 10) >= 30;
}

/** Asks the policy at the beginning of a term and then every few minutes; while it does not hold, each time (R8). */
function admissionGuard({ flags, caches }: Shared, client: KubeClient): LoopParts['admission'] {
  const answers = new LastAnswer<AdmissionAnswer>();
  return async (configuration: Configuration) => {
    if (flags.withoutAdmissionPolicy) return undefined;
    const [node] = caches.nodes.values();
    if (node === undefined) return 'the cluster has no nodes';
    const answer = await answers.get(300_000, async () =>
      admissionHolds(client, forbiddenPod(node, configuration)),
    );
    if (answer.ok) return undefined;
    answers.forget();
    return answer.message;
  };
}

const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
try {
  await main(readFlags(process.argv.slice(2), process.env), stop.signal);
} catch (error) {
  console.error(`controller: ${describeError(error)}`);
  if (!(error instanceof CertError) && error instanceof Error) console.error(error.stack);
  process.exitCode = error instanceof CertError ? 2 : 1;
  stop.abort();
}
