// What a connection does while certificates and tokens change under it, and when nobody answers.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Connection, loadKubeConfig } from './connection.ts';

let directory: string;
let server: Server;
let connection: Connection;
let handle: (request: IncomingMessage, response: ServerResponse) => void;
let sockets = 0;

/** A certificate that signs itself, in files `<name>.crt` and `<name>.key`. */
function makeCertificate(name: string): { key: Buffer; cert: Buffer } {
  const [crt, key] = [join(directory, `${name}.crt`), join(directory, `${name}.key`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync(
    'openssl',
    ['req', '-x509', ...algorithm, ...subject, '-days', '1', '-keyout', key, '-out', crt],
    {
      stdio: 'pipe',
    },
  );
  return { key: readFileSync(key), cert: readFileSync(crt) };
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'connection-'));
  server = createServer(makeCertificate('first'), (request, response) => handle(request, response));
  sockets = 0;
  server.on('secureConnection', () => (sockets += 1));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  writeFileSync(join(directory, 'ca.crt'), readFileSync(join(directory, 'first.crt')));
  writeFileSync(join(directory, 'token'), 'one');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    {
      name: 'c',
      server: `https://127.0.0.1:${port}`,
      caFile: join(directory, 'ca.crt'),
      skipTLSVerify: false,
    },
    { name: 'u', authProvider: { name: 'tokenFile', config: { tokenFile: join(directory, 'token') } } },
  );
  connection = new Connection(config);
});

afterEach(async () => {
  await connection.close();
  server.closeAllConnections();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  rmSync(directory, { recursive: true });
});

describe('a connection', () => {
  it('keeps its TLS connections for many calls, and sends the token', async () => {
    handle = (request, response) => response.end(request.headers.authorization);
    for (let i = 0; i < 20; i++) {
      expect(await connection.request({ method: 'GET', path: '/x' })).toEqual({
        status: 200,
        text: 'Bearer one',
      });
    }
    // undici may open a second one while the first is still busy with the end of an answer.
    expect(sockets).toBeLessThanOrEqual(2);
  });

  it('goes on when the CA of the cluster is replaced under it', async () => {
    handle = (_, response) => response.end('fine');
    await connection.request({ method: 'GET', path: '/x' });
    server.setSecureContext(makeCertificate('second'));
    server.closeAllConnections();
    await expect(connection.request({ method: 'GET', path: '/x' })).rejects.toMatchObject({
      code: 'Unreachable',
    });
    writeFileSync(join(directory, 'ca.crt'), readFileSync(join(directory, 'second.crt')));
    expect(await connection.request({ method: 'GET', path: '/x' })).toMatchObject({ text: 'fine' });
  });

  it('gives up on a server that takes the request and says nothing', async () => {
    handle = () => undefined;
    const begun = performance.now();
    await expect(connection.request({ method: 'GET', path: '/x', timeout: 200 })).rejects.toMatchObject({
      code: 'Unreachable',
    });
    expect(performance.now() - begun).toBeLessThan(5000);
  });

  it('gives up on a body that never ends', async () => {
    handle = (_, response) => response.write('{"half":');
    await expect(connection.request({ method: 'GET', path: '/x', timeout: 200 })).rejects.toMatchObject({
      code: 'Unreachable',
    });
  });

  it('tells a call that its caller gave up from one that got no answer', async () => {
    handle = () => undefined;
    const stop = new AbortController();
    const call = connection.request({ method: 'GET', path: '/x', signal: stop.signal });
    stop.abort();
    await expect(call).rejects.toMatchObject({ code: 'Aborted' });
  });

  it('names credentials that cannot be read', async () => {
    handle = (_, response) => response.end('fine');
    rmSync(join(directory, 'ca.crt'));
    await expect(connection.request({ method: 'GET', path: '/x' })).rejects.toMatchObject({
      message: expect.stringContaining('credentials'),
    });
  });
});

describe('a kubeconfig', () => {
  it('is refused by name when it is not there or names no cluster', () => {
    expect(() => loadKubeConfig(join(directory, 'none'))).toThrow(/kubeconfig cannot be read/);
    writeFileSync(join(directory, 'empty'), 'apiVersion: v1\nkind: Config\n');
    expect(() => loadKubeConfig(join(directory, 'empty'))).toThrow(/names no current cluster|cannot be read/);
  });

  it('is needed outside of a Pod', () => {
    expect(() => loadKubeConfig(undefined)).toThrow(/not in a Pod/);
  });
});
