import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CertError, describeError } from '../errors.ts';
import { pem } from '../formats/pem.ts';
import { writePrivateKey } from '../pki/keys.ts';
import type { CrashFiles } from '../host/crash-files.ts';
import { rotate } from '../rotation/driver.ts';
import { fakeTargets, makeCa, makeDisk, makeLeaf, type FakeCa } from '../rotation/fake-disk.ts';
import { FakeNode } from '../rotation/fake-node.ts';
import type { RotationNode } from '../rotation/types.ts';
import type { RenewOptions } from './options.ts';
import { readRenewOptions } from './options.ts';
import { renew } from './renew.ts';
import { resume } from './resume.ts';
import { captureOutput } from './testing.ts';

const directory = mkdtempSync(join(tmpdir(), 'renew-'));
const signal = new AbortController().signal;
let ca: FakeCa;
let base: CrashFiles;
let fake: FakeNode;
const said = captureOutput();

beforeAll(() => {
  ca = makeCa();
  base = makeDisk(ca, 40);
  write(base, '/etc/kubernetes/pki/ca.key', writePrivateKey(ca.key, { form: 'pkcs8', ecParameters: false }));
});
beforeEach(() => {
  fake = new FakeNode(base.afterKill(), ca);
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

function write(files: CrashFiles, path: string, content: string | Uint8Array): void {
  const bytes = typeof content === 'string' ? new Uint8Array(Buffer.from(content, 'utf8')) : content;
  files.create(path, bytes, { mode: 0o600, uid: 0, gid: 0 });
}

const node = (): RotationNode => {
  const { layout } = fake.node;
  return { ...fake.node, layout: { ...layout, lock: join(directory, 'lock') } };
};

const options = (words: readonly string[]): RenewOptions => {
  const named = ['--ca-cert=/etc/kubernetes/pki/ca.crt', '--ca-key=/etc/kubernetes/pki/ca.key'];
  const read = readRenewOptions([...named, ...words], '/etc/kubernetes/pki');
  if ('help' in read) throw new Error('it shows its help');
  return read;
};

const run = (...words: string[]): Promise<number> => renew(options(words), signal, node());

describe('the exit code', () => {
  it('is 0 when all is done', async () => {
    expect(await run('apiserver.crt')).toBe(0);
    expect(said.out).toMatch(/^\/etc\/kubernetes\/pki\/apiserver\.crt: renewed/);
    expect(said.err).toBe('');
  });

  it('is 1 when it failed and every file is as it was', async () => {
    fake.files.onStep = (what) => {
      if (what.startsWith('create /etc/kubernetes/pki/.apiserver.crt'))
        throw new CertError('NoSpace', 'no room');
    };
    expect(await run('apiserver.crt')).toBe(1);
    expect(said.err).toBe('cert-renew: no room; all files are as they were\n');
    expect(said.out).toBe('');
  });

  it('is 4 when not every file could be put back', async () => {
    fake.files.onStep = (what) => {
      if (/^rename .* \/etc\/kubernetes\/scheduler\.conf$/.test(what))
        throw new CertError('Io', 'a failing disk');
      if (/^create .*\.apiserver\.crt/.test(what) && renamed) throw new CertError('NoSpace', 'no room');
      if (/^rename .* \/etc\/kubernetes\/pki\/apiserver\.crt$/.test(what)) renamed = true;
    };
    let renamed = false;
    expect(await run('apiserver.crt', '/etc/kubernetes/scheduler.conf')).toBe(4);
    expect(said.err).toMatch(/^cert-renew: .*no room.*; run it again\n/);
  });

  it('is a refusal, by an error, before anything was touched', async () => {
    await expect(run('gone.crt')).rejects.toThrow('/etc/kubernetes/pki/gone.crt does not exist');
  });
});

const mib = 1024 * 1024;
const utf16 = (text: string): Uint8Array => new Uint8Array(Buffer.from(`\uFEFF${text}`, 'utf16le'));
const users = (user: string): string => `kind: Config\nusers:\n- name: me\n  user: ${user}\n`;

describe('an operand that is refused changes nothing, and says which, what is wrong and what to do', () => {
  it.each([
    ['missing', undefined, /odd\.crt does not exist/],
    ['empty', '', /odd\.crt is empty; name a certificate \(PEM\) or a kubeconfig/],
    ['of NUL bytes', '\0\0\0\0', /odd\.crt is neither PEM nor a kubeconfig.*NUL.*name a certificate/],
    ['of UTF-16', utf16('-----BEGIN CERTIFICATE-----\n'), /odd\.crt is neither PEM nor a kubeconfig.*UTF-8/],
    ['of DER', new Uint8Array([0x30, 0x82, 1, 0, 0]), /odd\.crt is neither PEM nor a kubeconfig/],
    ['of two MiB', new Uint8Array(2 * mib), /odd\.crt .*(larger|large)/],
    ['of a torn certificate', '-----BEGIN CERTIFICATE-----\nMIIB', /odd\.crt:1: .*has no end/],
    ['that is a key', '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n', /odd\.crt/],
    [
      'of a kubeconfig with a token only',
      users('{token: secret}'),
      /odd\.crt holds no client certificate.*token/,
    ],
    ['of another YAML', 'kind: Pod\n', /odd\.crt is no kubeconfig: its kind is "Pod"/],
  ])('%s', async (_, content, message) => {
    if (content !== undefined) write(fake.files, '/etc/kubernetes/pki/odd.crt', content);
    const before = fake.files.list();
    const refused = run('apiserver.crt', 'odd.crt').catch((error: unknown) => describeError(error));
    expect(await refused).toMatch(message);
    expect(String(await refused)).not.toContain('secret');
    expect(fake.files.list()).toEqual(before);
  });

  it.each([
    ['a CA', ['apiserver.crt', 'ca.crt'], /ca\.crt is a CA; only leaves are renewed/],
    ['a directory', ['apiserver.crt', '/etc/kubernetes'], /\/etc\/kubernetes is no regular file/],
    [
      'one of another CA',
      ['apiserver.crt', 'alien.crt'],
      /alien\.crt was signed by CN=kubernetes.*name the CA/,
    ],
  ])('%s', async (_, words, message) => {
    const alien = makeLeaf(makeCa(), 'alien', 40);
    write(fake.files, '/etc/kubernetes/pki/alien.crt', pem('CERTIFICATE', alien.certificate.der));
    write(fake.files, '/etc/kubernetes/pki/alien.key', alien.keyText);
    const before = fake.files.list();
    await expect(run(...words)).rejects.toThrow(message);
    expect(fake.files.list()).toEqual(before);
  });
});

const bytesOf = (path: string): string => Buffer.from(fake.files.read(path)).toString('latin1');

describe('a broken private key is told of under its own name', () => {
  const key = '/etc/kubernetes/pki/apiserver.key';

  it.each([
    ['empty', () => '', `${key}: holds no private key; put back the key that belongs to the certificate`],
    [
      'torn',
      (text: string) => text.slice(0, 80),
      `${key}: not well-formed PEM: block EC PRIVATE KEY has no end; put back the key that belongs to the certificate`,
    ],
    [
      'encrypted',
      (text: string) => text.replaceAll('EC PRIVATE', 'ENCRYPTED PRIVATE'),
      `${key}: the private key is encrypted; give it without a passphrase`,
    ],
  ])('%s', async (_, damage, message) => {
    const text = bytesOf(key);
    fake.files.unlink(key);
    write(fake.files, key, damage(text));
    const before = fake.files.list();
    const refused = run('apiserver.crt').catch((error: unknown) => describeError(error));
    expect(await refused).toBe(message);
    expect(fake.files.list()).toEqual(before);
  });

  it('in a kubeconfig too, which is its file', async () => {
    const path = '/etc/kubernetes/scheduler.conf';
    const text = bytesOf(path).replace(/client-key-data: .*/u, 'client-key-data: aGVsbG8=');
    fake.files.unlink(path);
    write(fake.files, path, text);
    await expect(run(path)).rejects.toThrow(`${path}: holds no private key; put back the key`);
  });
});

describe('an operand', () => {
  it('that is named twice, once through a link, is renewed once', async () => {
    fake.files.symlink('apiserver.crt', '/etc/kubernetes/pki/link.crt');
    fake.files.symlink('apiserver.key', '/etc/kubernetes/pki/link.key');
    expect(await run('apiserver.crt', 'link.crt', './apiserver.crt')).toBe(0);
    expect(said.out.match(/: renewed/g)).toHaveLength(1);
  });

  it('may have the name of a command, and line ends of another system, which stay', async () => {
    const leaf = makeLeaf(ca, 'check', 40);
    const text = pem('CERTIFICATE', leaf.certificate.der, '\r\n');
    write(fake.files, '/etc/kubernetes/pki/check', text);
    write(fake.files, '/etc/kubernetes/pki/check.key', leaf.keyText);
    expect(await run('check')).toBe(0);
    const renewed = Buffer.from(fake.files.read('/etc/kubernetes/pki/check')).toString('latin1');
    expect(renewed).not.toBe(text);
    expect(renewed.match(/\r\n/g)?.length).toBe(renewed.match(/\n/g)?.length);
  });
});

describe('after an interrupted rotation of the agent', () => {
  beforeEach(async () => {
    let dead: FakeNode | undefined;
    fake.files.onStep = (what) => {
      if (/^rename .*\/apiserver\.crt$/.test(what)) dead ??= fake.afterKill(fake.files.afterKill());
    };
    const targets = fakeTargets.filter(({ id }) => id === 'apiserver.crt');
    await rotate(fake.node, fake.order({ targets }), fake.signer(), {}, signal);
    if (dead !== undefined) fake = dead;
  });

  it('the output names what must restart because of it', async () => {
    expect(await run('/etc/kubernetes/scheduler.conf')).toBe(0);
    expect(said.out).toMatch(/note: an interrupted rotation of the controller was moved to/);
    expect(said.out).toMatch(/next: kube-apiserver: restart it: pidof kube-apiserver/);
  });

  it('so does a failure', async () => {
    fake.files.onStep = (what) => {
      if (what.startsWith('create /etc/kubernetes/.scheduler.conf'))
        throw new CertError('NoSpace', 'no room');
    };
    expect(await run('/etc/kubernetes/scheduler.conf')).toBe(4);
    expect(said.err).toMatch(/no room; run it again\nnote: .*\nnext: kube-apiserver: restart it/);
  });

  it('resume makes it fit and keeps it for the Pod; one that cannot is 4', async () => {
    const twin = fake.afterKill(fake.files.afterKill());
    expect(await resume(signal, node())).toBe(0);
    expect(said.err).toMatch(
      /^cert-renew resume: kube-apiserver: the new files are in place\ncert-renew resume: no file is half replaced; .*cert-renew all\n$/,
    );
    fake = twin;
    fake.files.onStep = (what) => {
      if (what.startsWith('create /etc/kubernetes/pki/')) throw new CertError('NoSpace', 'no room');
    };
    expect(await resume(signal, node())).toBe(4);
  });
});

it('resume says that there is nothing to take up', async () => {
  expect(await resume(signal, node())).toBe(0);
  expect(said.err).toBe('cert-renew resume: nothing was interrupted on this node\n');
});
