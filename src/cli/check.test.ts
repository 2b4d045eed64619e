import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Component } from '../catalogue/ids.ts';
import { CertError } from '../errors.ts';
import { pem } from '../formats/pem.ts';
import type { CrashFiles } from '../host/crash-files.ts';
import { writePrivateKey } from '../pki/keys.ts';
import { rotate } from '../rotation/driver.ts';
import {
  day,
  fakeTargets,
  makeCa,
  makeDisk,
  makeLeaf,
  manifestOf,
  startTime,
  type FakeCa,
} from '../rotation/fake-disk.ts';
import { FakeNode } from '../rotation/fake-node.ts';
import type { CheckReport } from './check/decide.ts';
import type { CheckNode } from './check/gather.ts';
import { check, run } from './check.ts';
import { captureOutput } from './testing.ts';

const signal = new AbortController().signal;
const pki = '/etc/kubernetes/pki';
let ca: FakeCa;
let base: CrashFiles;
let fake: FakeNode;

beforeAll(() => {
  ca = makeCa();
  base = makeDisk(ca, 300);
  write(base, `${pki}/ca.key`, writePrivateKey(ca.key, { form: 'pkcs8', ecParameters: false }));
});
beforeEach(() => {
  fake = new FakeNode(base.afterKill(), ca);
});

function write(files: CrashFiles, path: string, content: string | Uint8Array, mode = 0o600): void {
  const bytes = typeof content === 'string' ? new Uint8Array(Buffer.from(content, 'utf8')) : content;
  if (files.lstat(path) !== undefined) files.unlink(path);
  files.create(path, bytes, { mode, uid: 0, gid: 0 });
}

function directories(...paths: readonly string[]): void {
  for (const path of paths) if (fake.files.lstat(path) === undefined) fake.files.mkdir(path, 0o755);
}

const node = (change: Partial<CheckNode> = {}): CheckNode => ({
  ...fake.node,
  isOwnAddress: () => true,
  remoteMounts: [],
  ...change,
});

const checkAll = (change: Partial<CheckNode> = {}, files: readonly string[] = []): Promise<CheckReport> =>
  check({ files, server: undefined }, signal, node(change));

const rowOf = ({ certificates }: CheckReport, id: string): CheckReport['certificates'][number] => {
  const found = certificates.find(({ row }) => row.id === id);
  if (found === undefined) throw new Error(`no row ${id} in ${certificates.map(({ row }) => row.id).join()}`);
  return found;
};

describe('a node that is well', () => {
  it('is fine, and nothing of it is changed', async () => {
    const before = fake.files.list();
    const report = await checkAll();
    expect(report).toMatchObject({ exitCode: 0, next: [], rotation: { kind: 'none' } });
    expect(report.safeUntil).toEqual(new Date(startTime.getTime() + 300 * day));
    expect(fake.files.list()).toEqual(before);
  });

  it('says what runs with which, what a file is for, and whose it is', async () => {
    const report = await checkAll();
    expect(rowOf(report, 'apiserver.crt')).toMatchObject({
      title: 'kube-apiserver serving',
      row: { ca: 'kubernetes', state: 'Ok' },
      key: 'fits',
      use: { kind: 'same', text: '127.0.0.1:6443 shows it' },
    });
    expect(rowOf(report, 'scheduler.conf').use).toEqual({
      kind: 'same',
      text: 'kube-scheduler was started after the file was written',
    });
    expect(rowOf(report, 'admin.conf').use).toEqual({ kind: 'none' });
    expect(report.caKeys.kubernetes).toMatchObject({ kind: 'here', keyPath: `${pki}/ca.key` });
  });
});

describe('what runs with an older one', () => {
  it('is seen in the handshake', async () => {
    const next = makeLeaf(ca, 'kubelet.crt', 300);
    write(fake.files, '/var/lib/kubelet/pki/kubelet.crt', pem('CERTIFICATE', next.certificate.der));
    write(fake.files, '/var/lib/kubelet/pki/kubelet.key', next.keyText);
    const report = await checkAll();
    expect(rowOf(report, 'kubelet.crt')).toMatchObject({
      verdict: 'Due',
      use: {
        kind: 'older',
        text: expect.stringMatching(
          /^127\.0\.0\.1:10250 shows another one, serial [0-9a-f]+, that ends 2030-12-26T00:00:00Z$/,
        ),
      },
    });
    expect(report).toMatchObject({ exitCode: 10, next: ['systemctl restart kubelet'] });
  });

  it('is seen by the age of its process', async () => {
    const late = BigInt(startTime.getTime()) * 1_000_000n;
    const later = (path: string): ReturnType<CrashFiles['stat']> => {
      const stat = fake.files.stat(path);
      return stat && path === '/etc/kubernetes/scheduler.conf' ? { ...stat, mtimeNs: late } : stat;
    };
    // The methods of a class are no properties of its instance.
    const files: CheckNode['files'] = Object.assign(Object.create(fake.files), {
      stat: later,
      ...Object.fromEntries(
        (['lstat', 'readlink', 'realpath', 'readdir', 'read'] as const).map((name) => [
          name,
          (path: string) => fake.files[name](path),
        ]),
      ),
    });
    const report = await checkAll({ files });
    expect(rowOf(report, 'scheduler.conf').use).toMatchObject({
      kind: 'older',
      text: expect.stringMatching(/^kube-scheduler was started at .*, before the file was written$/),
    });
    expect(report.exitCode).toBe(10);
  });

  it('is seen by the bytes that its process sees through its mount', async () => {
    const { processes } = fake.node;
    const old = new Uint8Array(1);
    const report = await checkAll({ processes: { ...processes, readFile: () => old } });
    expect(rowOf(report, 'scheduler.conf').use).toEqual({
      kind: 'older',
      text: 'kube-scheduler still sees the file that was there before',
    });
  });
});

describe('a component’s kubeconfig', () => {
  it.each([
    [
      'broken',
      'users: [',
      /^\/etc\/kubernetes\/scheduler\.conf:1:9: cannot be read: .*; put it back \(cert-renew restore\), or move it away and make it anew: kubeadm init phase kubeconfig scheduler$/,
    ],
    [
      'not there',
      undefined,
      /^\/etc\/kubernetes\/scheduler\.conf does not exist; put it back \(cert-renew restore\), or make it anew: kubeadm init phase kubeconfig scheduler$/,
    ],
    ['without users', 'users: []', /scheduler\.conf holds no client certificate .*; put it back/],
    [
      'with a token',
      'users: [{name: x, user: {token: y}}]',
      /scheduler\.conf holds no client certificate that can be renewed$/,
    ],
  ])('that is %s is a row that says so, once', async (_, text, reason) => {
    fake.files.unlink('/etc/kubernetes/scheduler.conf');
    if (text !== undefined) write(fake.files, '/etc/kubernetes/scheduler.conf', text);
    const report = await checkAll();
    expect(report.exitCode).toBe(2);
    expect(rowOf(report, 'scheduler.conf')).toMatchObject({
      verdict: 'Unreadable',
      remarks: [expect.stringMatching(reason)],
    });
    expect(report.notes.filter((note) => note.startsWith('/etc/kubernetes/scheduler.conf'))).toEqual([]);
  });
});

/** What is left of a kubeadm restart that somebody began. */
function without(...components: readonly Component[]): Promise<CheckReport> {
  const unit = '[Service]\nExecStart=/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf\n';
  write(fake.files, '/etc/systemd/system/kubelet.service', unit);
  for (const each of components) fake.files.unlink(manifestOf(each));
  return checkAll();
}

describe('a control plane whose manifests were moved away', () => {
  it('is not called safe: what is missed is a row, and to be put back', async () => {
    fake.files.unlink(`${pki}/etcd/server.key`);
    const report = await without('kube-apiserver');
    expect(report).toMatchObject({
      exitCode: 2,
      safeUntil: undefined,
      next: [
        'put the manifest of kube-apiserver back into /etc/kubernetes/manifests, then run cert-renew check again',
      ],
    });
    expect(report.sentence).toMatch(
      /^NOT known to be safe: .*no manifest of kube-apiserver lies in .*; next: put the manifest of kube-apiserver back /u,
    );
    expect(rowOf(report, 'apiserver.crt')).toMatchObject({
      verdict: 'Unreadable',
      row: { state: 'NotPresent' },
    });
    expect(report.notes.filter((note) => note.includes('manifest'))).toEqual([]);
  });

  it('names all of them', async () => {
    const report = await without('kube-apiserver', 'kube-scheduler');
    expect(report.exitCode).toBe(2);
    expect(report.next[0]).toContain('put the manifests of etcd, kube-apiserver, kube-scheduler back');
    expect(
      report.certificates.filter(({ verdict }) => verdict === 'Unreadable').map(({ row }) => row.id),
    ).toEqual(['apiserver.crt', 'etcd/server.crt', 'scheduler.conf']);
  });

  it('and does not run says so', async () => {
    fake.goDark('kube-apiserver');
    const report = await without('kube-apiserver');
    expect(report.stopped).toEqual(['etcd', 'kube-apiserver', 'kubelet']);
  });

  it('shows a named file as it is', async () => {
    fake.files.unlink(manifestOf('kube-apiserver'));
    const report = await checkAll({}, [`${pki}/apiserver.crt`]);
    expect(report).toMatchObject({ exitCode: 0, next: [], certificates: [{ verdict: 'Fine', key: 'fits' }] });
  });
});

describe('a node on which nothing runs', () => {
  const dead: Partial<CheckNode> = {
    processes: { find: () => [], now: () => undefined, readFile: () => new Uint8Array() },
    probes: {
      handshake: () => Promise.reject(new CertError('Unreachable', 'refused')),
      request: () => Promise.reject(new CertError('Unreachable', 'refused')),
    },
  };

  it('is told by its files', async () => {
    const report = await checkAll(dead);
    expect(report.exitCode).toBe(0);
    expect(rowOf(report, 'apiserver.crt').use).toEqual({
      kind: 'stopped',
      text: 'kube-apiserver is not running',
    });
    expect(report.sentence).toMatch(/; not running: kube-apiserver, kube-scheduler, kubelet$/);
  });

  it('whose certificates have expired says so, and what to do', async () => {
    fake = new FakeNode(makeDisk(ca, -10), ca);
    write(fake.files, `${pki}/ca.key`, writePrivateKey(ca.key, { form: 'pkcs8', ecParameters: false }));
    const report = await checkAll(dead);
    expect(report).toMatchObject({ exitCode: 11, next: ['cert-renew all'], safeUntil: undefined });
    expect(report.sentence).toMatch(
      /^NOT safe: \d of \d certificates have expired, .* 10 d ago, on 2030-02-19; /,
    );
  });

  it('asks no address that is not its own, and each for two seconds at most', async () => {
    const asked: (number | undefined)[] = [];
    const probes: CheckNode['probes'] = {
      handshake: ({ timeoutMs }) => {
        asked.push(timeoutMs);
        return Promise.reject(new CertError('Unreachable', 'no answer within 2000 ms'));
      },
      request: () => Promise.reject(new Error('nobody is asked more')),
    };
    const report = await checkAll({ probes });
    expect(new Set(asked)).toEqual(new Set([2000]));
    expect(rowOf(report, 'kubelet.crt').use).toEqual({ kind: 'unknown', text: 'no answer within 2000 ms' });
    asked.length = 0;
    const foreign = await checkAll({ probes, isOwnAddress: () => false });
    expect(asked).toEqual([]);
    expect(rowOf(foreign, 'kubelet.crt').use).toMatchObject({
      kind: 'unknown',
      text: expect.stringMatching(/is not an address of this node$/),
    });
  });

  it('ends when it is interrupted', async () => {
    const probes: CheckNode['probes'] = {
      handshake: () => Promise.reject(new CertError('Aborted', 'interrupted')),
      request: () => Promise.reject(new CertError('Aborted', 'interrupted')),
    };
    await expect(checkAll({ probes })).rejects.toThrow('interrupted');
  });
});

describe('what was left behind', () => {
  it('an interrupted rotation is told, with what ends it', async () => {
    let dead: FakeNode | undefined;
    fake.files.onStep = (what) => {
      if (/^rename .*\/apiserver\.crt$/.test(what)) dead ??= fake.afterKill(fake.files.afterKill());
    };
    const targets = fakeTargets.filter(({ id }) => id === 'apiserver.crt');
    await rotate(fake.node, fake.order({ targets }), fake.signer(), {}, signal);
    fake = dead ?? fake;
    const report = await checkAll();
    expect(report.rotation).toMatchObject({
      kind: 'unfinished',
      text: expect.stringMatching(
        /^a rotation of the controller that began at 2030-03-01T\S+ has not come to its end$/,
      ),
    });
    expect(report.next).toEqual(['cert-renew all']);
    // Its key was renamed before it.
    expect(rowOf(report, 'apiserver.crt')).toMatchObject({ key: 'mismatch', verdict: 'Broken' });
    expect(report.exitCode).toBe(2);
  });

  it('a journal that cannot be read is told', async () => {
    directories('/var/lib/cluster-cert-rotator/journal');
    write(fake.files, '/var/lib/cluster-cert-rotator/journal/x.json', '{');
    expect((await checkAll()).sentence).toContain('/journal/x.json cannot be read: it is no JSON');
  });
});

const admin = (): Uint8Array => fake.files.read('/etc/kubernetes/admin.conf');

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('copies in the kubeconfigs of others', () => {
  it('are found in homes and beside admin.conf, whoever writes there', async () => {
    directories(
      '/home',
      '/home/a',
      '/home/a/.kube',
      '/home/b',
      '/home/b/.kube',
      '/home/c',
      '/home/c/.kube',
      '/srv',
      '/srv/d',
      '/srv/d/.kube',
    );
    write(fake.files, '/etc/passwd', 'root:x:0:0::/root:/bin/sh\nd:x:9:9::/srv/d:/bin/sh\n');
    write(fake.files, '/home/a/.kube/config', admin(), 0o644);
    write(fake.files, '/home/b/.kube/config', 'users: [{name: me, user: {token: secret}}]\n');
    write(fake.files, '/home/c/.kube/config', '{');
    fake.files.symlink('/etc/kubernetes/admin.conf', '/srv/d/.kube/config');
    write(fake.files, '/etc/kubernetes/admin.conf.bak', admin());
    const { copies, notes } = await checkAll();
    expect(copies.map(({ path, user, verdict }) => [path, user, verdict])).toEqual([
      ['/etc/kubernetes/admin.conf.bak', 'admin', 'Current'],
      ['/home/a/.kube/config', 'admin', 'Current'],
    ]);
    expect(copies[1]).toMatchObject({ isReadableByOthers: true, of: { path: '/etc/kubernetes/admin.conf' } });
    expect(notes).toContainEqual(expect.stringMatching(/^not looked into: \/home\/c\/\.kube\/config/));
  });

  it('on other machines are not waited for', async () => {
    directories('/home');
    const report = await checkAll({ remoteMounts: ['/home'] });
    expect(report.notes).toContain('/home is of another machine: not looked into');
  });

  it('that admin.conf has left behind are stale', async () => {
    directories('/home', '/home/a', '/home/a/.kube');
    const old = makeLeaf(ca, 'admin.conf', 200);
    const user = `{client-certificate-data: ${base64(pem('CERTIFICATE', old.certificate.der))}, client-key-data: ${base64(old.keyText)}}`;
    write(fake.files, '/home/a/.kube/config', `users: [{name: me, user: ${user}}]\n`);
    expect((await checkAll()).copies).toMatchObject([{ verdict: 'Stale', notAfter: '2030-09-17T00:00:00Z' }]);
  });
});

const users = (user: string): string => `kind: Config\nusers:\n- name: me\n  user: ${user}\n`;

describe('check FILE', () => {
  it.each([
    ['missing', undefined, /^\/etc\/kubernetes\/pki\/odd does not exist$/],
    ['empty', '', /odd is empty; name a certificate \(PEM\) or a kubeconfig$/],
    ['of NUL bytes', '\0\0', /odd is neither PEM nor a kubeconfig/],
    ['of text', 'hello', /odd is no kubeconfig: it is no map; name a certificate/],
    ['of a torn certificate', '-----BEGIN CERTIFICATE-----\nMIIB', /odd:1: .*has no end$/],
    [
      'of a certificate that is none',
      '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
      /^\/etc\/kubernetes\/pki\/odd: /,
    ],
    [
      'that is a key',
      '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n',
      /odd holds no certificate; name the certificate, not the key$/,
    ],
    [
      'with a token only',
      users('{token: secret}'),
      /odd holds no client certificate \(its users log in by token\)$/,
    ],
    ['of two MiB', new Uint8Array(2 * 1024 * 1024), /odd is (larger than|too large)/],
  ])('%s is a row that says what is wrong, beside the others', async (_, content, reason) => {
    if (content !== undefined) write(fake.files, `${pki}/odd`, content);
    const report = await checkAll({}, [`${pki}/odd`, `${pki}/apiserver.crt`]);
    expect(report.exitCode).toBe(2);
    expect(report.certificates).toMatchObject([
      { verdict: 'Unreadable', row: { kind: 'unreadable', reason: expect.stringMatching(reason) } },
      { verdict: 'Fine', row: { id: 'apiserver.crt' }, use: { kind: 'same' } },
    ]);
    expect(JSON.stringify(report.certificates)).not.toContain('secret');
  });

  it('a directory is a row, too', async () => {
    const [row] = (await checkAll({}, [pki])).certificates;
    expect(row?.row.reason).toBe(`${pki} is no regular file`);
  });

  it('a file of nobody’s is judged by itself: its key, its CA, its end', async () => {
    const leaf = makeLeaf(ca, 'x', 300);
    write(fake.files, `${pki}/x.crt`, pem('CERTIFICATE', leaf.certificate.der));
    const of = async (): Promise<unknown> => (await checkAll({}, [`${pki}/x.crt`])).certificates[0];
    expect(await of()).toMatchObject({
      key: 'absent',
      verdict: 'Fine',
      row: { ca: 'kubernetes', kind: 'certificate' },
    });
    write(fake.files, `${pki}/x.key`, leaf.keyText);
    expect(await of()).toMatchObject({ key: 'fits', title: 'client and server' });
    write(fake.files, `${pki}/x.key`, makeLeaf(ca, 'y', 300).keyText);
    expect(await of()).toMatchObject({ key: 'mismatch', verdict: 'Broken' });
    write(fake.files, `${pki}/x.crt`, pem('CERTIFICATE', makeLeaf(makeCa(), 'x', 5).certificate.der));
    fake.files.unlink(`${pki}/x.key`);
    expect(await of()).toMatchObject({ verdict: 'Due', row: { ca: null } });
  });

  it('what the node uses keeps its name, also through a link or a kubeconfig', async () => {
    fake.files.symlink('apiserver.crt', `${pki}/link.crt`);
    const report = await checkAll({}, [`${pki}/link.crt`, '/etc/kubernetes/kubelet.conf', `${pki}/ca.crt`]);
    expect(report.certificates.map(({ row }) => row.id)).toEqual([
      'apiserver.crt',
      'kubelet-client-current.pem',
      'ca.crt',
    ]);
  });
});

describe('the command line', () => {
  const said = captureOutput();

  it('explains its exit codes', async () => {
    expect(await run(['--help'], signal)).toBe(0);
    expect(said.out).toMatch(/Exit codes, the first that holds: 11 .*; 2 .*; 10 .* 0 all fine\./s);
  });

  it.each([
    [['--server', '10.0.0.1'], /must be like 10\.0\.0\.1:6443/],
    [['--server', 'a:0'], /must be like/],
    [['--server', 'a:70000'], /must be like/],
    [['--server', 'a b:1'], /must be like/],
    [['--server', 'localhost:1', 'x'], /--server and FILE exclude each other/],
    [['--frobnicate'], /unknown option/],
  ])('%j is refused', async (words, message) => {
    await expect(run(words, signal)).rejects.toThrow(message);
  });
});
