// By real HTTPS: what is served, what is refused, and who hears of a change.
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, askLate, follow, until } from '../../../test/browser/ask.ts';
import { busyCluster, largeCluster, place, worker } from '../../../test/browser/cluster.ts';
import { serve, type Served } from '../../../test/browser/serve.ts';
import { inventoryMap, leafRow, rotationObject } from '../../view/testing.ts';
import { resources } from '../../kube/resources.ts';

let directory: string;
let served: Served;
const cluster = busyCluster();

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'page-'));
  mkdirSync(join(directory, 'assets'));
  writeFileSync(join(directory, 'index.html'), '<!doctype html><title>page</title>');
  writeFileSync(join(directory, 'assets/index-abc.js'), 'export {};');
  writeFileSync(join(directory, 'secret.txt'), 'not to be served');
  served = await serve({ client: cluster.client, directory, hostNames: ['certs.example.org'] });
  await until(async () => (await ask(served.port, '/api/v1/overview')).status === 200, 'the first reading');
});
afterAll(() => {
  served.end();
  rmSync(directory, { recursive: true });
});

const refusal = ({ status, text }: { status: number; text: string }) => {
  const { error }: { error: string } = JSON.parse(text);
  return [status, error];
};

describe('the page', () => {
  it('is served with what keeps a browser to it', async () => {
    const { status, headers } = await ask(served.port, '/');
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining(
        "default-src 'none'; script-src 'self'; style-src 'self'",
      ),
    });
    expect(headers['content-security-policy']).not.toContain('unsafe');
  });

  it('has assets that never change, and is not sent twice', async () => {
    const { headers } = await ask(served.port, '/assets/index-abc.js');
    expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const again = await ask(served.port, '/', {
      headers: { 'if-none-match': (await ask(served.port, '/')).headers.etag },
    });
    expect(again).toMatchObject({ status: 304, text: '' });
  });

  it.each([
    '/secret.txt',
    '/index.html/../secret.txt',
    '/../../../etc/passwd',
    '/assets/../../../etc/passwd',
    '/assets/..%2f..%2fetc%2fpasswd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '//etc/passwd',
    '/assets/',
    '/api/v1/nodes/..%2f..%2fplan',
    '/api/v1/nodes/<script>alert(1)</script>',
    '/api/v1/constructor',
    '/api/v1/__proto__',
    `/${'a'.repeat(5000)}`,
  ])('there is nothing at %s', async (path) => {
    const answer = await ask(served.port, path);
    expect(refusal(answer)).toEqual([404, 'gone']);
    expect(answer.text).not.toMatch(/root:|alert|not to be served/);
  });
});

describe('the API', () => {
  it.each(['overview', 'nodes', 'plan', 'history', 'cas', 'settings', 'state', 'nodes/worker-01'])(
    'answers %s',
    async (page) => {
      const { status, headers, text } = await ask(served.port, `/api/v1/${page}`);
      expect(status).toBe(200);
      expect(headers['content-type']).toBe('application/json');
      expect(JSON.parse(text)).toBeTypeOf('object');
    },
  );

  it('is small for who takes gzip', async () => {
    const plain = await ask(served.port, '/api/v1/nodes');
    const raw = await new Promise<Buffer>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: served.port, rejectUnauthorized: false }, () =>
        socket.write(
          'GET /api/v1/nodes HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip\r\nconnection: close\r\n\r\n',
        ),
      );
      const parts: Buffer[] = [];
      socket.on('data', (part) => parts.push(part));
      socket.on('end', () => resolve(Buffer.concat(parts)));
    });
    const body = raw.subarray(raw.indexOf('\r\n\r\n') + 4);
    expect(gunzipSync(body).toString('utf8')).toBe(plain.text);
    expect(body.length).toBeLessThan(plain.text.length / 3);
  });

  it('HEAD says what GET would', async () => {
    expect(await ask(served.port, '/api/v1/plan', { method: 'HEAD' })).toMatchObject({
      status: 200,
      text: '',
    });
  });
});

const post = (headers: Record<string, string>, body = '{}') => ({ method: 'POST', headers, body });

describe('what is refused', () => {
  const json = { 'content-type': 'application/json' };
  const token = { authorization: 'Bearer abc' };

  it.each<[string, string, Parameters<typeof ask>[2], [number, string]]>([
    ['the Host of another', '/', { headers: { host: 'evil.example' } }, [421, 'host']],
    ['a Host that is none', '/', { headers: { host: 'a b' } }, [421, 'host']],
    ['another method', '/api/v1/nodes', { method: 'DELETE' }, [405, 'method']],
    ['an action by GET', '/api/v1/actions', {}, [405, 'method']],
    [
      'a body where none is read',
      '/api/v1/nodes',
      { method: 'GET', headers: { 'content-length': '2' }, body: '{}' },
      [413, 'large'],
    ],
    [
      'another site that reads',
      '/api/v1/nodes',
      { headers: { 'sec-fetch-site': 'cross-site' } },
      [403, 'foreign'],
    ],
    [
      'another site that acts',
      '/api/v1/actions',
      post({ ...json, ...token, origin: 'https://evil.example' }),
      [403, 'foreign'],
    ],
    ['a form', '/api/v1/actions', post({ ...token, 'content-type': 'text/plain' }), [415, 'type']],
    ['no token', '/api/v1/actions', post(json), [401, 'token']],
    ['what is no token', '/api/v1/actions', post({ ...json, authorization: 'Basic YTpi' }), [401, 'token']],
    ['who is asked for without one', '/api/v1/me', {}, [401, 'token']],
    [
      'no action',
      '/api/v1/actions',
      post({ ...json, ...token }, '{"action":"delete","node":"w1"}'),
      [422, 'invalid'],
    ],
    [
      'a name that is none',
      '/api/v1/actions',
      post({ ...json, ...token }, '{"action":"pause","node":"../secrets/a"}'),
      [422, 'invalid'],
    ],
    [
      'more than an action',
      '/api/v1/actions',
      post({ ...json, ...token }, '{"action":"pause","node":"w1","uid":"x"}'),
      [422, 'invalid'],
    ],
    ['no JSON', '/api/v1/actions', post({ ...json, ...token }, 'rubbish'), [422, 'invalid']],
    ['an API server that is not there', '/api/v1/me', { headers: token }, [502, 'unreachable']],
  ])('%s', async (_, path, asked, expected) => {
    expect(refusal(await ask(served.port, path, asked))).toEqual(expected);
  });

  it('an own name that was configured is answered', async () => {
    expect((await ask(served.port, '/', { headers: { host: 'certs.example.org' } })).status).toBe(200);
  });

  it('who looks for the answer only after having sent a lot gets it', async () => {
    const socket = connect({ host: '127.0.0.1', port: served.port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const head = [
      'POST /api/v1/actions HTTP/1.1',
      'host: localhost',
      'content-type: application/json',
      'authorization: Bearer a',
      'transfer-encoding: chunked',
    ];
    const parts = Array.from({ length: 256 }, () => `10000\r\n${'a'.repeat(65_536)}\r\n`);
    expect(await askLate(socket, [...head, '', ''].join('\r\n'), parts)).toContain('HTTP/1.1 413');
  });

  it.each([
    ['said', { 'content-length': String(100 * 1024 * 1024) }],
    ['not said', { 'transfer-encoding': 'chunked' }],
  ])('a body of 100 MB, its length %s, is refused before it has come', async (_, length) => {
    const head = [
      'POST /api/v1/actions HTTP/1.1',
      'host: localhost',
      'content-type: application/json',
      'authorization: Bearer a',
    ];
    const headers = Object.entries(length).map(([name, value]) => `${name}: ${value}`);
    let sent = 0;
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: served.port, rejectUnauthorized: false }, () => {
        socket.write([...head, ...headers, '', ''].join('\r\n'));
        const part = `10000\r\n${'a'.repeat(65_536)}\r\n`;
        const more = (): void => {
          while (sent < 100 * 1024 * 1024 && socket.writable) {
            sent += part.length;
            if (!socket.write(part)) return;
          }
        };
        socket.on('drain', more);
        more();
      });
      let text = '';
      socket.on('data', (part) => {
        text += part.toString('utf8');
        if (text.includes('}')) resolve(text);
      });
      socket.on('error', (error) => (text === '' ? reject(error) : resolve(text)));
      socket.on('close', () => resolve(text));
    });
    expect(answer).toContain('HTTP/1.1 413');
    expect(sent).toBeLessThan(50 * 1024 * 1024);
  });
});

describe('what others have written', () => {
  it('neither steers nor turns what is shown, and rubbish is told as that', async () => {
    const evil = 'CN=\u202eevil\u2066\u0007\u001b[31m<script>alert(1)</script>';
    place(cluster, 'worker-90', { rows: [leafRow('kubelet.crt', 60, { subject: evil, reason: '\u200f' })] });
    const map = inventoryMap('worker-91', {});
    cluster.put(resources.configMaps, {
      ...map,
      data: { 'certificates.json': 'x'.repeat(10 * 1024 * 1024) },
    });
    await until(
      async () => (await ask(served.port, '/api/v1/overview')).text.includes('node-local-certs-worker-91'),
      'the rubbish is told',
    );
    const { text } = await ask(served.port, '/api/v1/nodes/worker-90');
    expect(text).toContain('CN=evil[31m<script>');
    expect(text).not.toMatch(/[\p{Cc}\p{Cf}]|\\u202e|\\u001b/u);
  });

  it('a node with a name that is none is shown as text, and has no page', async () => {
    place(cluster, '<script>alert(1)</script>', worker(50));
    await until(async () => (await ask(served.port, '/api/v1/nodes')).text.includes('<script>'), 'the node');
    const answer = await ask(served.port, '/api/v1/nodes');
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'x-content-type-options': 'nosniff',
    });
  });
});

describe('the stream', () => {
  it('tells at once what there is, and then that something has changed', async () => {
    const stream = await follow(served.port);
    await until(() => stream.said().includes('event: version'), 'the first version');
    const before = stream.said().length;
    cluster.put(
      resources.certificateRotations,
      rotationObject('new', 'worker-09', { status: { phase: 'Running', reason: 'Running' } }),
    );
    await until(() => stream.said().length > before, 'the next version');
    expect((await ask(served.port, '/api/v1/plan')).text).toContain('worker-09');
    stream.close();
  });

  it('has a thousand listeners, and the next one is told to come again', { timeout: 60_000 }, async () => {
    const streams: Awaited<ReturnType<typeof follow>>[] = [];
    for (let i = 0; i < 20; i += 1)
      streams.push(...(await Promise.all(Array.from({ length: 50 }, async () => follow(served.port)))));
    expect(streams.every(({ answer }) => answer.statusCode === 200)).toBe(true);
    const refused = await ask(served.port, '/api/v1/stream');
    expect(refusal(refused)).toEqual([503, 'busy']);
    expect(refused.headers['retry-after']).toBe('30');
    const before = streams.map(({ said }) => said().length);
    place(cluster, 'worker-92', worker(33));
    await until(
      () => streams.every(({ said }, i) => said().length > (before[i] ?? 0)),
      'all hear of it',
      20_000,
    );
    expect((await ask(served.port, '/api/v1/overview')).status).toBe(200);
    for (const { close } of streams) close();
    await until(async () => {
      const { answer, close } = await follow(served.port);
      close();
      return answer.statusCode === 200;
    }, 'a place is free again');
  });
});

it('a client that sends its request a byte at a time is let go', { timeout: 30_000 }, async () => {
  const strict = await serve({ client: cluster.client, directory, limits: { request: 1000 } });
  try {
    const closed = new Promise<string>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port: strict.port, rejectUnauthorized: false }, () => {
        const timer = setInterval(() => socket.write('x'), 100);
        socket.write('GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ');
        socket.on('close', () => {
          clearInterval(timer);
          resolve('closed');
        });
      });
      socket.on('error', () => undefined);
    });
    expect(await closed).toBe('closed');
    expect((await ask(strict.port, '/')).status).toBe(200);
  } finally {
    strict.end();
  }
});

it(
  'a client that takes nothing of large answers makes few bytes wait, and is let go',
  { timeout: 60_000 },
  async () => {
    const large = await serve({ client: largeCluster(5000).client, directory, limits: { answer: 1500 } });
    try {
      await until(async () => (await ask(large.port, '/api/v1/nodes')).status === 200, 'the nodes', 30_000);
      const answers: ServerResponse[] = [];
      let mostWaiting = 0;
      large.server.on('request', (_: unknown, outgoing: ServerResponse) => answers.push(outgoing));
      const look = setInterval(() => {
        const waiting = answers.reduce((sum, { writableLength }) => sum + writableLength, 0);
        mostWaiting = Math.max(mostWaiting, waiting);
      }, 20);
      const closed = new Promise<boolean>((resolve) => {
        const socket = connect({ host: '127.0.0.1', port: large.port, rejectUnauthorized: false }, () => {
          socket.write('GET /api/v1/nodes HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(20));
          socket.pause();
          setTimeout(() => socket.resume(), 4000);
        });
        let bytes = 0;
        socket.on('data', (part) => {
          bytes += part.length;
        });
        socket.on('error', () => undefined);
        socket.on('close', () => resolve(bytes < 20 * 1_000_000));
      });
      expect(await closed).toBe(true);
      clearInterval(look);
      expect(answers).toHaveLength(20);
      // Of each a piece and what a stream may hold; whole they were tens of megabytes.
      expect(mostWaiting).toBeLessThan(20 * 100_000);
    } finally {
      large.end();
    }
  },
);
