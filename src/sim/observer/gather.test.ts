// The observer's eyes on real files and real sockets.
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeAuthority, makeLeaf, type Authority, type Pair } from '../cluster/authority.ts';
import { seeNode } from './gather.ts';

/** Certificates know whole seconds. */
const now = Math.floor(Date.now() / 1000) * 1000;
const life = { notBefore: new Date(now - 60_000), notAfter: new Date(now + 3_600_000) };
const node = { name: 'w1', role: 'worker', address: '127.91.1.1' } as const;
const everything = { shown: () => true, inUse: () => true };
const place = 'var/lib/kubelet/pki/kubelet';

let authority: Authority;
let root: string;
let server: Server | undefined;

beforeAll(() => {
  authority = makeAuthority('kubernetes', life);
  root = fs.mkdtempSync(join(tmpdir(), 'observer-'));
  fs.mkdirSync(join(root, 'var/lib/kubelet/pki'), { recursive: true });
});
afterAll(() => fs.rmSync(root, { recursive: true }));
afterEach(() => server?.close());

const leaf = (commonName = 'system:node:w1'): Pair =>
  makeLeaf(authority, { commonName, extendedKeyUsages: ['serverAuth'] }, life);

function lay({ certificate, key }: Pair): void {
  fs.writeFileSync(join(root, `${place}.crt`), certificate);
  fs.writeFileSync(join(root, `${place}.key`), key);
}

/** By openssl, as somebody else would make it. */
function selfSigned(type: string, option: string): Pair {
  const [keyFile, certFile] = [join(root, 'made.key'), join(root, 'made.crt')];
  execFileSync('openssl', ['genpkey', '-algorithm', type, '-pkeyopt', option, '-out', keyFile], {
    stdio: 'pipe',
  });
  const request = ['req', '-x509', '-new', '-key', keyFile, '-subj', '/CN=system:node:w1', '-out', certFile];
  execFileSync('openssl', request, { stdio: 'pipe' });
  return { certificate: fs.readFileSync(certFile, 'utf8'), key: fs.readFileSync(keyFile, 'utf8') };
}

async function serve({ certificate, key }: Pair): Promise<void> {
  const made = createServer({ cert: certificate, key });
  server = made;
  await new Promise<void>((resolve) => {
    made.listen(10_250, node.address, resolve);
  });
}

async function look() {
  const [seen] = await seeNode(root, node, everything);
  return seen;
}

describe('a node’s files and sockets', () => {
  it('sees a certificate that is served', async () => {
    const pair = leaf();
    lay(pair);
    await serve(pair);
    const seen = await look();
    expect(seen).toMatchObject({ node: 'w1', id: 'kubelet.crt', keyFits: true, alive: true });
    expect(seen?.shown).toBe(seen?.serial);
  });

  it('sees that another is served than lies there', async () => {
    await serve(leaf());
    lay(leaf());
    const seen = await look();
    expect(seen?.alive).toBe(false);
    expect(seen?.shown).not.toBe(seen?.serial);
  });

  it('sees that nobody answers, and does not say so of whom it has not asked', async () => {
    lay(leaf());
    expect(await look()).toMatchObject({ shown: undefined, silent: true, alive: false });
    const [unasked] = await seeNode(root, node, { ...everything, shown: () => false });
    expect(unasked).toMatchObject({ shown: undefined, silent: false, alive: false });
  });

  it('sees a key of another certificate', async () => {
    lay({ certificate: leaf().certificate, key: leaf().key });
    expect(await look()).toMatchObject({ keyFits: false });
  });

  it('sees another identity', async () => {
    lay(leaf());
    const before = await look();
    lay(leaf('system:node:w2'));
    const after = await look();
    expect(after?.identity).not.toBe(before?.identity);
  });

  it('sees another type or size of key, and none in a key of the same', async () => {
    const identities = [];
    for (const [type, ...option] of [
      ['EC', 'ec_paramgen_curve:P-256'],
      ['EC', 'ec_paramgen_curve:P-256'],
      ['EC', 'ec_paramgen_curve:P-384'],
      ['RSA', 'rsa_keygen_bits:2048'],
      ['RSA', 'rsa_keygen_bits:3072'],
    ] as const) {
      lay(selfSigned(type, option.join('')));
      identities.push((await look())?.identity);
    }
    const [first, same, ...others] = identities;
    expect(first).toContain('ec prime256v1');
    expect(same).toBe(first);
    expect(new Set([first, ...others]).size).toBe(4);
  });
});
