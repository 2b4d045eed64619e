import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CertError, describeError } from '../errors.ts';
import { pem } from '../formats/pem.ts';
import { sha256 } from '../rotation/bytes.ts';
import { rotate } from '../rotation/driver.ts';
import {
  clientLink,
  fakeTargets,
  makeCa,
  makeDisk,
  makeLeaf,
  servingTarget,
  type FakeCa,
} from '../rotation/fake-disk.ts';
import { FakeNode } from '../rotation/fake-node.ts';
import { renewFiles } from '../rotation/renew-files.ts';
import { put } from './offline/testing.ts';
import { restore } from './restore.ts';
import { captureOutput } from './testing.ts';

const directory = mkdtempSync(join(tmpdir(), 'restore-'));
const signal = new AbortController().signal;
const pki = '/etc/kubernetes/pki';
const scheduler = '/etc/kubernetes/scheduler.conf';
let ca: FakeCa;
const said = captureOutput();

beforeAll(() => {
  ca = makeCa();
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const nodeOf = ({ node }: FakeNode) => ({
  ...node,
  layout: { ...node.layout, lock: join(directory, 'lock') },
});

/** Exit code, or the sentence of the refusal. */
async function restored(fake: FakeNode, name?: string, options = {}): Promise<number | string> {
  try {
    return await restore(name, { lockTimeout: 1000, ...options }, signal, nodeOf(fake));
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    return describeError(error);
  }
}

/** Renews named files. Result: the directory with the old ones. */
async function renewed(fake: FakeNode, paths: readonly string[], keyPolicy: 'new' | 'keep'): Promise<string> {
  const { backup, message } = await renewFiles(nodeOf(fake), paths, fake.signer(), { keyPolicy }, signal);
  if (backup === undefined) throw new Error(`no backup: ${message}`);
  return backup;
}

const contents = ({ files }: FakeNode): string[] =>
  files.list().map(({ path, content }) => `${path} ${Buffer.from(content).toString('base64')}`);

const text = ({ files }: FakeNode, path: string): string => Buffer.from(files.read(path)).toString('utf8');

function fileIn({ files }: FakeNode, backup: string, end: string): string {
  const name = files.readdir(backup).find((each) => each.endsWith(end));
  if (name === undefined) throw new Error(`no ${end} in ${backup}`);
  return `${backup}/${name}`;
}

/** Other bytes in a backup, as if it had been taken of them. */
function retake(fake: FakeNode, backup: string, end: string, bytes: string): void {
  const path = fileIn(fake, backup, end);
  const [old, next] = [fake.files.read(path), new Uint8Array(Buffer.from(bytes))];
  put(fake.files, path, bytes);
  const index = text(fake, `${backup}/index.json`).replace(sha256(old), sha256(next));
  put(fake.files, `${backup}/index.json`, index);
}

async function expectRefused(fake: FakeNode, backup: string, why: RegExp): Promise<void> {
  const before = contents(fake);
  expect(await restored(fake, backup)).toMatch(why);
  expect(await restored(fake, backup, { dryRun: true })).toMatch(why);
  expect(contents(fake)).toEqual(before);
  expect(await restored(fake)).toBe(0);
  expect(said.out).toMatch(why);
}

describe('a backup that is not whole any more', () => {
  const ways: readonly (readonly [string, (fake: FakeNode, path: string) => void])[] = [
    ['is missing', ({ files }, path) => files.unlink(path)],
    ['was changed', ({ files }, path) => put(files, path, 'something else')],
  ];

  it.each(ways)('puts no key back whose certificate %s', async (_, spoil) => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const backup = await renewed(fake, [`${pki}/apiserver.crt`], 'new');
    spoil(fake, fileIn(fake, backup, 'apiserver.crt'));
    await expectRefused(
      fake,
      backup,
      /the key for \/etc\/kubernetes\/pki\/apiserver\.crt in \S+ does not fit the certificate .* missing there, or was changed; put it back there as it was, restore another backup, or make a new pair/u,
    );
  });

  it.each(ways)('puts no certificate back whose key %s', async (_, spoil) => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const backup = await renewed(fake, [`${pki}/apiserver.crt`, scheduler], 'new');
    spoil(fake, fileIn(fake, backup, 'apiserver.key'));
    await expectRefused(
      fake,
      backup,
      /the certificate for \/etc\/kubernetes\/pki\/apiserver\.crt in \S+ does not fit the key .* missing there, or was changed/u,
    );
  });

  it('puts back what is there, where it fits', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const old = text(fake, scheduler);
    const backup = await renewed(fake, [`${pki}/apiserver.crt`, scheduler], 'new');
    for (const end of ['apiserver.key', 'apiserver.crt']) fake.files.unlink(fileIn(fake, backup, end));
    expect([await restored(fake, backup), said.err]).toEqual([0, '']);
    expect(said.out).not.toContain('apiserver');
    expect(text(fake, scheduler)).toBe(old);
    for (const target of fakeTargets) expect(fake.fits(target)).toBe(true);
  });

  it('puts no file back of which it does not say whose it is', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const backup = await renewed(fake, [`${pki}/apiserver.crt`], 'new');
    const index = text(fake, `${backup}/index.json`);
    put(fake.files, `${backup}/index.json`, index.replace(/"certificates": \[.*\]/su, '"certificates": []'));
    await expectRefused(
      fake,
      backup,
      /to which certificate \S+apiserver\.key belongs; copy it back .* by hand/u,
    );
  });
});

describe('a backup of a file that is not there any more', () => {
  it('is refused with what lays it down, and is there already after that', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const old = text(fake, scheduler);
    const backup = await renewed(fake, [scheduler], 'new');
    const kept = fileIn(fake, backup, 'scheduler.conf');
    fake.files.unlink(scheduler);
    const command = `install -D -m 600 ${kept} ${scheduler}`;
    await expectRefused(fake, backup, new RegExp(`${scheduler} does not exist, .*: ${command}`, 'u'));
    put(fake.files, scheduler, old);
    expect(await restored(fake, backup)).toBe(3);
  });

  it('is laid down for whom it belonged to', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const whole = fake.files.read(scheduler);
    fake.files.unlink(scheduler);
    fake.files.create(scheduler, whole, { mode: 0o640, uid: 1000, gid: 1001 });
    const backup = await renewed(fake, [scheduler], 'new');
    fake.files.unlink(scheduler);
    expect(await restored(fake, backup)).toMatch(
      /: install -D -m 640 -o 1000 -g 1001 \S+ \S+scheduler\.conf$/u,
    );
  });

  it('is laid down for root alone where the backup does not say more', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const backup = await renewed(fake, [`${pki}/apiserver.crt`], 'new');
    const index = text(fake, `${backup}/index.json`);
    const older = index.replaceAll(/,\s*"access": \{[^}]*\}/gu, '');
    expect(older).not.toBe(index);
    put(fake.files, `${backup}/index.json`, older);
    fake.files.unlink(`${pki}/apiserver.crt`);
    expect(await restored(fake, backup)).toMatch(/: install -D -m 600 \S+ \S+apiserver\.crt$/u);
  });

  it('whose date alone is damaged is put back all the same', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const backup = await renewed(fake, [scheduler], 'new');
    const index = text(fake, `${backup}/index.json`);
    put(fake.files, `${backup}/index.json`, index.replace(/"createdAt": "[^"]*"/u, '"createdAt": "once"'));
    expect(await restored(fake)).toBe(0);
    expect(said.out).toContain('taken an unknown time');
    expect(await restored(fake, backup)).toBe(0);
  });

  it('is quoted for a shell', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const backup = await renewed(fake, [scheduler], 'new');
    const moved = `${backup} it's`;
    for (const each of fake.files.readdir(backup))
      put(fake.files, `${moved}/${each}`, text(fake, `${backup}/${each}`));
    fake.files.unlink(scheduler);
    const kept = fileIn(fake, moved, 'scheduler.conf').replace("'", String.raw`'\''`);
    expect(await restored(fake, moved)).toContain(`: install -D -m 600 '${kept}' ${scheduler}`);
  });

  it('is not laid down by whom it would be refused to then', async () => {
    const ended = new FakeNode(makeDisk(ca, -1), ca);
    const old = await renewed(ended, [`${pki}/apiserver.crt`], 'new');
    ended.files.unlink(`${pki}/apiserver.crt`);
    await expectRefused(
      ended,
      old,
      /apiserver\.crt in \S+ expired at [^;]*(?:; --force puts it back all the same$|\)$)/mu,
    );
    expect(await restored(ended, old, { force: true })).toMatch(
      /: install -D -m 644 \S+ \S+apiserver\.crt$/u,
    );
    const fake = new FakeNode(makeDisk(ca), ca);
    const backup = await renewed(fake, [`${pki}/apiserver.crt`], 'new');
    retake(fake, backup, 'apiserver.key', makeLeaf(ca, 'x', 300).keyText);
    fake.files.unlink(`${pki}/apiserver.crt`);
    await expectRefused(fake, backup, /do not fit each other; restore another backup/u);
  });

  it('is laid down as a link where the kubelet wants one', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const backup = await renewed(fake, [clientLink], 'new');
    fake.files.unlink(clientLink);
    expect(await restored(fake, backup)).toMatch(/&& ln -sfn (kubelet-client-\S+\.pem) \S+-current\.pem$/u);
  });
});

describe('what else a backup touches is judged as it would lie there', () => {
  it('another user of a kubeconfig', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const backup = await renewed(fake, [scheduler], 'new');
    const field = (pattern: RegExp): string =>
      pattern.exec(text(fake, '/etc/kubernetes/admin.conf'))?.[1] ?? '';
    const other = Buffer.from(makeLeaf(ca, 'x', 300).keyText).toString('base64');
    const data = `client-certificate-data: ${field(/client-certificate-data: (\S+)/u)}, client-key-data: ${other}`;
    const old = text(fake, fileIn(fake, backup, 'scheduler.conf'));
    retake(fake, backup, 'scheduler.conf', `${old}- name: second\n  user: {${data}}\n`);
    await expectRefused(
      fake,
      backup,
      /scheduler\.conf \(user second\) in \S+ do not fit each other; restore another/u,
    );
  });

  it('another certificate for the same key', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const backup = await renewed(fake, [`${pki}/apiserver.crt`], 'new');
    const { location } = servingTarget;
    if (location.form !== 'pair') throw new Error('not a pair');
    fake.files.unlink(location.keyPath);
    fake.files.symlink(`${pki}/apiserver.key`, location.keyPath);
    put(fake.files, location.certPath, text(fake, `${pki}/apiserver.crt`));
    expect(fake.fits(servingTarget)).toBe(true);
    await expectRefused(
      fake,
      backup,
      /the key for \/var\/lib\/kubelet\/pki\/kubelet\.crt in \S+ does not fit the cert/u,
    );
  });
});

describe('without --force', () => {
  it.each([
    ['ends within a day', 0.5, /apiserver\.crt in \S+ ends within a day, at 2030-03-01T12:00:00.000Z/u],
    ['has expired', -1, /apiserver\.crt in \S+ expired at 2030-02-28T00:00:00.000Z/u],
  ])('nothing comes back that %s (R14)', async (_, daysLeft, why) => {
    const fake = new FakeNode(makeDisk(ca, daysLeft), ca);
    const backup = await renewed(fake, [`${pki}/apiserver.crt`], 'new');
    await expectRefused(fake, backup, why);
    expect(await restored(fake, backup)).toMatch(/; --force puts it back all the same$/u);
    said.out = '';
    expect(await restored(fake, backup, { force: true })).toBe(0);
    expect(said.out).toMatch(why);
    expect(said.out).toMatch(/^note: .*; --force wants it all the same$/mu);
    for (const target of fakeTargets) expect(fake.fits(target)).toBe(true);
  });

  it('nothing comes back that this node’s CA did not sign', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const backup = await renewed(fake, [`${pki}/apiserver.crt`], 'new');
    const { certificate, keyText } = makeLeaf(makeCa(), 'kube-apiserver', 300);
    retake(fake, backup, 'apiserver.key', keyText);
    retake(fake, backup, 'apiserver.crt', pem('CERTIFICATE', certificate.der));
    const why = /apiserver\.crt in \S+ was not signed by the kubernetes CA of this node/u;
    await expectRefused(fake, backup, why);
    said.out = '';
    expect(await restored(fake, backup, { force: true })).toBe(0);
    expect(said.out).toMatch(why);
    expect(fake.certificate(fakeTargets[1]!).serial).toBe(certificate.serial);
  });

  it('nothing comes back of which nobody can tell who signed it', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const backup = await renewed(fake, [`${pki}/apiserver.crt`], 'new');
    fake.files.unlink(`${pki}/ca.crt`);
    await expectRefused(fake, backup, /cannot be judged: the kubernetes CA of this node cannot be read/u);
  });
});

describe('after an interrupted rotation was brought to its new key', () => {
  it('what does not fit any more is not put back, and the end is 4', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const backup = await renewed(fake, [`${pki}/apiserver.crt`], 'keep');
    fake.files.onStep = (what) => {
      if (/^rename .*\/apiserver\.key$/u.test(what)) throw new Error('killed');
    };
    const order = fake.order({ targets: fakeTargets.filter(({ id }) => id === 'apiserver.crt') });
    await expect(rotate(fake.node, order, fake.signer(), {}, signal)).rejects.toThrow('killed');
    fake.files.onStep = () => undefined;
    expect(await restored(fake, backup)).toBe(4);
    expect(said.err).toMatch(/does not fit the key that would lie beside it; .*; run it again$/mu);
    for (const target of fakeTargets) expect(fake.fits(target)).toBe(true);
  });
});

describe('a live file that is broken is why one restores', () => {
  it.each([
    ['holds something else', ({ files }: FakeNode, path: string) => put(files, path, 'kind: [')],
    ['is empty', ({ files }: FakeNode, path: string) => put(files, path, '')],
  ])('also where it %s', async (_, spoil) => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const old = text(fake, scheduler);
    const backup = await renewed(fake, [scheduler], 'new');
    spoil(fake, scheduler);
    expect(await restored(fake, backup)).toBe(0);
    expect(text(fake, scheduler)).toBe(old);
  });

  it('also a pair', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const path = `${pki}/apiserver.crt`;
    const old = text(fake, path);
    const backup = await renewed(fake, [path], 'new');
    put(fake.files, path, 'broken');
    put(fake.files, `${pki}/apiserver.key`, 'broken');
    expect(await restored(fake, backup)).toBe(0);
    expect(text(fake, path)).toBe(old);
  });
});
