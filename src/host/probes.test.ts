import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';
import * as net from 'node:net';
import { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Bench } from '../../test/judge/judge.ts';
import { parseCertificate } from '../pki/parse.ts';
import { nodeProbes } from './probes.ts';

const bench = new Bench();
const probes = nodeProbes();
const never = new AbortController().signal;
const coded = (code: string): unknown => expect.objectContaining({ code });
const open = new Set<net.Socket>();
const servers: net.Server[] = [];
let certificate = '';
let key = '';

async function listen(server: net.Server): Promise<{ host: string; port: number }> {
  servers.push(server);
  server.on('connection', (socket: net.Socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { host: '127.0.0.1', port: address.port };
}

beforeAll(() => {
  bench.openssl(
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=n1 -keyout k -out c -addext subjectAltName=IP:127.0.0.1',
  );
  certificate = readFileSync(bench.path('c'), 'utf8');
  key = readFileSync(bench.path('k'), 'utf8');
});
afterAll(() => {
  for (const socket of open) socket.destroy();
  for (const server of servers) server.close();
  bench.remove();
});

const secure = (answer: http.RequestListener): Promise<{ host: string; port: number }> =>
  listen(
    https.createServer({ cert: certificate, key, requestCert: true, rejectUnauthorized: false }, answer),
  );

describe('a server that answers', () => {
  it('shows its certificate', async () => {
    const target = await secure(() => undefined);
    const shown = await probes.handshake(target, never);
    expect(shown).toEqual(parseCertificate(new Uint8Array(new X509Certificate(certificate).raw)));
  });

  it('is asked with method, path, body and client certificate', async () => {
    const seen: unknown[] = [];
    const target = await secure((request, response) => {
      const { socket } = request;
      if (socket instanceof TLSSocket) seen.push(socket.getPeerCertificate().subject.CN);
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      request.on('end', () => {
        seen.push(request.method, request.url, request.headers['content-type'], body);
        response.writeHead(418).end('answer');
      });
    });
    const client = { certificate, key };
    const question = {
      ...target,
      client,
      method: 'POST',
      path: '/v3/x',
      body: '{}',
      ca: certificate,
    } as const;
    expect(await probes.request(question, never)).toEqual({ status: 418, body: 'answer' });
    expect(seen).toEqual(['n1', 'POST', '/v3/x', 'application/json', '{}']);
  });

  it('with a certificate of another CA is refused where a CA is named', async () => {
    bench.openssl('req -x509 -newkey rsa:2048 -nodes -subj /CN=other -keyout ok -out oc');
    const ca = readFileSync(bench.path('oc'), 'utf8');
    const target = await secure((_, response) => response.end());
    await expect(probes.request({ ...target, path: '/', ca }, never)).rejects.toThrow(coded('Unreachable'));
    expect((await probes.request({ ...target, path: '/' }, never)).status).toBe(200);
  });
});

it('a server without TLS is asked where it is said to be one', async () => {
  const target = await listen(http.createServer((_, response) => response.writeHead(503).end('ill')));
  const question = { ...target, path: '/health', plain: true };
  expect(await probes.request(question, never)).toEqual({ status: 503, body: 'ill' });
});

it('an answer that is cut off is none', async () => {
  const target = await secure((_, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('half', () => response.destroy());
  });
  await expect(probes.request({ ...target, path: '/' }, never)).rejects.toThrow(coded('Unreachable'));
});

describe('a server that does not', () => {
  const ask = {
    handshake: (target: { host: string; port: number }, signal: AbortSignal, timeoutMs = 5000) =>
      probes.handshake({ ...target, timeoutMs }, signal),
    request: (target: { host: string; port: number }, signal: AbortSignal, timeoutMs = 5000) =>
      probes.request({ ...target, path: '/', timeoutMs }, signal),
  };

  describe.each([['handshake'], ['request']] as const)('by %s', (name) => {
    it('keeps silent: the time is up, and the connection is closed', async () => {
      const silent = net.createServer();
      const target = await listen(silent);
      const closed = once(silent, 'connection').then(([socket]: net.Socket[]) => socket);
      await expect(ask[name](target, never, 100)).rejects.toThrow(/does not answer: no answer within 100 ms/);
      const socket = await closed;
      socket?.resume();
      if (socket !== undefined && !socket.destroyed) await once(socket, 'close');
      expect(socket?.destroyed).toBe(true);
    });

    it('closes the connection', async () => {
      const target = await listen(net.createServer((socket) => socket.destroy()));
      await expect(ask[name](target, never)).rejects.toThrow(coded('Unreachable'));
    });

    it('speaks no TLS', async () => {
      const target = await listen(http.createServer((_, response) => response.end()));
      await expect(ask[name](target, never)).rejects.toThrow(coded('Unreachable'));
    });

    it('is not there', async () => {
      const server = net.createServer();
      const target = await listen(server);
      server.close();
      await expect(ask[name](target, never)).rejects.toThrow(coded('Unreachable'));
    });

    it('is asked no longer after an interruption', async () => {
      const silent = net.createServer();
      const target = await listen(silent);
      const interruption = new AbortController();
      silent.once('connection', () => interruption.abort());
      await expect(ask[name](target, interruption.signal)).rejects.toThrow(coded('Aborted'));
      await expect(ask[name](target, interruption.signal)).rejects.toThrow(coded('Aborted'));
    });
  });
});
