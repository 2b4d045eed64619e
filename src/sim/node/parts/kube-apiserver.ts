// A kube-apiserver as its clients see it: TLS from the node's own files, client certificates against the node's own CA,
// health, a loopback certificate made at its start, and an etcd that it must have. Objects are asked of the store behind.
import * as fs from 'node:fs';
import { Agent, request as ask } from 'node:https';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { createSecureContext, TLSSocket } from 'node:tls';
import { setTimeout as wait } from 'node:timers/promises';
import { flagsOf } from '../../../formats/manifest.ts';
import { plainError, unauthorized, type ApiError } from '../../api/status.ts';
import { ownerOf, remoteHeaders, type User } from '../../api/users.ts';
import { makeAuthority } from '../../cluster/authority.ts';
import { holds, peerOf } from '../../peer.ts';
import { answersWell } from '../answers-well.ts';
import { serveFiles } from '../served.ts';
import { readStoreAccess } from '../store-access.ts';

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
  /** Says for whom it asks: whoever has shown a certificate. */
  known: new Agent({ keepAlive: true, secureContext: createSecureContext({ ca, cert, key }) }),
  /** Passes on what the request has: a token, or nothing. */
  unknown: new Agent({ keepAlive: true, secureContext: createSecureContext({ ca }) }),
} as const;

/** As etcd's own client: files are read for each connection, and one that is open stays as it was opened. */
class EtcdAgent extends Agent {
  override createConnection(...[options, ...more]: Parameters<Agent['createConnection']>) {
    const [cert, key, ca] = ['certfile', 'keyfile', 'cafile'].map((name) =>
      fs.readFileSync(flag(`etcd-${name}`)),
    );
    return super.createConnection({ ...options, cert, key, ca }, ...more);
  }
}

// A session that is taken up again would show the certificate of then.
const etcdAgent = new EtcdAgent({ keepAlive: true, maxCachedSessions: 0 });
let etcdWell = false;
let stopping = false;

async function isEtcdWell(): Promise<boolean> {
  const { hostname: host, port } = new URL(flag('etcd-servers').split(',')[0] ?? '');
  try {
    return await answersWell({ host, port, path: '/health', agent: etcdAgent, timeout: 1000 });
  } catch {
    // Between two renames its files do not fit.
    return false;
  }
}

type Caller = User | 'nobody' | 'refused';

function callerOf({ socket }: IncomingMessage): Caller {
  if (!(socket instanceof TLSSocket)) return 'nobody';
  const peer = peerOf(socket);
  if (peer === undefined) return 'nobody';
  if (!holds(socket, peer, new Date())) return 'refused';
  return ownerOf(peer);
}

function handle(request: IncomingMessage, response: ServerResponse): void {
  const caller = callerOf(request);
  if (caller === 'refused') return say(response, unauthorized());
  const [path = ''] = (request.url ?? '').split('?');
  const check = /^\/(readyz|livez|healthz)(\/\w+)?$/u.exec(path);
  // As the real one says it: what its storage says has no reason.
  if (check === null && !etcdWell) return say(response, plainError('etcdserver: request timed out'));
  forward(caller, request, response, check === null ? undefined : failureOf(check[1] ?? '', check[2]));
}

/** What is said in place of "ok" to whoever may ask; undefined: all is well. In the words of apiserver's healthz. */
function failureOf(kind: string, part: string | undefined): string | undefined {
  const checks = { ping: true, etcd: etcdWell, ...(kind === 'readyz' ? { shutdown: !stopping } : {}) };
  const failed = Object.entries(checks).filter(([, well]) => !well);
  if (part !== undefined) {
    const isFailed = failed.some(([name]) => part === `/${name}`);
    return isFailed ? 'internal server error: context deadline exceeded\n' : undefined;
  }
  if (failed.length === 0) return undefined;
  const lines = Object.entries(checks).map(([name, well]) =>
    well ? `[+]${name} ok\n` : `[-]${name} failed: reason withheld\n`,
  );
  return `${lines.join('')}${kind} check failed\n`;
}

function say(response: ServerResponse, error: ApiError): void {
  response
    .writeHead(error.code, { 'content-type': 'application/json' })
    .end(JSON.stringify(error.toStatus()));
}

/** The store says whether it may be asked; what it then says of its own health counts only while ours is no worse. */
function forward(
  caller: Exclude<Caller, 'refused'>,
  request: IncomingMessage,
  response: ServerResponse,
  failure: string | undefined,
): void {
  const { method, url: path } = request;
  const { host, port } = store;
  const headers = { ...headersFor(caller, request), host: `${host}:${port}` };
  const agent = caller === 'nobody' ? agents.unknown : agents.known;
  const sent = ask({ host, port, method, path, headers, agent }, (answer) => {
    if (failure !== undefined && answer.statusCode === 200) {
      answer.resume();
      response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' }).end(failure);
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    // A watch says that it has begun before anything happens.
    response.flushHeaders();
    answer.pipe(response);
    answer.once('error', () => response.destroy());
  });
  sent.once('error', () =>
    response.headersSent ? response.destroy() : say(response, plainError('the store does not answer')),
  );
  response.once('close', () => sent.destroy());
  request.pipe(sent);
}

/** Those of the request, but for those in which the store would take its word for who asks. */
function headersFor(
  caller: Exclude<Caller, 'refused'>,
  { headersDistinct }: IncomingMessage,
): OutgoingHttpHeaders {
  const own = Object.entries(headersDistinct).filter(([name]) => !name.startsWith('x-remote-'));
  return { ...Object.fromEntries(own), ...(caller === 'nobody' ? {} : remoteHeaders(caller)) };
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
