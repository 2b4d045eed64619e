// What kube-apiserver and the kubelet (since 1.31, R21) show of their files: both read them by k8s.io/apiserver's
// dynamiccertificates. How etcd does it is in parts/parts.test.ts.
import * as fs from 'node:fs';
import { Agent, request, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { life, planeHost, serialOf, shownAt } from '../../../test/kube/simulated-plane.ts';
import { makeAuthority, makeLeaf, type Authority, type Pair } from '../cluster/authority.ts';
import { eventually } from '../contract/eventually.ts';
import { serveFiles } from './served.ts';

const authority = makeAuthority('kubernetes', life);
/** For a server to look at its files more than once. */
const looksMs = 1000;

let directory: string;
let stop: AbortController;
let server: Server;
let first: Pair;

const path = (name: string): string => join(directory, name);
const leafOf = (signer: Authority): Pair => makeLeaf(signer, { commonName: 'kube-apiserver' }, life);

/** By a rename, as whoever is careful. */
function lay(name: string, text: string): void {
  fs.writeFileSync(path('new'), text);
  fs.renameSync(path('new'), path(name));
}

function port(): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function comes(what: string, holds: () => Promise<boolean>): Promise<void> {
  await eventually(holds, { seconds: 5, otherwise: `it has not come: ${what}` });
}

const shows = async (pair: Pair): Promise<void> =>
  comes('the new pair', async () => (await shownAt(port())) === serialOf(pair));

/** Whether the server knows a client's CA, and over which connection it said so: the client's port. */
async function ask(agent: Agent): Promise<{ readonly known: string; readonly from: number | undefined }> {
  return new Promise((resolve, reject) => {
    const call = request({ host: planeHost, port: port(), agent, rejectUnauthorized: false }, (response) => {
      const from = response.socket.localPort;
      response.setEncoding('utf8').on('data', (known: string) => resolve({ known, from }));
    });
    call.once('error', reject);
    call.end();
  });
}

const clientOf = ({ certificate: cert, key }: Pair): Agent => new Agent({ cert, key, keepAlive: true });

const isKnown = async (pair: Pair): Promise<boolean> => {
  const agent = clientOf(pair);
  const { known } = await ask(agent);
  agent.destroy();
  return known === 'true';
};

beforeEach(async () => {
  directory = fs.mkdtempSync(join(tmpdir(), 'served-'));
  first = leafOf(authority);
  lay('tls.crt', first.certificate);
  lay('tls.key', first.key);
  lay('ca.crt', authority.certificate);
  stop = new AbortController();
  server = await serveFiles(
    { certFile: path('tls.crt'), keyFile: path('tls.key'), clientCaFile: path('ca.crt') },
    { host: planeHost, port: 0 },
    ({ socket }, response) => response.end(String(socket instanceof TLSSocket && socket.authorized)),
    stop.signal,
  );
});

afterEach(() => {
  stop.abort();
  fs.rmSync(directory, { recursive: true });
});

it('takes a new pair up without a restart, and keeps the connections that it has', async () => {
  expect(await shownAt(port())).toBe(serialOf(first));
  const agent = clientOf(first);
  const before = await ask(agent);
  const next = leafOf(authority);
  lay('tls.crt', next.certificate);
  lay('tls.key', next.key);
  await shows(next);
  expect((await ask(agent)).from).toBe(before.from);
  agent.destroy();
});

it.each([
  ['the certificate', 'tls.crt', 'tls.key'],
  ['the key', 'tls.key', 'tls.crt'],
])('shows the old pair as long as only %s of a new one lies there', async (_, earlier, later) => {
  const next = leafOf(authority);
  const texts: Readonly<Record<string, string>> = { 'tls.crt': next.certificate, 'tls.key': next.key };
  lay(earlier, texts[earlier] ?? '');
  await wait(looksMs);
  expect(await shownAt(port())).toBe(serialOf(first));
  lay(later, texts[later] ?? '');
  await shows(next);
});

it('shows the old pair while there is none, or nonsense', async () => {
  fs.rmSync(path('tls.crt'));
  await wait(looksMs);
  expect(await shownAt(port())).toBe(serialOf(first));
  lay('tls.crt', 'nonsense');
  await wait(looksMs);
  expect(await shownAt(port())).toBe(serialOf(first));
});

it('knows the clients of a new CA without a restart', async () => {
  const other = makeAuthority('kubernetes', life);
  const [known, unknown] = [leafOf(authority), leafOf(other)];
  expect([await isKnown(known), await isKnown(unknown)]).toEqual([true, false]);
  lay('ca.crt', authority.certificate + other.certificate);
  await comes('the new CA', async () => isKnown(unknown));
  expect(await isKnown(known)).toBe(true);
});
