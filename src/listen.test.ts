import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { listen, readListen } from './listen.ts';

describe('where to listen', () => {
  it.each([
    ['127.0.0.1:8080', { host: '127.0.0.1', port: 8080 }],
    ['[::1]:8080', { host: '::1', port: 8080 }],
    ['[::]:0', { host: '::', port: 0 }],
    [':8080', { host: undefined, port: 8080 }],
  ])('%s', (text, want) => {
    expect(readListen(text)).toEqual(want);
  });

  it.each(['', '8080', '127.0.0.1:', 'x:99999', 'x:-1', 'x:1.5', 'x:http'])('not %j', (text) => {
    expect(() => readListen(text)).toThrow('must be HOST:PORT');
  });
});

const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => isIPv6(address)));

/** Runs a program in whose kernel there is no IPv6, as after `ipv6.disable=1`: no socket of that family can be had. */
const withoutIPv6 = `
import ctypes, os, platform, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
socket = {'x86_64': 41, 'aarch64': 198}[platform.machine()]
code = lambda op, jt, jf, k: struct.pack('HBBI', op, jt, jf, k)
program = b''.join([
  code(0x20, 0, 0, 0), code(0x15, 0, 3, socket),          # the system call is socket,
  code(0x20, 0, 0, 16), code(0x15, 0, 1, 10),             # its first argument AF_INET6:
  code(0x06, 0, 0, 0x00050000 | 97),                      # EAFNOSUPPORT
  code(0x06, 0, 0, 0x7fff0000),                           # else as ever
])
buffer = ctypes.create_string_buffer(program)
filters = struct.pack('HxxxxxxQ', len(program) // 8, ctypes.addressof(buffer))
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filters, 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
`;
const canFilter = spawnSync('python3', ['-c', withoutIPv6, '/bin/true']).status === 0;

const said = async (host: string, port: number) => (await fetch(`http://${host}:${port}/`)).text();

describe('on all addresses', () => {
  let server = createServer((_, response) => void response.end('here'));
  afterEach(() => {
    server.close();
    server = createServer((_, response) => void response.end('here'));
  });

  async function begin(): Promise<number> {
    await listen(server, readListen(':0'));
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  it('one who comes by IPv4 is answered', async () => {
    expect(await said('127.0.0.1', await begin())).toBe('here');
  });

  it.runIf(hasIPv6)('one who comes by IPv6 is answered at the same port', async () => {
    const port = await begin();
    expect(await said('[::1]', port)).toBe('here');
    expect(await said('127.0.0.1', port)).toBe('here');
  });

  it.runIf(canFilter)('where there is no IPv6, by IPv4', () => {
    const module = JSON.stringify(new URL('listen.ts', import.meta.url).href);
    const program = `
      import { createServer } from 'node:http';
      import { listen, readListen } from ${module};
      const server = createServer((_, response) => response.end('here'));
      await listen(server, readListen(':0'));
      const { address, port } = server.address();
      console.log(address, await (await fetch('http://127.0.0.1:' + port)).text());
      process.exit();
    `;
    const words = [process.execPath, '--input-type=module', '--eval', program];
    const { stdout, stderr } = spawnSync('python3', ['-c', withoutIPv6, ...words], { encoding: 'utf8' });
    expect({ stdout, stderr }).toMatchObject({ stdout: '0.0.0.0 here\n' });
  });

  it('a port that is taken is an error that names it', async () => {
    const port = await begin();
    await expect(listen(createServer(), readListen(`:${port}`))).rejects.toThrow(
      `cannot listen on :${port}: `,
    );
  });
});
