import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CertError, describeError } from '../../errors.ts';
import { pem } from '../../formats/pem.ts';
import type { CrashFiles } from '../../host/crash-files.ts';
import { issueFromIdentity, newSerial } from '../../pki/issue.ts';
import { readPrivateKey, writePrivateKey } from '../../pki/keys.ts';
import {
  clientLink,
  day,
  makeCa,
  makeDisk,
  servingTarget,
  startTime,
  type FakeCa,
} from '../../rotation/fake-disk.ts';
import { FakeNode, issued } from '../../rotation/fake-node.ts';
import { rotate } from '../../rotation/driver.ts';
import { findJournal } from '../../rotation/journal.ts';
import type { RotationNode } from '../../rotation/types.ts';
import { install, type InstallOptions } from '../install.ts';
import type { Ask } from '../question.ts';
import { request, type RequestOptions } from '../request.ts';
import { sign, type SignOptions } from '../sign.ts';
import { fromBase64, readRequests, readResponses, requestText, responseText, toBase64 } from './block.ts';
import { readWaiting } from './waiting.ts';
import { clientOf, leafOf, put, servingOf, workerDisk, type LeafIdentity } from './testing.ts';
import { captureOutput } from '../testing.ts';

const directory = mkdtempSync(join(tmpdir(), 'by-post-'));
const signal = new AbortController().signal;
let ca: FakeCa;
let workerBase: CrashFiles;
let controlBase: CrashFiles;
let worker: FakeNode;
let control: CrashFiles;
const said = captureOutput();

beforeAll(() => {
  ca = makeCa();
  workerBase = workerDisk(ca, 'w1');
  controlBase = makeDisk(ca, 300);
  controlBase.mkdir('/root', 0o700);
  put(
    controlBase,
    '/etc/kubernetes/pki/ca.key',
    writePrivateKey(ca.key, { form: 'pkcs8', ecParameters: false }),
  );
});
beforeEach(() => {
  worker = new FakeNode(workerBase.afterKill(), ca);
  control = controlBase.afterKill();
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const nodeOf = (fake: FakeNode, change: Partial<RotationNode> = {}): RotationNode => {
  const { layout } = fake.node;
  return { ...fake.node, layout: { ...layout, lock: join(directory, 'lock') }, ...change };
};

const asking = { files: [], newKey: false, out: '/root/w1.req', json: false, lockTimeoutMs: 1000 };
const ask = (change: Partial<RequestOptions> = {}, fake = worker): Promise<number> =>
  request({ ...asking, ...change }, signal, nodeOf(fake));

const signing = {
  file: '/root/w1.req',
  ca: undefined,
  days: undefined,
  out: '/root/w1.ans',
  yes: true,
  json: false,
};
const answer = (change: Partial<SignOptions> = {}, person?: Ask): Promise<number> =>
  sign({ ...signing, ...change }, signal, { files: control, now: () => startTime }, person);

const installing = { file: '/root/w1.ans', dryRun: false, json: false, lockTimeoutMs: 1000 };
const putIn = (change: Partial<InstallOptions> = {}, fake = worker): Promise<number> =>
  install({ ...installing, ...change }, signal, nodeOf(fake));

const text = (files: CrashFiles, path: string): string => Buffer.from(files.read(path)).toString('latin1');
const carry = (from: CrashFiles, to: CrashFiles, path: string): void => put(to, path, text(from, path));

/** Up to the answer that lies on the worker. */
async function asked(change: Partial<RequestOptions> = {}): Promise<void> {
  expect(await ask(change)).toBe(0);
  carry(worker.files, control, '/root/w1.req');
  expect(await answer()).toBe(0);
  carry(control, worker.files, '/root/w1.ans');
  [said.out, said.err] = ['', ''];
}

const client = {
  id: 'kubelet-client-current.pem',
  location: { form: 'combined', path: clientLink },
} as const;
const liveEnds = (fake: FakeNode): string[] =>
  [client, servingTarget].map((target) => fake.certificate(target).notAfter.toISOString());
const renewedEnd = new Date(startTime.getTime() + 91 * day).toISOString();

function expectInstalled(fake: FakeNode): void {
  expect(liveEnds(fake)).toEqual([renewedEnd, renewedEnd]);
  for (const target of [client, servingTarget]) {
    expect(fake.fits(target)).toBe(true);
    expect(issued(fake.certificate(target), ca)).toBe(true);
  }
  expect(findJournal(fake.files, fake.node.layout).kind).toBe('none');
  expect(fake.files.lstat(fake.node.layout.waiting)).toBeUndefined();
}

function fieldOf(value: unknown, name: string): string {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  return String(found);
}

const message = async (work: Promise<number>): Promise<string> => {
  try {
    return `it ended with ${await work}`;
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    return describeError(error);
  }
};

describe('from the request to the proof', () => {
  it.each([false, true])('renews the expired certificates of a worker (new keys: %s)', async (newKey) => {
    const before = worker.certificate(client).spki;
    await asked({ newKey });
    expect(await putIn()).toBe(0);
    expect(said.out).toContain(
      'kubelet-client-current.pem: installed, expires 2030-02-19T00:00:00Z → 2030-05-31T00:00:00Z',
    );
    expect(said.out).toMatch(/done: 2 renewed and proved\n$/u);
    expectInstalled(worker);
    expect(Buffer.compare(worker.certificate(client).spki, before) === 0).toBe(!newKey);
    expect(worker.kubeletRestarts).toBe(1);
    expect(worker.files.readlink(clientLink)).toMatch(/kubelet-client-2030-03-01-/u);
  });

  it('signs the requests of many workers in one file', async () => {
    const second = new FakeNode(workerDisk(ca, 'w2'), ca);
    const w2 = nodeOf(second, { machineId: 'b'.repeat(32) });
    // Two nodes of a test have one address.
    expect(await ask()).toBe(0);
    expect(await request({ ...asking, out: '/root/w2.req' }, signal, w2)).toBe(0);
    put(control, '/root/all.req', text(worker.files, '/root/w1.req') + text(second.files, '/root/w2.req'));
    expect(await answer({ file: '/root/all.req', out: '/root/all.ans' })).toBe(0);
    for (const fake of [worker, second]) carry(control, fake.files, '/root/all.ans');
    expect(await putIn({ file: '/root/all.ans' })).toBe(0);
    expect(await install({ ...installing, file: '/root/all.ans' }, signal, w2)).toBe(0);
    expectInstalled(worker);
    expectInstalled(second);
  });

  it('is called once more and proves what is there', async () => {
    await asked();
    expect(await putIn()).toBe(0);
    said.out = '';
    expect(await putIn()).toBe(0);
    expect(said.out).toMatch(/^kubelet\.crt: in place: handshake /u);
    expectInstalled(worker);
  });

  it('survives a kill at any of its steps', async () => {
    await asked({ newKey: true });
    const disk = worker.files;
    const deaths: { readonly what: string; readonly left: FakeNode }[] = [];
    disk.onStep = (what) => deaths.push({ what, left: worker.afterKill(disk.afterKill()) });
    await putIn();
    disk.onStep = () => undefined;
    expect(deaths.length).toBeGreaterThan(100);
    for (const { what, left } of deaths) {
      expect(await putIn({}, left), what).toBe(0);
      expectInstalled(left);
    }
  }, 120_000);
});

describe('request', () => {
  it('holds no private key, and says what is next', async () => {
    expect(await ask({ newKey: true })).toBe(0);
    const sent = text(worker.files, '/root/w1.req');
    const carried = readRequests(sent).flatMap(({ certificates }) =>
      certificates.flatMap(({ old, request, possession }) => [old, request, possession].map(fromBase64)),
    );
    const waiting = [...(readWaiting(worker.node)?.keys.values() ?? [])].map(({ key }) => key);
    const live = [clientLink, '/var/lib/kubelet/pki/kubelet.key'].map(
      (path) => readPrivateKey(text(worker.files, worker.files.realpath(path))).key,
    );
    expect(waiting).toHaveLength(2);
    for (const key of [...live, ...waiting]) {
      const secret = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url');
      expect(secret).toHaveLength(32);
      expect(carried.filter((bytes) => Buffer.from(bytes).includes(secret))).toEqual([]);
      for (const form of ['latin1', 'hex', 'base64', 'base64url'] as const)
        expect(sent).not.toContain(secret.toString(form));
    }
    expect(sent).not.toContain('PRIVATE KEY');
    expect(worker.files.stat(worker.node.layout.waiting)?.mode).toBe(0o600);
    expect(said.err).toMatch(
      /^request [0-9a-f]{32} of node w1: kubelet\.crt \(new key\), kubelet-client-current\.pem \(new key\)\nnext: /u,
    );
  });

  it('is the same one again while it waits', async () => {
    await ask();
    const first = text(worker.files, '/root/w1.req');
    said.err = '';
    await ask();
    expect(text(worker.files, '/root/w1.req')).toBe(first);
    expect(said.err).toMatch(
      /note: this is request [0-9a-f]{32} of 2030-03-01T00:00:00Z again: it still waits/u,
    );
  });

  it('is a new one when something else is asked for, and the old one’s answer does not fit any more', async () => {
    await asked();
    await ask({ newKey: true });
    expect(said.err).toMatch(/is replaced: an answer to it cannot be installed any more/u);
    expect(await message(putIn())).toMatch(
      /^\/root\/w1\.ans: holds answers for w1, but none to request [0-9a-f]{32} of node w1 \(.*\), which waits here, only to another one of this machine; have that one signed/u,
    );
  });

  it('replaces one that cannot be read, and says so', async () => {
    put(worker.files, worker.node.layout.waiting, '{}');
    expect(await ask()).toBe(0);
    expect(said.err).toContain('an earlier request could not be read and is replaced');
    put(worker.files, worker.node.layout.waiting, '{}');
    put(
      worker.files,
      '/root/w1.ans',
      responseText({
        schema: 1,
        id: '0'.repeat(32),
        node: 'w1',
        machineId: 'none',
        certificates: [{ id: 'kubelet.crt', certificate: 'AAAA' }],
      }),
    );
    expect(await message(putIn())).toContain(
      'is no request of this cert-renew; remove it and run cert-renew request again',
    );
  });

  it('ends with 3 when nothing is due, but asks for what is named', async () => {
    worker = new FakeNode(workerDisk(ca, 'w1', 80), ca);
    expect(await ask()).toBe(3);
    expect(said.err).toMatch(
      /^cert-renew: nothing is due: .*kubelet\.crt is left as it is: 79 d remain, due after/u,
    );
    expect(await ask({ files: ['/etc/kubernetes/kubelet.conf'] })).toBe(0);
    expect(said.err).toContain('kubelet-client-current.pem (same key)');
    expect(said.err).not.toContain('kubelet.crt (');
  });

  it('leaves a kubelet.crt that signed itself, unless it is the only file (R3)', async () => {
    const own = selfSigned();
    put(worker.files, '/var/lib/kubelet/pki/kubelet.key', own.key);
    put(worker.files, '/var/lib/kubelet/pki/kubelet.crt', own.certificate);
    expect(await ask()).toBe(0);
    expect(said.err).toContain(
      'note: /var/lib/kubelet/pki/kubelet.crt is left as it is: it signed itself (kubeadm’s own)',
    );
    expect(await message(ask({ files: ['/var/lib/kubelet/pki/kubelet.crt'] }))).toContain('it signed itself');
  });

  it.each([
    ['/etc/kubernetes/pki/apiserver-none.crt', /does not exist/u],
    ['/etc/kubernetes/pki/ca.crt', /is a CA; only leaves are renewed/u],
    ['/root/other.pem', /is no certificate by which a component of this node runs/u],
  ])('refuses %s', async (path, why) => {
    const leaf = leafOf(ca, clientOf('w1'));
    const key = writePrivateKey(leaf.pair.key, { form: 'sec1', ecParameters: false });
    put(worker.files, '/root/other.pem', pem('CERTIFICATE', leaf.certificate.der) + key);
    expect(await message(ask({ files: [path] }))).toMatch(why);
  });

  it('refuses when what is due cannot be asked for', async () => {
    const leaf = leafOf(makeCa(), clientOf('w1'));
    const key = writePrivateKey(leaf.pair.key, { form: 'sec1', ecParameters: false });
    put(
      worker.files,
      '/var/lib/kubelet/pki/kubelet-client-2029-03-01-00-00-00.pem',
      pem('CERTIFICATE', leaf.certificate.der) + key,
    );
    put(worker.files, '/var/lib/kubelet/pki/kubelet.key', key);
    expect(await message(ask())).toMatch(
      /^nothing can be asked for: .*kubelet\.crt has a key that does not fit it; put the right key back, then ask again; .*current\.pem was not signed by the CA that this node has$/u,
    );
  });

  it('does not overwrite a file that holds something else', async () => {
    expect(await message(ask({ out: '/etc/kubernetes/kubelet.conf' }))).toBe(
      '--out /etc/kubernetes/kubelet.conf is there and holds something else; name another file',
    );
    expect(await message(ask({ out: '/no/such/w1.req' }))).toBe(
      '--out /no/such/w1.req: /no/such is no directory; name another',
    );
  });

  it('prints one JSON object', async () => {
    expect(await ask({ json: true, out: undefined })).toBe(0);
    const value: unknown = JSON.parse(said.out);
    expect(value).toMatchObject({
      schema: 1,
      node: 'w1',
      notes: [],
      certificates: [
        { id: 'kubelet.crt', key: 'kept' },
        { id: 'kubelet-client-current.pem', key: 'kept' },
      ],
    });
    expect(readRequests(fieldOf(value, 'text'))).toHaveLength(1);
  });
});

/** As the kubelet makes one where it has none, by openssl. */
function selfSigned(): { readonly certificate: string; readonly key: string } {
  const [key, certificate] = [join(directory, 'own.key'), join(directory, 'own.crt')];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const names = ['-subj', '/CN=w1@1700000000', '-addext', 'subjectAltName=DNS:w1'];
  const leaf = ['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth'];
  const files = ['-keyout', key, '-out', certificate];
  execFileSync('openssl', ['req', '-x509', ...kind, ...names, ...leaf, ...files], { stdio: 'pipe' });
  return { certificate: readFileSync(certificate, 'latin1'), key: readFileSync(key, 'latin1') };
}

describe('sign', () => {
  it('shows exactly what it is about to sign, and asks', async () => {
    await ask();
    carry(worker.files, control, '/root/w1.req');
    said.err = '';
    const questions: string[] = [];
    const refusing: Ask = (question) => {
      questions.push(question);
      return Promise.resolve(false);
    };
    expect(await message(answer({ yes: false }, refusing))).toBe('nothing was signed');
    expect(questions).toEqual(['Sign these 2 certificates? [y/N] ']);
    expect(said.err).toMatch(
      /^node w1 \(request [0-9a-f]{32}, made 2030-03-01T00:00:00Z, machine a{32}\)\n/u,
    );
    expect(said.err).toContain(`  kubelet.crt: the key that it has
    subject  CN=system:node:w1,O=system:nodes
    names    DNS:w1, IP:10.0.0.21
    usages   serverAuth
    CA       CN=kubernetes
    ends     2030-02-19T00:00:00Z (expired) → 2030-05-31T00:00:00Z
`);
    expect(control.lstat('/root/w1.ans')).toBeUndefined();
    expect(await answer({ yes: false }, () => Promise.resolve(true))).toBe(0);
    expect(readResponses(text(control, '/root/w1.ans'))).toHaveLength(1);
  });

  it('needs --yes where there is no terminal', async () => {
    await ask();
    carry(worker.files, control, '/root/w1.req');
    expect(await message(answer({ yes: false }))).toMatch(
      /^nothing was signed: there is no terminal to ask on; say --yes/u,
    );
    expect(said.err).toContain('subject  CN=system:node:w1,O=system:nodes');
  });

  it('signs nothing when one of many is bad, and names the bad ones', async () => {
    await ask();
    const good = text(worker.files, '/root/w1.req');
    const [block] = readRequests(good);
    if (block === undefined) throw new Error('no request');
    const bad = { ...block, id: 'ab'.repeat(16) };
    put(control, '/root/all.req', good + requestText(bad));
    expect(await answer({ file: '/root/all.req' })).toBe(2);
    expect(said.err).toMatch(/cert-renew: node w1: kubelet\.crt: the old key did not sign this request/u);
    expect(said.err).toMatch(
      /cert-renew: nothing was signed; take these requests out, or have them made again\n$/u,
    );
    expect(control.lstat('/root/w1.ans')).toBeUndefined();
  });

  it('takes lifetime and CA from the person, and says when the CA cuts it', async () => {
    await ask();
    carry(worker.files, control, '/root/w1.req');
    const named = { cert: '/etc/kubernetes/pki/ca.crt', key: '/etc/kubernetes/pki/ca.key' };
    expect(await answer({ ca: named, days: 36_500, json: true, out: undefined })).toBe(0);
    expect(said.err).toContain('(cut to the end of its CA)');
    const end = ca.certificate.notAfter.toISOString().replace('.000Z', 'Z');
    const each = { newNotAfter: end, clamped: true };
    const value: unknown = JSON.parse(said.out);
    expect(value).toMatchObject({ nodes: [{ certificates: [each, each] }] });
    expect(readResponses(fieldOf(value, 'text'))[0]?.certificates).toHaveLength(2);
  });

  it('says where the key is to be found when it is not here', async () => {
    await ask();
    carry(worker.files, control, '/root/w1.req');
    control.unlink('/etc/kubernetes/pki/ca.key');
    expect(await message(answer())).toBe(
      'the key of the kubernetes CA is not on this machine (/etc/kubernetes/pki/ca.key is missing): sign on a control plane that has it, or name --ca-cert and --ca-key',
    );
  });

  it('refuses the same request with another CA', async () => {
    await ask();
    carry(worker.files, control, '/root/w1.req');
    const other = makeCa();
    put(control, '/root/ca.crt', pem('CERTIFICATE', other.certificate.der));
    put(control, '/root/ca.key', writePrivateKey(other.key, { form: 'pkcs8', ecParameters: false }));
    expect(await answer({ ca: { cert: '/root/ca.crt', key: '/root/ca.key' } })).toBe(2);
    expect(said.err).toContain(
      'its old certificate was signed by CN=kubernetes, not by the kubernetes CA with which this call signs',
    );
  });
});

/** The answer with something of its first certificate changed. */
function changeAnswer(certificate: (old: Uint8Array) => Uint8Array): void {
  const blocks = readResponses(text(worker.files, '/root/w1.ans'));
  const changed = blocks.map((block) => ({
    ...block,
    certificates: block.certificates.map((each, index) =>
      index === 0 ? { ...each, certificate: toBase64(certificate(fromBase64(each.certificate))) } : each,
    ),
  }));
  put(worker.files, '/root/w1.ans', changed.map(responseText).join(''));
}

function expectUntouched(): void {
  expect(liveEnds(worker)).toEqual(['2030-02-19T00:00:00.000Z', '2030-02-19T00:00:00.000Z']);
  expect(worker.kubeletRestarts).toBe(0);
  expect(findJournal(worker.files, worker.node.layout).kind).toBe('none');
  expect(worker.files.lstat(worker.node.layout.waiting)).toBeDefined();
}

describe('install', () => {
  it('says what it would do, and does nothing', async () => {
    await asked();
    expect(await putIn({ dryRun: true })).toBe(0);
    expect(said.out).toMatch(
      /^kubelet\.crt: would be installed, expires 2030-02-19T00:00:00Z → 2030-05-31T00:00:00Z, serial /u,
    );
    expectUntouched();
  });

  it.each([
    [
      'another CA',
      (): Uint8Array => leafOf(makeCa(), servingOf('w1', '10.0.0.21'), 91).certificate.der,
      /is not a valid certificate for the key that was asked for/u,
    ],
    [
      'another key',
      (): Uint8Array => leafOf(ca, servingOf('w1', '10.0.0.21'), 91).certificate.der,
      /is not a valid certificate for the key that was asked for/u,
    ],
    [
      'garbage',
      (): Uint8Array => Uint8Array.of(1, 2, 3),
      /^\/root\/w1\.ans: the answer for kubelet\.crt is no certificate: /u,
    ],
  ])('refuses an answer of %s', async (_, certificate, why) => {
    await asked();
    changeAnswer(certificate);
    const refusal = await message(putIn());
    expect(`${refusal} ${said.err}`).toMatch(why);
    expectUntouched();
  });

  it('refuses an answer with another identity for the right key', async () => {
    await asked();
    const key = worker.certificate(servingTarget).spki;
    changeAnswer(() => issueFor(key, servingOf('w1', '10.0.0.22')));
    expect(await putIn()).toBe(2);
    expect(said.err).toMatch(
      /what the signer sent for .*kubelet\.crt has other names than the old one; nothing was touched/u,
    );
    expectUntouched();
  });

  it('refuses an answer for the right key that this node’s CA did not sign', async () => {
    await asked();
    const key = worker.certificate(servingTarget).spki;
    const other = makeCa();
    changeAnswer(() => issueFor(key, servingOf('w1', '10.0.0.21'), other));
    expect(await putIn()).toBe(2);
    expect(said.err).toMatch(/was not signed by the CA that this node has for it/u);
    expectUntouched();
  });

  it('ends with 4, not 2, when another’s rotation was brought to new files first', async () => {
    await asked();
    const { files } = worker;
    files.onStep = (what) => {
      if (/^rename .*\/kubelet\.crt$/u.test(what)) throw new Error('killed');
    };
    const order = worker.order({ targets: [servingTarget] });
    await expect(rotate(worker.node, order, worker.signer(), {}, signal)).rejects.toThrow('killed');
    files.onStep = () => undefined;
    expect(await putIn({ json: true })).toBe(4);
    expect(JSON.parse(said.out)).toMatchObject({ result: 'needs-manual', reason: 'Interrupted' });
    expect(said.out).toContain('kubelet.crt was changed since it was asked for');
    expect(worker.certificate(servingTarget).notAfter.toISOString()).not.toBe('2030-02-19T00:00:00.000Z');
    expect(worker.fits(servingTarget)).toBe(true);
  });

  it('ends with 4 when it is interrupted after its files are in place, and goes on', async () => {
    await asked();
    const person = new AbortController();
    worker.files.onStep = (what) => {
      if (/^rename .*kubelet-client-current\.pem$/u.test(what)) person.abort();
    };
    worker.goDark();
    const end = await install(installing, person.signal, nodeOf(worker));
    worker.files.onStep = () => undefined;
    expect([end, said.err]).toEqual([4, expect.stringContaining('then run cert-renew install again')]);
    expect(await putIn()).toBe(0);
    expectInstalled(worker);
  });

  it('refuses what begins later than this node’s clock', async () => {
    await asked();
    const early = nodeOf(worker, { now: () => new Date(startTime.getTime() - day) });
    expect(await message(install(installing, signal, early))).toMatch(
      /the answer for kubelet\.crt is not valid before 2030-02-28T23:00:00Z, and this node's clock says 2030-02-28T00:00:00Z; set the clock$/u,
    );
    expectUntouched();
  });

  it('refuses the answers of other nodes', async () => {
    await asked();
    const blocks = readResponses(text(worker.files, '/root/w1.ans'));
    put(
      worker.files,
      '/root/w1.ans',
      blocks
        .map((each) => responseText({ ...each, id: 'cd'.repeat(16), node: 'w9', machineId: 'b'.repeat(32) }))
        .join(''),
    );
    expect(await message(putIn())).toMatch(/^\/root\/w1\.ans: holds answers for w9, but none to request /u);
    worker.files.unlink(worker.node.layout.waiting);
    expect(await message(putIn())).toBe(
      '/root/w1.ans: holds answers for w9, and none for this machine; on it run cert-renew request first',
    );
  });

  it('refuses two answers to one request that differ', async () => {
    await asked();
    const sent = text(worker.files, '/root/w1.ans');
    changeAnswer(() => leafOf(ca, servingOf('w1', '10.0.0.21'), 91).certificate.der);
    put(worker.files, '/root/w1.ans', sent + text(worker.files, '/root/w1.ans'));
    expect(await message(putIn())).toContain(
      'holds two answers to one request that differ; leave the one that is meant',
    );
  });

  it('leaves what somebody else has changed meanwhile', async () => {
    await asked();
    const own = leafOf(ca, servingOf('w1', '10.0.0.21'), 50);
    put(
      worker.files,
      '/var/lib/kubelet/pki/kubelet.key',
      writePrivateKey(own.pair.key, { form: 'sec1', ecParameters: false }),
    );
    put(worker.files, '/var/lib/kubelet/pki/kubelet.crt', pem('CERTIFICATE', own.certificate.der));
    expect(await message(putIn())).toBe(
      `kubelet.crt was changed since it was asked for (its serial is ${own.certificate.serial} now); run cert-renew request again`,
    );
    worker.files.unlink(worker.node.layout.waiting);
    expect(await message(putIn())).toMatch(
      /^no request waits on this node, and kubelet\.crt \(serial .*\) is not what was sent; run cert-renew request first$/u,
    );
  });

  it('leaves a client certificate that the kubelet has renewed meanwhile (R2)', async () => {
    await asked();
    const own = leafOf(ca, clientOf('w1'), 300);
    const key = writePrivateKey(own.pair.key, { form: 'sec1', ecParameters: false });
    put(
      worker.files,
      '/var/lib/kubelet/pki/kubelet-client-2030-02-28-00-00-00.pem',
      pem('CERTIFICATE', own.certificate.der) + key,
    );
    worker.files.unlink(clientLink);
    worker.files.symlink('/var/lib/kubelet/pki/kubelet-client-2030-02-28-00-00-00.pem', clientLink);
    expect(await putIn()).toBe(0);
    expect(said.out).toContain(
      'note: kubelet-client-current.pem is left: the kubelet had renewed it by itself',
    );
    expect(worker.certificate(client).serial).toBe(own.certificate.serial);
    expect(worker.certificate(servingTarget).notAfter.toISOString()).toBe(renewedEnd);
  });

  it('keeps the new files when they cannot be proved, since the old have expired (R14), and proves them when called again', async () => {
    await asked();
    const node = nodeOf(worker);
    const down: RotationNode = {
      ...node,
      probes: {
        ...node.probes,
        request: () => Promise.reject(new CertError('Unreachable', 'the API server is down')),
      },
    };
    expect(await install(installing, signal, down)).toBe(4);
    expect(said.err).toMatch(/partly done: .*the API server is down/u);
    expect(liveEnds(worker)).toEqual([renewedEnd, renewedEnd]);
    expect(await putIn()).toBe(0);
    expectInstalled(worker);
  });

  it('prints one JSON object', async () => {
    await asked();
    expect(await putIn({ json: true })).toBe(0);
    expect(JSON.parse(said.out)).toMatchObject({
      schema: 1,
      dryRun: false,
      result: 'succeeded',
      certificates: [
        { id: 'kubelet.crt', oldNotAfter: '2030-02-19T00:00:00Z', newNotAfter: '2030-05-31T00:00:00Z' },
        { id: 'kubelet-client-current.pem' },
      ],
    });
  });
});

/** Another certificate for a key that is there. */
function issueFor(spki: Uint8Array, identity: LeafIdentity, by: FakeCa = ca): Uint8Array {
  return issueFromIdentity({
    ca: by.certificate,
    caKey: by.key,
    spki,
    notBefore: startTime,
    notAfter: new Date(startTime.getTime() + 91 * day),
    serial: newSerial(),
    identity,
  }).der;
}
