import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import { pem } from '../formats/pem.ts';
import { writePrivateKey } from '../pki/keys.ts';
import {
  clientLink,
  fakeTargets,
  makeCa,
  makeDisk,
  makeLeaf,
  manifestOf,
  servingTarget,
  type FakeCa,
} from '../rotation/fake-disk.ts';
import { FakeNode } from '../rotation/fake-node.ts';
import { findJournal, journalPath } from '../rotation/journal.ts';
import type { Files } from '../host/files.ts';
import type { RotationNode } from '../rotation/types.ts';
import { all, type AllOptions } from './all.ts';
import { restore } from './restore.ts';
import { captureOutput } from './testing.ts';

const directory = mkdtempSync(join(tmpdir(), 'all-'));
const signal = new AbortController().signal;
let ca: FakeCa;
const said = captureOutput();

beforeAll(() => {
  ca = makeCa();
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

/** A control plane as the catalogue sees it: kubelet and scheduler only, since the fake manifests name no more. */
function nodeWith(daysLeft: number, options = { caKey: true }): FakeNode {
  const disk = makeDisk(ca, daysLeft);
  const key = writePrivateKey(ca.key, { form: 'pkcs8', ecParameters: false });
  const bytes = new Uint8Array(Buffer.from(key, 'latin1'));
  if (options.caKey) disk.create('/etc/kubernetes/pki/ca.key', bytes, { mode: 0o600, uid: 0, gid: 0 });
  return new FakeNode(disk, ca);
}

const home = (fake: FakeNode): RotationNode => {
  const { layout } = fake.node;
  return { ...fake.node, layout: { ...layout, lock: join(directory, 'lock') } };
};

const run = (fake: FakeNode, options: Partial<AllOptions> = {}): Promise<number> =>
  all({ lockTimeout: 1000, ...options }, signal, home(fake));

const backupOf = (): string => /backups\/(\S+)/.exec(said.out)?.[1] ?? '';

const schedulerConf = '/etc/kubernetes/scheduler.conf';

function replace({ files }: FakeNode, path: string, bytes: Uint8Array): void {
  if (files.lstat(path) !== undefined) files.unlink(path);
  files.create(path, new Uint8Array(bytes), { mode: 0o644, uid: 0, gid: 0 });
}

function configured(daysLeft: number): FakeNode {
  const fake = nodeWith(daysLeft);
  const unit = '[Service]\nExecStart=/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf\n';
  replace(fake, '/etc/systemd/system/kubelet.service', Buffer.from(unit));
  return fake;
}

/** Its kubelet keeps static Pods and knows no API server. */
function standalone(daysLeft: number): FakeNode {
  const fake = nodeWith(daysLeft);
  const unit = '[Service]\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml\n';
  replace(fake, '/etc/systemd/system/kubelet.service', Buffer.from(unit));
  for (const path of ['/etc/kubernetes/kubelet.conf', clientLink]) fake.files.unlink(path);
  return fake;
}

const contents = (fake: FakeNode): string[] =>
  fake.files.list().map(({ path, content }) => `${path} ${Buffer.from(content).toString('base64')}`);

describe('cert-renew all', () => {
  it('says that nothing is due', async () => {
    expect(await run(nodeWith(300))).toBe(3);
    expect(said.out).toContain('nothing is due on this node');
  });

  it('renews what is due, proves it, and says where the old files are', async () => {
    const fake = nodeWith(-10);
    fake.goDark('kube-apiserver', 'kube-scheduler');
    const code = await run(fake);
    expect([code, said.err]).toEqual([0, expect.stringContaining('kubelet: proved')]);
    expect(said.out).toMatch(/^done: \d+ renewed and proved/m);
    expect(said.out).toContain('old files: /var/lib/cluster-cert-rotator/backups/');
    const seen = [...fakeTargets, servingTarget].filter(({ id }) => said.out.includes(`${id}: renewed`));
    expect(seen.map(({ id }) => id)).toEqual([
      'apiserver.crt',
      'admin.conf',
      'scheduler.conf',
      'kubelet-client-current.pem',
      'kubelet.crt',
    ]);
    for (const target of seen)
      expect([target.id, fake.certificate(target).notAfter > fake.time]).toEqual([target.id, true]);
    expect(await run(fake)).toBe(3);
  });

  it('writes nothing in a dry run, and says why and in which order', async () => {
    const fake = nodeWith(-10);
    fake.goDark();
    const before = contents(fake);
    expect(await run(fake, { dryRun: true })).toBe(0);
    expect(said.out).toMatch(/^1\. .*\n {3}.*: expired 10 d ago$/m);
    expect(said.out).toContain('the kubelet is down: what runs with old files is ended');
    said.out = '';
    expect(await run(fake, { dryRun: true, json: true })).toBe(0);
    expect(JSON.parse(said.out)).toMatchObject({ schema: 1, dryRun: true, cluster: 'kubelet-down' });
    expect(contents(fake)).toEqual(before);
  });

  it('refuses in a dry run what it would refuse, in the same words', async () => {
    const fake = nodeWith(-10);
    fake.goDark('kube-apiserver', 'kube-scheduler');
    const manifest = manifestOf('kube-scheduler');
    const text = Buffer.from(fake.files.read(manifest)).toString('utf8').replace('metadata:', 'metadata: &a');
    replace(fake, manifest, Buffer.from(text));
    const before = contents(fake);
    expect(await run(fake, { dryRun: true })).toBe(2);
    const refusal = /^refused: .*kube-scheduler\.yaml.*; nothing was touched$/m.exec(said.out)?.[0] ?? 'none';
    expect(contents(fake)).toEqual(before);
    said.out = '';
    expect(await run(fake)).toBe(2);
    expect(said.out).toContain(`${refusal}\n`);
    said.out = '';
    expect(await run(fake, { dryRun: true, json: true })).toBe(2);
    expect(JSON.parse(said.out)).toMatchObject({ result: 'refused', message: refusal });
  });

  it('refuses where the key of the CA is not on this node, and says what to do', async () => {
    const fake = nodeWith(-10, { caKey: false });
    const before = contents(fake);
    expect(await run(fake)).toBe(2);
    expect(said.out).toContain(
      'NOT RENEWED: expired 10 d ago, but the key of its CA (/etc/kubernetes/pki/ca.key)',
    );
    expect(contents(fake)).toEqual(before);
  });

  it.each([
    ['broken', 'users: [', /scheduler\.conf:1:9: cannot be read: /],
    ['cut', 'kind: Config\n', /NOT RENEWED: \S+scheduler\.conf holds no client certificate/],
    [
      'not there',
      undefined,
      /scheduler\.conf does not exist; put it back .*, or make it anew: kubeadm .* scheduler$/m,
    ],
  ])('tells of a kubeconfig that is %s, and renews the rest', async (_, text, why) => {
    const damage = (fake: FakeNode): void => {
      fake.files.unlink(schedulerConf);
      if (text !== undefined) replace(fake, schedulerConf, Buffer.from(text));
    };
    const fine = nodeWith(300);
    damage(fine);
    expect([await run(fine, { dryRun: true }), await run(fine)]).toEqual([2, 2]);
    expect(said.out).toMatch(why);
    expect(said.out).toMatch(
      /^refused: scheduler\.conf could not be renewed here, see above; nothing was touched$/m,
    );
    const due = nodeWith(-10);
    due.goDark('kube-apiserver', 'kube-scheduler');
    damage(due);
    expect([await run(due, { dryRun: true }), await run(due)]).toEqual([4, 4]);
    expect(said.out).toContain('kubelet-client-current.pem: renewed');
    expect(said.out).toMatch(/^partly done: .*; scheduler\.conf could not be renewed here, see above/m);
  });

  it('misses nothing on a host whose kubelet has no kubeconfig', async () => {
    expect(await run(standalone(300))).toBe(3);
    expect(await run(standalone(20), { dryRun: true })).toBe(0);
    expect(said.out).toContain('scheduler.conf');
    expect(said.out).not.toContain('kubelet-client-current.pem');
  });

  it('leaves a kubeconfig with a token, and says so', async () => {
    const fake = nodeWith(300);
    replace(fake, schedulerConf, Buffer.from('users: [{name: me, user: {token: secret}}]'));
    expect(await run(fake)).toBe(3);
    expect(said.out).toContain(`note: ${schedulerConf} holds no client certificate`);
  });

  it('keeps what cannot be proved without a quorum, and proves it when it is called again', async () => {
    const fake = nodeWith(-10);
    fake.goDark('kube-apiserver', 'kube-scheduler');
    fake.quorum = false;
    expect(await run(fake)).toBe(4);
    expect(said.out).toMatch(/^partly done: .*this node is done as far as it can be alone/m);
    expect(said.out).not.toContain(' call');
    const told = said.err.split('\n').filter((line) => line !== '');
    said.out = '';
    said.err = '';
    fake.quorum = true;
    expect(await run(fake)).toBe(0);
    expect(said.err).toMatch(/^what began at 2030-03-01T\S+ is taken up: kube-apiserver, .*kubelet$/m);
    // Nothing is told twice.
    expect(said.err.split('\n').filter((line) => told.includes(line))).toEqual([]);
    expect(said.out).toMatch(/^of an earlier call, taken up by this one:\napiserver\.crt: renewed, /);
    expect(said.out).not.toContain('of this call');
  });
});

const put = (fake: FakeNode, name?: string, force = false): Promise<number> =>
  restore(name, { lockTimeout: 1000, force }, signal, home(fake));

/** Its API server's certificate could not be renewed at first; all else is new, and waits to be proved. */
async function waitingNode(): Promise<FakeNode> {
  const fake = nodeWith(-10);
  fake.goDark('kube-apiserver', 'kube-scheduler');
  fake.quorum = false;
  // Of another CA until a person puts the right one there.
  const [, apiserver] = fakeTargets;
  if (apiserver?.location.form !== 'pair') throw new Error('no target');
  const { certPath } = apiserver.location;
  const right = fake.files.read(certPath);
  replace(fake, certPath, Buffer.from(pem('CERTIFICATE', makeLeaf(ca, 'x', -10).certificate.der)));
  expect(await run(fake)).toBe(4);
  expect(said.out).toContain('its key does not fit');
  replace(fake, certPath, right);
  fake.files.settle();
  fake.quorum = true;
  said.out = '';
  return fake;
}

function knownOf(files: Files, layout: RotationNode['layout']) {
  const found = findJournal(files, layout);
  if (found.kind !== 'journal' || found.journal.state === 'prepared') return undefined;
  const { id, state, stages } = found.journal;
  return {
    path: journalPath(layout, id),
    state,
    ids: stages.flatMap(({ certificates }) => certificates.map(({ id }) => id)),
  };
}

/** Every subset of the names that were not synced. */
const choices = (count: number): ((index: number) => boolean)[] =>
  Array.from({ length: 2 ** count }, (_, mask) => (index: number) => ((mask >> index) & 1) === 1);

/** No backup can be taken of what the scheduler waits with. */
function withoutRoom({ files }: FakeNode): void {
  files.onStep = (what) => {
    if (/^create .*backups.*scheduler\.conf/.test(what)) throw new CertError('NoSpace', 'no room');
  };
}

const provesScheduler = /scheduler\.conf: renewed.*kube-scheduler was started/;

describe('cert-renew all where manifests were moved away', () => {
  const gone =
    /^apiserver\.crt \(\S+\): NOT RENEWED: no manifest of kube-apiserver lies in \S+, .*: put the manifest back/mu;

  it('says so, and touches nothing, where nothing else is due', async () => {
    const fake = configured(300);
    fake.files.unlink(manifestOf('kube-apiserver'));
    const before = contents(fake);
    expect(await run(fake)).toBe(2);
    expect(said.out).toMatch(gone);
    expect(said.out).toMatch(/^refused: etcd\/server\.crt, apiserver\.crt could not be renewed here/mu);
    expect(contents(fake)).toEqual(before);
    said.out = '';
    expect(await run(fake, { dryRun: true })).toBe(2);
    expect(said.out).toMatch(gone);
  });

  it('renews what it can, and is not done', async () => {
    const fake = configured(-10);
    fake.goDark('kube-apiserver', 'kube-scheduler');
    for (const each of ['kube-apiserver', 'kube-scheduler'] as const) fake.files.unlink(manifestOf(each));
    expect(await run(fake)).toBe(4);
    expect(said.out).toMatch(gone);
    expect(said.out).toMatch(/^kubelet-client-current\.pem: renewed/mu);
    expect(said.out).toMatch(/scheduler\.conf could not be renewed here/u);
  });

  it('says nothing of an etcd that runs in no Pod but in a note', async () => {
    const fake = configured(300);
    const manifest = manifestOf('kube-apiserver');
    const text = Buffer.from(fake.files.read(manifest)).toString('utf8');
    const servers = '[kube-apiserver, --etcd-servers=https://127.0.0.1:2379, ';
    replace(fake, manifest, Buffer.from(text.replace('[kube-apiserver, ', servers)));
    const withEtcd = (isOfPod: boolean): RotationNode => {
      const { processes, ...node } = home(fake);
      const etcd = { pid: 9, startedAt: fake.time, startedMs: 0, commandLine: ['etcd'], isOfPod };
      const find = (program: string) => (program === 'etcd' ? [etcd] : processes.find(program));
      return { ...node, processes: { ...processes, find } };
    };
    // Its manifest was moved away, and the kubelet has not seen it yet.
    expect(await all({ lockTimeout: 1000 }, signal, withEtcd(true))).toBe(2);
    expect(said.out).toMatch(/^etcd\/server\.crt \(\S+\): NOT RENEWED: no manifest of etcd lies in /mu);
    said.out = '';
    expect(await all({ lockTimeout: 1000 }, signal, withEtcd(false))).toBe(3);
    expect(said.out).toMatch(/^note: etcd runs here in no Pod: \S+server\.crt is not managed/mu);
    expect(said.out).not.toContain('no manifest');
  });

  it('says it also where nothing else is left', async () => {
    const fake = standalone(300);
    for (const each of ['kube-apiserver', 'kube-scheduler'] as const) fake.files.unlink(manifestOf(each));
    fake.files.unlink('/var/lib/kubelet/pki/kubelet.crt');
    expect(await run(fake)).toBe(2);
    expect(said.out).toMatch(gone);
  });
});

describe('cert-renew all that is called again', () => {
  it('renews with what it waits to prove what can be renewed only now', async () => {
    const fake = await waitingNode();
    expect(await run(fake)).toBe(0);
    expect(said.out).toContain('done: 5 renewed and proved');
    expect(fake.files.readdir(fake.node.layout.journal)).toEqual([]);
  });

  it('knows at each moment what waits to be proved, and ends the same wherever it dies', async () => {
    const fake = await waitingNode();
    const waiting = knownOf(fake.files, fake.node.layout);
    expect(waiting?.ids).toHaveLength(4);
    const deaths: [what: string, next: FakeNode][] = [];
    const lost: string[] = [];
    let isDone = false;
    const { files } = fake;
    files.onStep = (what) => {
      const left = [
        files.afterKill(),
        ...choices(files.pendingCount).map((keeps) => files.afterPowerLoss(keeps)),
      ];
      for (const disk of left) {
        const known = knownOf(disk, fake.node.layout);
        isDone ||= known?.state === 'done' && known.ids.includes('apiserver.crt');
        const isKnown = waiting?.ids.every((id) => known?.ids.includes(id) === true) === true;
        if (!isDone && !isKnown) lost.push(what);
      }
      // Around every write of a journal for as long as the earlier one lies there.
      const isThere = files.lstat(waiting?.path ?? '') !== undefined;
      if (isThere && what.includes('/journal/')) deaths.push([what, fake.afterKill(files.afterKill())]);
    };
    expect(await run(fake)).toBe(0);
    expect([lost, isDone, deaths.length > 5]).toEqual([[], true, true]);
    for (const [what, next] of deaths) {
      expect([what, await run(next)]).toEqual([what, 0]);
      expect(next.files.readdir(next.node.layout.journal)).toEqual([]);
    }
  }, 120_000);

  it('looks at what waits where the renewal is refused', async () => {
    const fake = await waitingNode();
    fake.files.onStep = (what) => {
      if (/^create .*staging/.test(what)) throw new CertError('NoSpace', 'no room');
    };
    expect(await run(fake)).toBe(4);
    expect(said.out).toContain('no room');
    expect(said.out).toContain('note: what was interrupted earlier was taken up first');
  });

  it('proves what waits although its renewal could not begin', async () => {
    const fake = await waitingNode();
    withoutRoom(fake);
    expect(await run(fake)).toBe(0);
    expect(said.out).toMatch(provesScheduler);
    expect(fake.files.readdir(fake.node.layout.journal)).toEqual([]);
  });

  it('still knows that it waits where it can be neither renewed nor proved', async () => {
    const fake = await waitingNode();
    withoutRoom(fake);
    fake.quorum = false;
    expect(await run(fake)).toBe(4);
    expect(knownOf(fake.files, fake.node.layout)?.ids).toContain('scheduler.conf');
    fake.files.onStep = () => undefined;
    fake.quorum = true;
    said.out = '';
    expect(await run(fake)).toBe(0);
    expect(said.out).toMatch(provesScheduler);
  });

  it('says that it goes on when it was interrupted', async () => {
    const fake = nodeWith(-10);
    fake.goDark('kube-apiserver', 'kube-scheduler');
    const person = new AbortController();
    fake.files.onStep = (what) => {
      if (/^rename .*scheduler.conf$/.test(what)) person.abort();
    };
    expect(await all({ lockTimeout: 1000 }, person.signal, home(fake))).toBe(4);
    expect(said.err).toContain('run cert-renew all again, it goes on where it was');
    fake.files.onStep = () => undefined;
    expect(await run(fake)).toBe(0);
  });
});

describe('cert-renew all that goes on where it was', () => {
  it('tells apart what was proved before, what was open, and what is its own', async () => {
    const fake = nodeWith(20);
    const scheduler = fake.files.read(schedulerConf);
    replace(fake, schedulerConf, Buffer.from('users: ['));
    const person = new AbortController();
    fake.files.onStep = (what) => {
      if (/^rename .*admin\.conf$/.test(what)) person.abort();
    };
    expect(await all({ lockTimeout: 1000 }, person.signal, home(fake))).toBe(4);
    fake.files.onStep = () => undefined;
    replace(fake, schedulerConf, scheduler);
    said.err = '';
    expect(await run(fake)).toBe(0);
    expect(said.err).toMatch(
      /^what began at \S+ is taken up: kubelet; proved already: kube-apiserver, administrators$/m,
    );
    expect(said.err).not.toContain('kube-apiserver: ');
    const before =
      'of an earlier call, proved before this one:\napiserver\\.crt: renewed, .*\nadmin\\.conf: renewed, .*\n';
    const open = 'of an earlier call, taken up by this one:\n(kubelet.*: renewed, .*\n){2}';
    expect(said.out).toMatch(new RegExp(`${before}${open}of this call:\nscheduler\\.conf: renewed, .*\n`));
  });

  it('tells of one whose journal has a damaged date', async () => {
    const fake = nodeWith(-10);
    fake.goDark('kube-apiserver', 'kube-scheduler');
    fake.quorum = false;
    expect(await run(fake)).toBe(4);
    const found = findJournal(fake.files, fake.node.layout);
    if (found.kind !== 'journal') throw new Error('no journal');
    const text = JSON.stringify(found.journal).replaceAll(/"oldNotAfter":"[^"]*"/gu, '"oldNotAfter":"2O30"');
    replace(fake, journalPath(fake.node.layout, found.journal.id), Buffer.from(text));
    fake.quorum = true;
    said.out = '';
    expect(await run(fake)).toBe(0);
    expect(said.out).toMatch(/^apiserver\.crt: renewed, expires an unknown time → 2031-\S+, serial /mu);
  });

  it('tells as its own what it rolled back first and renewed anew', async () => {
    const fake = nodeWith(20);
    const [apiserver] = fakeTargets.filter(({ id }) => id === 'apiserver.crt');
    if (apiserver === undefined) throw new Error('the fake has no API server');
    fake.broken.set('kube-apiserver', fake.certificate(apiserver).serial);
    const person = new AbortController();
    fake.onSleep = () => person.abort();
    expect(await all({ lockTimeout: 1000 }, person.signal, home(fake))).toBe(4);
    fake.onSleep = () => undefined;
    // Once the old pair lies there again, whatever was wrong with the new one is over.
    fake.files.onStep = (what) => {
      if (/^rename .*apiserver\.crt$/.test(what)) fake.broken.delete('kube-apiserver');
    };
    expect(await run(fake, { json: true })).toBe(0);
    const told = new Map<string, boolean[]>();
    const { certificates }: { certificates: { id: string; renewed: boolean }[] } = JSON.parse(said.out);
    for (const { id, renewed } of certificates) told.set(id, [...(told.get(id) ?? []), renewed]);
    expect(told.get('apiserver.crt')).toEqual([false, true]);
    expect(said.err).toContain('is taken up');
  });
});

describe('cert-renew all that is interrupted', () => {
  it('is no refusal once it has taken an earlier one to its end', async () => {
    const fake = nodeWith(20);
    const scheduler = fake.files.read(schedulerConf);
    replace(fake, schedulerConf, Buffer.from('users: ['));
    const first = new AbortController();
    fake.files.onStep = (what) => {
      if (/^rename .*admin\.conf$/.test(what)) first.abort();
    };
    expect(await all({ lockTimeout: 1000 }, first.signal, home(fake))).toBe(4);
    replace(fake, schedulerConf, scheduler);
    const second = new AbortController();
    fake.files.onStep = (what) => {
      if (!/^unlink .*\/journal\//.test(what)) return;
      // Away in the look that comes now.
      fake.goDark();
      fake.onSleep = () => second.abort();
    };
    said.err = '';
    expect(await all({ lockTimeout: 1000 }, second.signal, home(fake))).toBe(4);
    expect(said.err).toMatch(
      /^cert-renew: interrupted; what was begun before this call is at its end; run cert-renew all again for the rest$/m,
    );
    expect(findJournal(fake.files, fake.node.layout).kind).toBe('none');
  });
});

describe('cert-renew all on a disk that fails in the middle of a swap', () => {
  it('tells the first error, and does not say that nothing was touched', async () => {
    const fake = nodeWith(-10);
    fake.goDark('kube-apiserver', 'kube-scheduler');
    const { files, layout } = home(fake);
    let isBroken = false;
    const failing = new Proxy(files, {
      get: (on, name: keyof Files) => {
        const operation: unknown = Reflect.get(on, name);
        if (typeof operation !== 'function') return operation;
        return (...operands: readonly unknown[]): unknown => {
          isBroken ||= name === 'rename' && String(operands[1]).endsWith('/apiserver.crt');
          if (!isBroken) return Reflect.apply(operation, on, operands);
          const file = String(operands[0]);
          throw new CertError('Io', `${name} ${file} cannot be used: EIO`, { file });
        };
      },
    });
    expect(await all({ lockTimeout: 1000 }, signal, { ...home(fake), files: failing, layout })).toBe(4);
    expect(said.err).toMatch(
      /^cert-renew: (?!readdir)\S+ .* cannot be used: EIO; run cert-renew all again/mu,
    );
  });
});

describe('a file of a dead node that cannot be replaced', () => {
  it('keeps no other from being replaced, and is told', async () => {
    const fake = nodeWith(-10);
    fake.goDark('kube-apiserver', 'kube-scheduler');
    fake.files.onStep = (what) => {
      if (/^create .*\.scheduler\.conf/.test(what)) throw new CertError('NoSpace', 'no room');
    };
    expect(await run(fake)).toBe(4);
    expect(said.out).toContain('kubelet-client-current.pem: renewed');
    expect(said.out).toMatch(/^partly done: .*kube-scheduler: no room/m);
  });
});

describe('cert-renew restore', () => {
  it('lists backups, and puts one back by its name', async () => {
    const fake = nodeWith(20);
    const [, apiserver] = fakeTargets;
    if (apiserver === undefined) throw new Error('no target');
    const { serial } = fake.certificate(apiserver);
    expect(await run(fake, { newKey: true })).toBe(0);
    expect(fake.certificate(apiserver).serial).not.toBe(serial);
    const name = backupOf();
    said.out = '';
    expect(await put(fake)).toBe(0);
    expect(said.out).toContain(name);
    expect(await put(fake, name)).toBe(0);
    expect(said.out).toContain('/etc/kubernetes/pki/apiserver.crt: put back');
    expect(said.out).toContain('next: kubelet: restart it: systemctl restart kubelet');
    for (const target of fakeTargets) expect(fake.fits(target)).toBe(true);
    expect(fake.certificate(apiserver).serial).toBe(serial);
    expect(await put(fake, name)).toBe(3);
  });

  it('puts nothing back that has expired, unless it is forced to', async () => {
    const fake = nodeWith(-10);
    fake.goDark('kube-apiserver', 'kube-scheduler');
    expect(await run(fake)).toBe(0);
    const name = backupOf();
    await expect(put(fake, name)).rejects.toThrow(/expired at .*; --force puts it back all the same/);
    expect(await put(fake, name, true)).toBe(0);
  });

  it('refuses a backup whose certificate does not fit the key of today', async () => {
    const fake = nodeWith(20);
    expect(await run(fake)).toBe(0);
    const name = backupOf();
    expect(await run(fake, { force: true, newKey: true })).toBe(0);
    const before = contents(fake);
    await expect(put(fake, name)).rejects.toThrow(/does not fit the key that would lie beside it/);
    expect(contents(fake)).toEqual(before);
    await expect(put(fake, 'nothing')).rejects.toThrow(/is no backup; cert-renew restore lists them/);
  });
});
