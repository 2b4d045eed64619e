// A kube-apiserver as its clients see it: TLS from the node's own files, client certificates against the node's own CA,
// health, a loopback certificate made at its start, and an etcd that it must have. Objects are asked of the store behind.
import * as fs from 'node:fs';
import { Agent, request as ask } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureContext, TLSSocket } from 'node:tls';
import { setTimeout as wait } from 'node:timers/promises';
import { flagsOf } from '../../../formats/manifest.ts';
import { makeAuthority } from '../../cluster/authority.ts';
import { holds, peerOf } from '../../peer.ts';
import { answersWell } from '../answers-well.ts';
import { serveFiles } from '../served.ts';
import { headersOf, readStoreAccess, type Caller as User } from '../store-access.ts';

const flags = flagsOf(process.argv.slice(2));
const flag = (name: string): string => flags.get(name) ?? '';
const hour = 3_600_000;
const year = 365 * 24 * hour;
/** Without etcd a fresh one ends (R15). */
const patienceMs = 20_000;
const lookMs = 500;
/** While it waits for etcd. */
const firstLookMs = 50;
const loopbackName = 'apiserver-loopback-client';

const store = readStoreAccess();
const { ca, cert, key } = store;
const agents = {
  /** Acts as whoever has shown a certificate. */
  known: new Agent({ keepAlive: true, secureContext: createSecureContext({ ca, cert, key }) }),
  /** Passes on what the request has: a token, or nothing. */
  unknown: new Agent({ keepAlive: true, secureContext: createSecureContext({ ca }) }),
} as const;
const etcd = {
  cert: fs.readFileSync(flag('etcd-certfile')),
  key: fs.readFileSync(flag('etcd-keyfile')),
  ca: fs.readFileSync(flag('etcd-cafile')),
};
const etcdAgent = new Agent({ keepAlive: true });
let etcdWell = false;
let stopping = false;

async function isEtcdWell(): Promise<boolean> {
  const { hostname: host, port } = new URL(flag('etcd-servers').split(',')[0] ?? '');
  return answersWell({ host, port, path: '/health', ...etcd, agent: etcdAgent, timeout: 1000 });
}

type Caller = User | 'nobody' | 'refused';

function callerOf({ socket }: IncomingMessage): Caller {
  if (!(socket instanceof TLSSocket)) return 'nobody';
  const peer = peerOf(socket);
  if (peer === undefined) return 'nobody';
  if (!holds(socket, peer, new Date())) return 'refused';
  return { user: peer.subject.commonName ?? '', groups: peer.subject.organizations };
}

function handle(request: IncomingMessage, response: ServerResponse): void {
  const caller = callerOf(request);
  const { pathname } = new URL(request.url ?? '/', 'https://server');
  if (caller === 'refused') return say(response, 401, 'Unauthorized');
  const check = /^\/(readyz|livez|healthz)(?:\/(\w+))?$/u.exec(pathname);
  if (check !== null) return health(check[1] ?? '', check[2], caller, response);
  if (!etcdWell) return say(response, 500, 'etcdserver: request timed out');
  forward(caller, request, response);
}

function health(kind: string, part: string | undefined, caller: Caller, response: ServerResponse): void {
  if (part !== undefined && caller === 'nobody') return say(response, 403, `/${kind}/${part} is forbidden`);
  const well = part === 'etcd' || kind === 'readyz' ? etcdWell && !(kind === 'readyz' && stopping) : true;
  response
    .writeHead(well ? 200 : 500)
    .end(well ? 'ok' : `[${etcdWell ? '+' : '-'}]etcd\n[${stopping ? '-' : '+'}]shutdown\n`);
}

function say(response: ServerResponse, code: number, message: string): void {
  const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code };
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function forward(
  caller: Exclude<Caller, 'refused'>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { method, url: path } = request;
  const { host, port } = store;
  // The store would take them for ours.
  if (Object.keys(request.headers).some((name) => name.startsWith('impersonate-')))
    return say(response, 403, 'acting as another user is not passed on here');
  const acting = caller === 'nobody' ? {} : headersOf(caller);
  const headers = { ...request.headers, ...acting, host: `${host}:${port}` };
  const agent = caller === 'nobody' ? agents.unknown : agents.known;
  const sent = ask({ host, port, method, path, headers, agent }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    // A watch says that it has begun before anything happens.
    response.flushHeaders();
    answer.pipe(response);
    answer.once('error', () => response.destroy());
  });
  sent.once('error', () =>
    response.headersSent ? response.destroy() : say(response, 500, 'the store does not answer'),
  );
  response.once('close', () => sent.destroy());
  request.pipe(sent);
}

/** Of three years, with its beginning an hour back (client-go's cert.go). */
function loopbackContext() {
  const now = Date.now();
  const { certificate, key } = makeAuthority(`${loopbackName}@${Math.floor(now / 1000)}`, {
    notBefore: new Date(now - hour),
    notAfter: new Date(now + 3 * year),
  });
  return createSecureContext({ cert: certificate, key });
}

async function stop(): Promise<void> {
  stopping = true;
  await wait(1000 * Number.parseFloat(flag('shutdown-delay-duration') || '0'));
  process.exit(0);
}

process.once('SIGTERM', () => void stop());
const startedAt = Date.now();
while (!(etcdWell = await isEtcdWell())) {
  if (Date.now() - startedAt > patienceMs) {
    console.error('failed to create storage: context deadline exceeded');
    process.exit(1);
  }
  await wait(firstLookMs);
}
const loopback = loopbackContext();
await serveFiles(
  {
    certFile: flag('tls-cert-file'),
    keyFile: flag('tls-private-key-file'),
    clientCaFile: flag('client-ca-file'),
  },
  { host: flag('bind-address'), port: Number(flag('secure-port') || 6443) },
  handle,
  new AbortController().signal,
  { SNICallback: (name, done) => done(null, name === loopbackName ? loopback : undefined) },
);
for (;;) {
  etcdWell = await isEtcdWell();
  await wait(lookMs);
}
