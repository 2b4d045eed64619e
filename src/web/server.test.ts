// By real HTTP: Node's own client, bare sockets, curl as the manual uses it, and sh for what was saved.
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request, type IncomingHttpHeaders, type RequestOptions, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askLate } from '../../test/browser/ask.ts';
import { createLog } from '../log.ts';
import { ownArchitecture, readDownloads } from './downloads.ts';
import { messages, prefix } from './routes.ts';
import { serveDownloads, type Limits } from './server.ts';

const execute = promisify(execFile);
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
/** Larger than what a connection's buffers take, and no repetition. */
const executable = (name: string) =>
  Buffer.concat(
    Array.from({ length: 300_000 }, (_, i) => Buffer.from(sha256(Buffer.from(`${name}${i}`)), 'hex')),
  );
const executables = { amd64: executable('amd64'), arm64: executable('arm64') };
const script = Buffer.from('#!/bin/sh\necho all\n');

let directory: string;
let running: { server: Server; stop: AbortController };
let port: number;

function lay(): void {
  for (const [architecture, bytes] of Object.entries(executables)) {
    const place = join(directory, 'downloads', architecture);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'cert-renew'), bytes);
    writeFileSync(join(place, 'renew-all.sh'), script);
    writeFileSync(
      join(place, 'SHA256SUMS'),
      `${sha256(bytes)}  cert-renew\n${sha256(script)}  renew-all.sh\n`,
    );
  }
}

async function start(limits: Partial<Limits> = {}): Promise<void> {
  const stop = new AbortController();
  const downloads = readDownloads(join(directory, 'downloads'));
  const log = createLog('silent');
  const server = await serveDownloads({ host: '127.0.0.1', port: 0, downloads, log, limits }, stop.signal);
  running = { server, stop };
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it listens on no port');
  port = address.port;
}

async function restart(limits: Partial<Limits>): Promise<void> {
  end();
  await start(limits);
}

function end(): void {
  running.stop.abort();
  running.server.closeAllConnections();
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'web-'));
  lay();
  await start();
});
afterEach(() => {
  end();
  rmSync(directory, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function ask(path: string, options: RequestOptions & { readonly send?: string } = {}): Promise<Answer> {
  const { send, ...rest } = options;
  return await new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, agent: false, ...rest }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    asked.on('error', reject);
    asked.end(send);
  });
}

const download = async (name: string, options: RequestOptions = {}) => ask(prefix + name, options);

const partTo = async (last: number) => download('cert-renew', { headers: { range: `bytes=0-${last}` } });

/** R26: a script that prints the error and fails. */
function expectScript({ status, headers, body }: Answer, code: number, message: string): void {
  expect(status).toBe(code);
  expect(headers['content-type']).toBe('text/x-shellscript; charset=utf-8');
  expectScriptText(body.toString('utf8'), code, message);
}

function expectScriptText(text: string, code: number, message: string): void {
  expect(text.split('\n', 1)[0]).toBe('#!/bin/sh');
  const file = join(directory, 'saved');
  writeFileSync(file, text, { mode: 0o755 });
  const { status, stdout, stderr } = spawnSync(file, { encoding: 'utf8' });
  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: `cluster-cert-rotator: nothing was downloaded (HTTP ${code}): ${message}\n`,
  });
}

/** What a bare connection gets, all of it. */
async function speak(bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString('utf8');
}

async function openDownload(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.pause();
  socket.write(`GET ${prefix}cert-renew HTTP/1.1\r\nHost: x\r\n\r\n`);
  return socket;
}

async function until(holds: () => boolean, what: string): Promise<void> {
  for (let i = 0; !holds(); i += 1) {
    if (i > 500) throw new Error(`not within 10 s: ${what}`);
    await wait(20);
  }
}

/** Files of ours that this process has open. */
const openFiles = () =>
  readdirSync('/proc/self/fd').filter((fd) => targetOf(`/proc/self/fd/${fd}`).startsWith(directory)).length;

function targetOf(link: string): string {
  try {
    return readlinkSync(link);
  } catch {
    // closed meanwhile
    return '';
  }
}

describe('a download', () => {
  it.each(['cert-renew', 'renew-all.sh', 'SHA256SUMS'])('%s comes whole, byte for byte', async (name) => {
    const { status, headers, body } = await download(name);
    const file = readFileSync(join(directory, 'downloads', ownArchitecture, name));
    expect(status).toBe(200);
    expect(body.equals(file)).toBe(true);
    expect(headers['content-length']).toBe(String(file.length));
    expect(headers.etag).toBe(`"${sha256(file)}"`);
  });

  it.each([
    ['amd64', 'amd64'],
    ['x86_64', 'amd64'],
    ['arm64', 'arm64'],
    ['aarch64', 'arm64'],
  ] as const)('?arch=%s is that of %s, and so are its checksums', async (word, architecture) => {
    const [tool, sums] = [
      await download(`cert-renew?arch=${word}`),
      await download(`SHA256SUMS?arch=${word}`),
    ];
    expect(tool.body.equals(executables[architecture])).toBe(true);
    expect(sums.body.toString()).toContain(`${sha256(tool.body)}  cert-renew\n`);
  });

  it('HEAD says what GET would, without the bytes', async () => {
    const [head, get] = [await download('cert-renew', { method: 'HEAD' }), await download('cert-renew')];
    const { date: _, ...said } = head.headers;
    expect(head.status).toBe(200);
    expect(head.body.length).toBe(0);
    expect(get.headers).toMatchObject(said);
  });

  it('is not sent to who has it', async () => {
    const { headers } = await download('cert-renew');
    const again = await download('cert-renew', { headers: { 'if-none-match': headers.etag } });
    expect(again).toMatchObject({ status: 304, headers: { etag: headers.etag } });
    expect(again.body.length).toBe(0);
  });

  it('a part comes as a part', async () => {
    const { status, headers, body } = await download('cert-renew', { headers: { range: 'bytes=10-19' } });
    expect(status).toBe(206);
    expect(headers['content-range']).toBe(`bytes 10-19/${executables[ownArchitecture].length}`);
    expect(body.equals(executables[ownArchitecture].subarray(10, 20))).toBe(true);
  });

  it('by curl: the manual’s way, one that goes on where it ended, and one that is there already', async () => {
    const out = join(directory, 'cert-renew');
    const curl = async (...words: string[]) => {
      await execute('curl', ['-sS', ...words, `http://127.0.0.1:${port}${prefix}cert-renew`, '-o', out]);
      expect(readFileSync(out).equals(executables[ownArchitecture])).toBe(true);
    };
    await curl();
    writeFileSync(out, executables[ownArchitecture].subarray(0, 1_000_000));
    await curl('-C', '-');
    await curl('-C', '-');
  });
});

describe('an error is a script that prints it and fails', () => {
  it.each([
    '/',
    '/cluster-cert-rotator/download',
    prefix,
    `${prefix}nothing`,
    `${prefix}cert-renew/`,
    `${prefix}Cert-Renew`,
    `${prefix}cert-renew-arm64`,
    `${prefix}amd64/cert-renew`,
    `${prefix}../download/cert-renew`,
    `${prefix}./cert-renew`,
    `/x/..${prefix}cert-renew`,
    `/${prefix}cert-renew`,
    `${prefix}..%2f..%2fetc%2fpasswd`,
    `${prefix}%2e%2e/download/cert-renew`,
    `${prefix}%63ert-renew`,
    `${prefix}cert-renew%00`,
    `${prefix}..\\cert-renew`,
    `${prefix}..\\..\\..\\etc\\passwd`,
    `${prefix}cert-renew\\..\\cert-renew`,
    `/..\\..${prefix}cert-renew`,
    `${prefix}cert-renew;x`,
    `${prefix}cert-renew%3Farch=amd64`,
    `http://127.0.0.1${prefix}cert-renew`,
    `http://127.0.0.1${prefix}..\\cert-renew`,
  ])('404: %s', async (path) => {
    expectScript(await ask(path), 404, messages.name);
  });

  // HTTP knows a path, which begins with a slash, and a whole http address; `*` is for OPTIONS alone.
  it.each(['*', '../cert-renew', 'cert-renew', 'http://[/cert-renew', `ftp://127.0.0.1${prefix}cert-renew`])(
    '400: %s, which is no address',
    async (path) => {
      expectScript(await ask(path), 400, 'the request cannot be understood');
    },
  );

  it.each(['', 'sparc', 'AMD64', '../amd64', 'constructor', '__proto__', 'amd64&arch=arm64'])(
    '400: ?arch=%s',
    async (word) => {
      expectScript(await download(`cert-renew?arch=${word}`), 400, messages.architecture);
    },
  );

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE', 'PROPFIND'])('405: %s', async (method) => {
    const answer = await download('cert-renew', { method });
    expectScript(answer, 405, messages.method);
    expect(answer.headers.allow).toBe('GET, HEAD');
  });

  it('413: a body, which is not read', async () => {
    const answer = await ask(`${prefix}cert-renew`, { headers: { 'content-length': 5 }, send: 'hello' });
    expectScript(answer, 413, messages.body);
    expect(answer.headers.connection).toBe('close');
  });

  it('416: behind the end', async () => {
    const answer = await download('renew-all.sh', { headers: { range: 'bytes=1000-' } });
    expectScript(answer, 416, messages.range);
    expect(answer.headers['content-range']).toBe(`bytes */${script.length}`);
    expect(answer.headers.etag).toBeUndefined();
  });

  it('500: a file that has gone from the disk', async () => {
    rmSync(join(directory, 'downloads', ownArchitecture, 'cert-renew'));
    expectScript(await download('cert-renew'), 500, messages.failed);
  });

  it('503: more at once than there are turns, when none comes', async () => {
    await restart({ turns: 1, waiting: 100 });
    const slow = await openDownload();
    await until(() => openFiles() === 1, 'the slow client is served');
    expectScript(await download('cert-renew'), 503, messages.busy);
    expect((await download('SHA256SUMS')).status).toBe(200);
    slow.destroy();
    await until(() => openFiles() === 0, 'the slow client is gone');
    expect((await download('cert-renew')).status).toBe(200);
  });

  it('503: a part of the tool, as the whole; not a few bytes of it', async () => {
    await restart({ turns: 1, waiting: 100 });
    const slow = await openDownload();
    await until(() => openFiles() === 1, 'the slow client is served');
    expectScript(await partTo(100_000), 503, messages.busy);
    expect((await partTo(1000)).status).toBe(206);
    slow.destroy();
  });

  it.each([
    ['no HTTP', 'hello\r\n\r\n', 400, 'the request cannot be understood'],
    [
      'a Host that is none',
      `GET ${prefix}cert-renew HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n`,
      400,
      'the request cannot be understood',
    ],
    [
      'headers without end',
      `GET / HTTP/1.1\r\n${`X: ${'x'.repeat(1000)}\r\n`.repeat(20)}\r\n`,
      431,
      'the headers of the request are too long',
    ],
    ['CONNECT', 'CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n', 405, messages.method],
    [
      'two lengths',
      `GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`,
      400,
      'the request cannot be understood',
    ],
  ])('%s', async (_, bytes, status, message) => {
    const answer = await speak(bytes);
    expect(answer).toContain(`HTTP/1.1 ${status} `);
    expectScriptText(answer.slice(answer.indexOf('\r\n\r\n') + 4), status, message);
  });

  it('408: headers that do not come to their end', async () => {
    await restart({ headers: 200 });
    const answer = await speak(`GET ${prefix}cert-renew HTTP/1.1\r\nHost: x\r\n`);
    expect(answer).toContain('HTTP/1.1 408 ');
    expectScriptText(
      answer.slice(answer.indexOf('\r\n\r\n') + 4),
      408,
      'the request did not come to its end in time',
    );
  });
});

describe('a client that means no good', () => {
  it('of more connections than there may be, one is shut unheard', async () => {
    await restart({ connections: 1 });
    const slow = await openDownload();
    await until(() => openFiles() === 1, 'the first is served');
    expect(await speak(`GET ${prefix}SHA256SUMS HTTP/1.1\r\nHost: x\r\n\r\n`)).toBe('');
    slow.destroy();
  });

  it.each([
    ['a PUT that asks first', ['-T', 'big'], 405],
    ['a PUT that does not ask', ['-T', 'big', '-H', 'Expect:'], 405],
    [
      'a POST in chunks',
      ['-X', 'POST', '-T', 'big', '-H', 'Transfer-Encoding: chunked', '-H', 'Expect:'],
      405,
    ],
    ['a GET', ['-X', 'GET', '-T', 'big', '-H', 'Expect:'], 413],
  ])('%s: a body of 100 MB is not read', async (_, words, status) => {
    writeFileSync(join(directory, 'big'), Buffer.alloc(100 * 1024 * 1024));
    const before = process.memoryUsage().rss;
    const format = ['-w', '%{http_code} %{size_upload}', '-o', 'answer'];
    const curl = execute('curl', ['-s', ...format, ...words, `http://127.0.0.1:${port}${prefix}cert-renew`], {
      cwd: directory,
    });
    // curl may complain that its upload was cut short (55, 56): the answer is there all the same.
    const { stdout } = await curl.catch((error: { stdout: string }) => error);
    const [code, uploaded] = stdout.split(' ').map(Number);
    expect(code).toBe(status);
    expectScriptText(
      readFileSync(join(directory, 'answer'), 'utf8'),
      status,
      status === 405 ? messages.method : messages.body,
    );
    expect(uploaded).toBeLessThan(80 * 1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
  });

  it('that looks for its answer only after it has sent a lot gets it', async () => {
    const head = `PUT ${prefix}cert-renew HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n`;
    const parts = Array.from({ length: 32 }, () => Buffer.alloc(1024 * 1024));
    const answer = await askLate(connect(port, '127.0.0.1'), head, parts);
    expect(answer).toContain('HTTP/1.1 405 ');
    expect(answer).toContain(messages.method);
  });

  it('that asks again where its last answer is given is not heard', async () => {
    const asked = `${prefix}cert-renew HTTP/1.1\r\nHost: x\r\n`;
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    let answer = '';
    let opened = 0;
    const look = setInterval(() => (opened = Math.max(opened, openFiles())), 5);
    socket.on('data', (part) => {
      answer += part.toString('utf8');
      socket.write(`GET ${asked}\r\n`);
    });
    socket.write(`POST ${asked}Content-Length: 1\r\n\r\n.GET ${asked}\r\n`);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(look);
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 405']);
    expect(opened, 'no file was opened for it').toBe(0);
  });

  it('that never stops sending is let go', async () => {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    const askedAt = performance.now();
    socket.write(`POST ${prefix}cert-renew HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`);
    const more = setInterval(() => socket.write('1\r\n.\r\n'), 20);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(more);
    expect(socket.destroyed).toBe(true);
    const seconds = (performance.now() - askedAt) / 1000;
    expect(seconds, 'it had its time').toBeGreaterThan(1.5);
    expect(seconds, 'and no more').toBeLessThan(10);
  });

  it('that takes nothing is let go, and its file closed', async () => {
    await restart({ stalled: 200 });
    const slow = await openDownload();
    const closed = new Promise((resolve) => slow.once('close', resolve));
    await until(() => openFiles() === 1, 'it is served');
    await until(() => openFiles() === 0, 'it is let go');
    slow.resume();
    await closed;
    expect(slow.destroyed).toBe(true);
  });

  it('that takes a little all the time is let go, and its turn is another’s', async () => {
    await restart({ turns: 1, stalled: 300, floor: 20 * 1024 * 1024 });
    const slow = await openDownload();
    await until(() => openFiles() === 1, 'it is served');
    const sip = setInterval(() => slow.read(16 * 1024) ?? slow.read(), 20);
    // So little that it cannot be too slow itself, however busy the machine is.
    const next = await partTo(100_000);
    clearInterval(sip);
    expect(next.status).toBe(206);
    expect(slow.bytesRead).toBeLessThan(executables[ownArchitecture].length);
    slow.destroy();
  });

  it('that takes its time is served for as long as it keeps the pace, however long that is', async () => {
    await restart({ stalled: 1500, floor: 64 * 1024 });
    const slow = await openDownload();
    const began = performance.now();
    let taken = 0;
    slow.on('close', () => clearInterval(sip));
    const sip = setInterval(() => {
      taken += (slow.read(64 * 1024) ?? slow.read() ?? '').length;
    }, 20);
    const all = executables[ownArchitecture].length;
    await until(() => taken > all, 'all is taken');
    clearInterval(sip);
    expect(performance.now() - began).toBeGreaterThan(1500);
    slow.destroy();
  });

  it('that takes too long in all is let go, however it takes it', async () => {
    await restart({ answer: 500 });
    const slow = await openDownload();
    await until(() => openFiles() === 1, 'it is served');
    await until(() => openFiles() === 0, 'it is let go');
    slow.destroy();
    expect((await download('renew-all.sh')).status).toBe(200);
  });

  it('that goes in the middle leaves nothing open', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, openDownload));
    await until(() => openFiles() === 20, 'all are served');
    for (const client of clients) client.destroy();
    await until(() => openFiles() === 0, 'all are gone');
    expect((await download('cert-renew')).status).toBe(200);
  });

  it(
    'a thousand of them at once do not keep others from the small files, and memory is bounded',
    { timeout: 120_000 },
    async () => {
      const before = process.memoryUsage().rss;
      const clients = await Promise.all(Array.from({ length: 1000 }, openDownload));
      await until(() => openFiles() === 32, 'all turns are taken');
      expect((await download('SHA256SUMS')).status).toBe(200);
      expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
      for (const client of clients) client.destroy();
      await until(() => openFiles() === 0, 'all are gone');
      expect((await download('cert-renew')).status).toBe(200);
      await until(() => openFiles() === 0, 'its file is closed');
    },
  );
});
