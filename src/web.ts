// The web program: serves the downloads over plain HTTP behind Service frontend (R19, R26). It has no rights in the cluster.
import { parseArgs } from 'node:util';
import { CertError, describeError } from './errors.ts';
import { downloadDirectory } from './image.ts';
import { readListen, type ListenAddress } from './listen.ts';
import { createLog } from './log.ts';
import { readDownloads } from './web/downloads.ts';
import { serveDownloads } from './web/server.ts';

interface Flags extends ListenAddress {
  readonly downloads: string;
  readonly logLevel: string;
}

function readFlags(args: readonly string[], env: NodeJS.ProcessEnv): Flags {
  const { values } = parseArgs({
    args: [...args],
    options: {
      listen: { type: 'string', default: env['LISTEN'] ?? '127.0.0.1:8080' },
      downloads: { type: 'string', default: downloadDirectory },
      'log-level': { type: 'string', default: env['LOG_LEVEL'] ?? 'info' },
    },
  });
  return { ...readListen(values.listen), downloads: values.downloads, logLevel: values['log-level'] };
}

const stop = new AbortController();
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
try {
  const { logLevel, ...flags } = readFlags(process.argv.slice(2), process.env);
  const log = createLog(logLevel);
  await serveDownloads({ ...flags, downloads: readDownloads(flags.downloads), log }, stop.signal);
  log.info({ host: flags.host, port: flags.port }, 'web started');
} catch (error) {
  console.error(`web: ${describeError(error)}`);
  if (!(error instanceof CertError) && error instanceof Error) console.error(error.stack);
  process.exitCode = error instanceof CertError ? 2 : 1;
  stop.abort();
}
