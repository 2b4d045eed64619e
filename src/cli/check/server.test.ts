import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as net from 'node:net';
import * as tls from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bench } from '../../../test/judge/judge.ts';
import { pem } from '../../formats/pem.ts';
import { makeCa, makeDisk } from '../../rotation/fake-disk.ts';
import { FakeNode } from '../../rotation/fake-node.ts';
import { check } from '../check.ts';
import type { CheckReport } from './decide.ts';
import type { CheckNode } from './gather.ts';

const bench = new Bench();
const signal = new AbortController().signal;
const servers: net.Server[] = [];
let node: CheckNode;

async function listen(server: net.Server): Promise<number> {
  servers.push(server);
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

const read = (name: string): string => readFileSync(bench.path(name), 'latin1');

beforeAll(() => {
  const ca = makeCa();
  node = {
    ...new FakeNode(makeDisk(ca, 300), ca).node,
    isOwnAddress: () => true,
    remoteMounts: [],
    now: () => new Date(),
  };
  const p256 = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
  bench.openssl(
    `req -x509 ${p256} -keyout ca.key -out ca.crt -days 400`,
    '-utf8',
    '-subj',
    '/CN=a \u202Ebc\u0007',
  );
  bench.write('ca.ext', 'basicConstraints=critical,CA:TRUE\n');
  bench.openssl(`req ${p256} -subj /CN=n1 -keyout s.key -out s.csr`);
  bench.write('s.ext', 'subjectAltName=DNS:n1.example,IP:127.0.0.1\n');
  bench.openssl('x509 -req -in s.csr -CA ca.crt -CAkey ca.key -days 90 -extfile s.ext -out s.crt');
  bench.openssl('x509 -req -in s.csr -CA ca.crt -CAkey ca.key -days -1 -out old.crt');
});
afterAll(() => {
  for (const server of servers) server.close();
  bench.remove();
});

const serve = (certificate: string, more: tls.TlsOptions = {}): Promise<number> =>
  listen(tls.createServer({ cert: certificate, key: read('s.key'), ...more }, (socket) => socket.end()));

const ask = (port: number, host = '127.0.0.1'): Promise<CheckReport> =>
  check({ files: [], server: { host, port } }, signal, node);

describe('check --server', () => {
  it('shows the chain, the names and the end, and counts as files do', async () => {
    const report = await ask(await serve(read('s.crt') + read('ca.crt')));
    expect(report.exitCode).toBe(0);
    expect(report.certificates).toMatchObject([
      { row: { kind: 'served', sans: ['DNS:n1.example', 'IP:127.0.0.1'] }, verdict: 'Fine' },
      { row: { kind: 'served' }, title: 'shown along with it', verdict: 'Fine' },
    ]);
    expect(report.certificates[0]?.remarks).toEqual([
      expect.stringMatching(/^subject CN=n1, issuer CN=a \\E2\\80\\AEbc\\07, serial [0-9a-f]+$/),
      'names DNS:n1.example, IP:127.0.0.1',
    ]);
  });

  it('that does not name what was asked for says so', async () => {
    const report = await ask(await serve(read('s.crt')), 'localhost');
    expect(report.certificates[0]?.remarks).toContain(
      'does not name localhost: clients that asked for it by that name refuse it',
    );
  });

  it('is answered also by one that asks for a client’s certificate', async () => {
    const report = await ask(await serve(read('s.crt'), { requestCert: true, rejectUnauthorized: false }));
    expect(report.exitCode).toBe(0);
  });

  it.each([
    ['TLS 1.2', { maxVersion: 'TLSv1.2' as const }],
    ['TLS 1.3', { minVersion: 'TLSv1.3' as const }],
  ])('has expired with %s', async (_, options) => {
    const port = await serve(read('old.crt'), options);
    const report = await ask(port);
    expect(report).toMatchObject({
      exitCode: 11,
      next: [`run cert-renew check on the machine that serves 127.0.0.1:${port}`],
    });
  });

  it('tells what this node’s CA has signed', async () => {
    const ca = makeCa();
    const fake = new FakeNode(makeDisk(ca, 300), ca);
    const [shown] = [pem('CERTIFICATE', ca.certificate.der)];
    bench.write('own.key', ca.key.export({ type: 'pkcs8', format: 'pem' }));
    const port = await listen(tls.createServer({ cert: shown, key: read('own.key') }));
    const own = { ...node, files: fake.files };
    const { certificates } = await check({ files: [], server: { host: '127.0.0.1', port } }, signal, own);
    expect(certificates[0]?.row.ca).toBe('kubernetes');
  });

  it('that does not speak TLS, or is not there, is an error that names it', async () => {
    const port = await listen(net.createServer((socket) => socket.end('no TLS\n')));
    await expect(ask(port)).rejects.toThrow(/^127\.0\.0\.1:\d+ does not answer: /);
    await expect(ask(1)).rejects.toThrow('127.0.0.1:1 does not answer: connect ECONNREFUSED');
  });
});
