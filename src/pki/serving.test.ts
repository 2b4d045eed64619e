// Judged by openssl and by Node's own TLS: a client that trusts the CA alone reaches the server under its names.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeServing, type ServingMaterial } from './serving.ts';

const names = ['metrics.example.svc', 'metrics.example'];
let directory: string;
let made: ServingMaterial;
const file = (name: string): string => join(directory, name);
const openssl = (...args: readonly string[]): string =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'serving-'));
  const sans = names.map((value) => ({ kind: 'dns', value }) as const);
  made = makeServing({ commonName: 'metrics', sans, now: new Date() });
  writeFileSync(file('ca.pem'), made.ca);
  writeFileSync(file('leaf.pem'), made.certificate);
  writeFileSync(file('key.pem'), made.key);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test.each(names)('openssl, strict, accepts the certificate for %s', (name) => {
  const words = ['verify', '-x509_strict', '-CAfile', file('ca.pem'), '-purpose', 'sslserver'];
  expect(openssl(...words, '-verify_hostname', name, file('leaf.pem'))).toContain('OK');
});

test('openssl refuses it for another name, and the CA signs leaves only', () => {
  const words = ['verify', '-CAfile', file('ca.pem'), '-verify_hostname', 'kubernetes.default.svc'];
  expect(() => openssl(...words, file('leaf.pem'))).toThrow(/hostname mismatch/i);
  const ca = openssl('x509', '-in', file('ca.pem'), '-noout', '-ext', 'basicConstraints,keyUsage');
  expect(ca).toMatch(/CA:TRUE, pathlen:0/);
  expect(ca).toMatch(/Certificate Sign\s*$/);
});

test('the key fits, and a client that trusts the CA alone gets through', async () => {
  expect(openssl('pkey', '-in', file('key.pem'), '-pubout')).toBe(
    openssl('x509', '-in', file('leaf.pem'), '-noout', '-pubkey'),
  );
  const server = createServer({ key: made.key, cert: made.certificate }, (socket) => socket.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it listens on no port');
  const client: TLSSocket = connect({ port: address.port, ca: made.ca, servername: names[0] ?? '' });
  await once(client, 'secureConnect');
  expect(client.authorized).toBe(true);
  client.destroy();
  server.close();
});

test('two of them have nothing in common', () => {
  const other = makeServing({ commonName: 'metrics', sans: [], now: new Date() });
  expect(other.key).not.toBe(made.key);
  expect(other.ca).not.toBe(made.ca);
});
