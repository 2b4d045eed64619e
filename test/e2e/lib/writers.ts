// Clients as R22 counts them: each request opens a connection of its own, through the address that everybody uses (the
// load balancer's where there is one), and is never tried again.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { Bed } from './bed.ts';
import { pause } from './command.ts';
import { kubectlOf } from './kubectl.ts';
import type { Allowance } from './world.ts';

export interface Failure {
  readonly at: Date;
  readonly writer: number;
  readonly message: string;
}

export interface Tally {
  readonly requests: number;
  readonly failures: readonly Failure[];
  /** Milliseconds of the slowest request that succeeded. */
  readonly slowest: number;
}

export interface Writers {
  /** Ends when every request under way has ended. */
  stop(): Promise<Tally>;
}

/** What they leave behind, for the judge of the world's difference. */
export const writersTraces: readonly Allowance[] = [
  { what: /^api:configmaps\/default\/writer-\d+$/, how: ['added'], why: 'each writer’s own ConfigMap' },
];

/** `12345 requests, 0 failed, the slowest took 812 ms`, and each failure on a line of its own. */
export function tellTally({ requests, failures, slowest }: Tally): string {
  return [
    `${requests} requests, ${failures.length} failed, the slowest took ${slowest.toFixed(0)} ms`,
    ...failures.map(({ at, writer, message }) => `  ${at.toISOString()} writer ${writer}: ${message}`),
  ].join('\n');
}

export interface WritersOptions {
  readonly count?: number;
}

/** Milliseconds that a writer rests between two requests. */
const rest = 20;

/** Writers that each update a ConfigMap of their own in `default`, one request after the other, until they are stopped. */
export async function startWriters(bed: Bed, options: WritersOptions = {}): Promise<Writers> {
  const access = readAccess(bed.kubeconfig);
  const kubectl = kubectlOf(bed);
  const ending = new AbortController();
  const failures: Failure[] = [];
  let requests = 0;
  let slowest = 0;
  const write = async (writer: number) => {
    for (let round = 1; !ending.signal.aborted; round += 1) {
      const startedAt = performance.now();
      requests += 1;
      try {
        await put(access, configMap(writer, round));
        slowest = Math.max(slowest, performance.now() - startedAt);
      } catch (error) {
        failures.push({
          at: new Date(),
          writer,
          message: error instanceof Error ? error.message : String(error),
        });
      }
      await pause(rest);
    }
  };
  const writers = Array.from({ length: options.count ?? 3 }, (_, i) => i + 1);
  await kubectl.apply(...writers.map((writer) => configMap(writer, 0)));
  const running = Promise.all(writers.map(write));
  return {
    stop: async () => {
      ending.abort();
      await running;
      return { requests, failures, slowest };
    },
  };
}

function configMap(writer: number, round: number) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `writer-${writer}`, namespace: 'default' },
    data: { round: String(round) },
  };
}

interface Access {
  readonly server: URL;
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** kubeadm's kubeconfig: one cluster, one user, everything embedded. */
function readAccess(path: string): Access {
  const text = readFileSync(path, 'utf8');
  const field = (name: string) => {
    const found = new RegExp(`^ *${name}: *(\\S+)$`, 'm').exec(text)?.[1];
    if (found === undefined) throw new Error(`${path} has no ${name}`);
    return found;
  };
  const data = (name: string) => Buffer.from(field(`${name}-data`), 'base64');
  return {
    server: new URL(field('server')),
    ca: data('certificate-authority'),
    cert: data('client-certificate'),
    key: data('client-key'),
  };
}

async function put(access: Access, object: ReturnType<typeof configMap>): Promise<void> {
  const body = JSON.stringify(object);
  const status = await new Promise<number>((resolve, reject) => {
    const sent = request(
      {
        host: access.server.hostname,
        port: access.server.port,
        path: `/api/v1/namespaces/${object.metadata.namespace}/configmaps/${object.metadata.name}`,
        method: 'PUT',
        headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
        ca: access.ca,
        cert: access.cert,
        key: access.key,
        agent: false,
        timeout: 60_000,
      },
      (answer) => {
        answer.on('error', reject);
        answer.on('end', () => resolve(answer.statusCode ?? 0));
        answer.resume();
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer for 60 s')));
    sent.on('error', reject);
    sent.end(body);
  });
  if (status !== 200) throw new Error(`PUT ${object.metadata.name}: ${status}`);
}
