// The web program: serves the downloads over plain HTTP behind Service frontend (R19, R26), and the dashboard over HTTPS
// behind Service cluster-cert-rotator. Its rights in the cluster are to read (R9); who acts by the dashboard does so with a
// token of their own.
import { parseArgs } from 'node:util';
import { CertError, describeError } from './errors.ts';
import { dashboardDirectory, downloadDirectory } from './image.ts';
import { createClient } from './kube/client.ts';
import { Connection, loadKubeConfig } from './kube/connection.ts';
import { defaultPublicNamespace } from './kube/types.ts';
import { readListen } from './listen.ts';
import { createLog, type Logger } from './log.ts';
import { serveDashboard } from './web/dashboard/server.ts';
import { readDownloads } from './web/downloads.ts';
import { serveDownloads } from './web/server.ts';

type Flags = ReturnType<typeof readFlags>;

/** An empty address switches its server off. */
function readFlags(args: readonly string[], env: NodeJS.ProcessEnv) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      listen: { type: 'string', default: env['LISTEN'] ?? '127.0.0.1:8080' },
      downloads: { type: 'string', default: downloadDirectory },
      'dashboard-listen': { type: 'string', default: env['DASHBOARD_LISTEN'] ?? '' },
      'dashboard-directory': { type: 'string', default: dashboardDirectory },
      'dashboard-hosts': { type: 'string', default: env['DASHBOARD_HOSTS'] ?? '' },
      'tls-directory': { type: 'string', default: env['TLS_DIRECTORY'] ?? '/etc/cluster-cert-rotator-tls' },
      'public-namespace': { type: 'string', default: env['PUBLIC_NAMESPACE'] ?? defaultPublicNamespace },
      kubeconfig: { type: 'string' },
      'log-level': { type: 'string', default: env['LOG_LEVEL'] ?? 'info' },
    },
  });
  return values;
}

async function startDownloads(flags: Flags, log: Logger, signal: AbortSignal): Promise<void> {
  if (flags.listen === '') return;
  const address = readListen(flags.listen);
  await serveDownloads({ ...address, downloads: readDownloads(flags.downloads), log }, signal);
  log.info({ host: address.host, port: address.port }, 'web started');
}

async function startDashboard(flags: Flags, log: Logger, signal: AbortSignal): Promise<void> {
  const address = readListen(flags['dashboard-listen']);
  const cluster = loadKubeConfig(flags.kubeconfig);
  const connection = new Connection(cluster);
  const hostNames = flags['dashboard-hosts'].split(',').filter((name) => name !== '');
  await serveDashboard(
    {
      ...address,
      directory: flags['dashboard-directory'],
      tlsDirectory: flags['tls-directory'],
      publicNamespace: flags['public-namespace'],
      hostNames: hostNames.map((name) => name.toLowerCase()),
      client: createClient(connection, signal),
      cluster,
      log,
    },
    signal,
  );
  log.info({ host: address.host, port: address.port }, 'dashboard started');
}

/** The downloads are for the day when nothing else works: what is wrong with the dashboard does not end them. */
async function withoutHarm(flags: Flags, log: Logger, signal: AbortSignal): Promise<void> {
  try {
    await startDashboard(flags, log, signal);
  } catch (error) {
    if (flags.listen === '') throw error;
    if (!signal.aborted) log.error({ err: error }, 'the dashboard is not served');
  }
}

const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
try {
  const flags = readFlags(process.argv.slice(2), process.env);
  const log = createLog(flags['log-level']);
  await startDownloads(flags, log, stop.signal);
  if (flags['dashboard-listen'] !== '') await withoutHarm(flags, log, stop.signal);
} catch (error) {
  if (!stop.signal.aborted) {
    console.error(`web: ${describeError(error)}`);
    if (!(error instanceof CertError) && error instanceof Error) console.error(error.stack);
    process.exitCode = error instanceof CertError ? 2 : 1;
  }
  stop.abort();
}
