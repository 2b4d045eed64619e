import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { CertError } from '../errors.ts';
import { pem } from '../formats/pem.ts';
import { writePrivateKey } from '../pki/keys.ts';
import type { CrashFiles } from '../host/crash-files.ts';
import { rotate } from '../rotation/driver.ts';
import { fakeTargets, makeCa, makeDisk, type FakeCa } from '../rotation/fake-disk.ts';
import { FakeNode } from '../rotation/fake-node.ts';
import type { RotationNode } from '../rotation/types.ts';
import type { RenewOptions } from './options.ts';
import { readRenewOptions } from './options.ts';
import { renew } from './renew.ts';
import { resume } from './resume.ts';

const directory = mkdtempSync(join(tmpdir(), 'renew-'));
const signal = new AbortController().signal;
let ca: FakeCa;
let base: CrashFiles;
let fake: FakeNode;
let out = '';
let err = '';

beforeAll(() => {
  ca = makeCa();
  base = makeDisk(ca, 40);
  write(base, '/etc/kubernetes/pki/ca.crt', pem('CERTIFICATE', ca.certificate.der));
  write(base, '/etc/kubernetes/pki/ca.key', writePrivateKey(ca.key, { form: 'pkcs8', ecParameters: false }));
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((out += String(text)), true));
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true));
});
beforeEach(() => {
  fake = new FakeNode(base.afterKill(), ca);
  out = '';
  err = '';
});
afterAll(() => {
  vi.restoreAllMocks();
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
    expect(out).toMatch(/^\/etc\/kubernetes\/pki\/apiserver\.crt: renewed/);
    expect(err).toBe('');
  });

  it('is 1 when it failed and every file is as it was', async () => {
    fake.files.onStep = (what) => {
      if (what.startsWith('create /etc/kubernetes/pki/.apiserver.crt'))
        throw new CertError('NoSpace', 'no room');
    };
    expect(await run('apiserver.crt')).toBe(1);
    expect(err).toBe('cert-renew: no room; all files are as they were\n');
    expect(out).toBe('');
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
    expect(err).toMatch(/^cert-renew: .*no room.*; run it again\n/);
  });

  it('is a refusal, by an error, before anything was touched', async () => {
    await expect(run('gone.crt')).rejects.toThrow('/etc/kubernetes/pki/gone.crt does not exist');
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
    expect(out).toMatch(/note: an interrupted rotation of the controller was moved to/);
    expect(out).toMatch(/next: kube-apiserver: restart it: crictl/);
  });

  it('so does a failure', async () => {
    fake.files.onStep = (what) => {
      if (what.startsWith('create /etc/kubernetes/.scheduler.conf'))
        throw new CertError('NoSpace', 'no room');
    };
    expect(await run('/etc/kubernetes/scheduler.conf')).toBe(4);
    expect(err).toMatch(/no room; run it again\nnote: .*\nnext: kube-apiserver: restart it/);
  });

  it('resume makes it fit and keeps it for the Pod; one that cannot is 4', async () => {
    const twin = fake.afterKill(fake.files.afterKill());
    expect(await resume(signal, node())).toBe(0);
    fake = twin;
    fake.files.onStep = (what) => {
      if (what.startsWith('create /etc/kubernetes/pki/')) throw new CertError('NoSpace', 'no room');
    };
    expect(await resume(signal, node())).toBe(4);
  });
});
