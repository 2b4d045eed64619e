import { beforeAll, describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import { apply, forget, prepare, rotate } from './driver.ts';
import {
  clientLink,
  day,
  fakeTargets,
  makeCa,
  makeDisk,
  makeLeaf,
  manifestOf,
  type FakeCa,
} from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import { pem } from '../formats/pem.ts';
import { findJournal } from './journal.ts';

let ca: FakeCa;
beforeAll(() => {
  ca = makeCa();
});

const signal = new AbortController().signal;
const contents = (fake: FakeNode): Map<string, string> =>
  new Map(
    fake.files
      .list()
      .filter(({ path }) => !path.startsWith('/var/lib/cluster-cert-rotator/'))
      .map(({ path, content, target }) => [path, `${target}${Buffer.from(content).toString('latin1')}`]),
  );

describe('a rotation', () => {
  it('renews, proves and leaves nothing but its backups', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const before = fakeTargets.map((target) => fake.certificate(target));
    const outcome = await rotate(fake.node, fake.order(), fake.signer(), {}, signal);
    expect(outcome.message).toBe('6 renewed and proved');
    expect(outcome.outcome).toBe('succeeded');
    expect(outcome.certificates.map(({ id, proof }) => [id, proof !== undefined])).toEqual(
      fakeTargets.map(({ id }) => [id, true]).toSorted((a, b) => order(a) - order(b)),
    );
    for (const [index, target] of fakeTargets.entries()) {
      expect(fake.fits(target)).toBe(true);
      expect(fake.certificate(target).serial).not.toBe(before[index]?.serial);
      expect(fake.certificate(target).spki).not.toEqual(before[index]?.spki);
    }
    expect(findJournal(fake.files, fake.node.layout).kind).toBe('none');
    expect(fake.files.list().filter(({ path }) => path.includes('ccr-') || path.includes('recover'))).toEqual(
      [],
    );
    expect(fake.kubeletRestarts).toBe(1);
    expect(fake.files.readlink(clientLink)).toMatch(/^\/var\/lib\/kubelet\/pki\/kubelet-client-2030-/);
  });

  it('keeps the keys of pairs where the boot could not recover them, and says so', async () => {
    const disk = makeDisk(ca);
    disk.unlink('/var/lib/cluster-cert-rotator/bin/cert-renew');
    const fake = new FakeNode(disk, ca);
    const [etcd] = fakeTargets;
    if (etcd === undefined) throw new Error('no target');
    const { spki } = fake.certificate(etcd);
    const outcome = await rotate(fake.node, fake.order(), fake.signer(), {}, signal);
    expect(outcome.outcome).toBe('succeeded');
    expect(outcome.message).toContain('pairs keep their key');
    expect(fake.certificate(etcd).spki).toEqual(spki);
  });

  it.each([
    ['a new file', /^create .*\/staging\/.*\/02-/u],
    ['the index of the old ones', /^create .*\/index\.json$/u],
    ['the journal', /^create .*\/journal\//u],
    ['the journal’s name', /^fsync .*\/journal$/u],
  ])('leaves nothing where there is no room for %s', async (_, what) => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const names = (): string[] => fake.files.list().map(({ path }) => path);
    const before = names();
    let isFull = true;
    fake.files.onStep = (step) => {
      if (!isFull || !what.test(step)) return;
      isFull = false;
      throw new CertError('NoSpace', 'no room');
    };
    const outcome = await rotate(fake.node, fake.order(), fake.signer(), {}, signal);
    expect([isFull, outcome.outcome, outcome.message]).toEqual([false, 'refused', 'no room']);
    expect(names()).toEqual(before);
    const { staging, backups } = fake.node.layout;
    expect([staging, backups].flatMap((path) => fake.files.readdir(path))).toEqual([]);
  });

  it('refuses before anything is touched when etcd would lose its quorum', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    fake.etcdMembers = [
      { name: 'n1', host: '10.0.0.1', leader: '1' },
      { name: 'n2', host: '10.0.0.2', leader: '1' },
      { name: 'n3', host: '10.0.0.3', leader: '1' },
    ];
    const node = fake.node;
    const request: typeof node.probes.request = (question, each) =>
      question.host === '10.0.0.3'
        ? Promise.reject(new CertError('Unreachable', 'down'))
        : node.probes.request(question, each);
    const ill = { ...node, probes: { ...node.probes, request } };
    const before = contents(fake);
    const outcome = await rotate(ill, fake.order(), fake.signer(), {}, signal);
    expect(outcome.outcome).toBe('refused');
    expect(outcome.message).toContain('lose its quorum');
    expect(contents(fake)).toEqual(before);
  });
});

describe('a manifest that cannot be edited', () => {
  it('refuses before anything is touched, though its stage comes late', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const path = manifestOf('kube-scheduler');
    fake.files.unlink(path);
    const text = 'apiVersion: v1\nkind: List\nitems: []\n';
    fake.files.create(path, new Uint8Array(Buffer.from(text)), { mode: 0o600, uid: 0, gid: 0 });
    const before = contents(fake);
    const outcome = await rotate(fake.node, fake.order(), fake.signer(), {}, signal);
    expect(outcome).toMatchObject({ outcome: 'refused', reason: 'PreflightFailed' });
    expect(outcome.message).toContain(`${path} is no static Pod`);
    expect(contents(fake)).toEqual(before);
  });
});

const order = ([id]: readonly unknown[]): number =>
  [
    'etcd/server.crt',
    'apiserver-kubelet-client.crt',
    'apiserver.crt',
    'admin.conf',
    'scheduler.conf',
    'kubelet-client-current.pem',
  ].indexOf(String(id));

describe('a component that does not come back', () => {
  it('gets its old files and manifest back, and later stages are not begun', async () => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    const [etcd, apiserver] = fakeTargets;
    if (etcd === undefined || apiserver === undefined) throw new Error('no targets');
    fake.broken.set('kube-apiserver', fake.certificate(apiserver).serial);
    const before = contents(fake);
    const outcome = await rotate(fake.node, fake.order(), fake.signer(), {}, signal);
    expect(outcome.outcome).toBe('rolled-back');
    expect(outcome.reason).toBe('ComponentDidNotReturn');
    const changed = [...contents(fake)].filter(([path, text]) => before.get(path) !== text);
    expect(changed.map(([path]) => path)).toEqual([
      '/etc/kubernetes/pki/etcd/server.crt',
      '/etc/kubernetes/pki/etcd/server.key',
    ]);
    expect(outcome.certificates.filter(({ proof }) => proof !== undefined).map(({ id }) => id)).toEqual([
      'etcd/server.crt',
    ]);
    expect(fake.kubeletRestarts).toBe(0);
  });

  it('keeps the new files when the old certificate ends within a day (R14)', async () => {
    const fake = new FakeNode(makeDisk(ca, 0.5), ca);
    const [, apiserver] = fakeTargets;
    if (apiserver === undefined) throw new Error('no target');
    const { serial } = fake.certificate(apiserver);
    fake.broken.set('kube-apiserver', serial);
    const outcome = await rotate(fake.node, fake.order(), fake.signer(), {}, signal);
    expect(outcome.outcome).toBe('needs-manual');
    expect(outcome.reason).toBe('OldStateUnsafe');
    expect(fake.certificate(apiserver).serial).not.toBe(serial);
    expect(fake.fits(apiserver)).toBe(true);
  });
});

describe('somebody else at work', () => {
  it('is a Conflict: the stage is not begun, and what was proved before stays', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    await prepare(fake.node, fake.order(), fake.signer(), signal);
    const path = '/etc/kubernetes/pki/apiserver.crt';
    const mine = pem('CERTIFICATE', makeLeaf(ca, 'kube-apiserver', 300).certificate.der);
    fake.files.unlink(path);
    fake.files.create(path, new Uint8Array(Buffer.from(mine)), { mode: 0o644, uid: 0, gid: 0 });
    const outcome = await apply(fake.node, {}, signal);
    forget(fake.node);
    expect(outcome.outcome).toBe('rolled-back');
    expect(outcome.message).toContain(`${path} was changed by somebody else`);
    expect(Buffer.from(fake.files.read(path)).toString()).toBe(mine);
    expect(outcome.certificates.filter(({ proof }) => proof !== undefined)).toHaveLength(1);
  });

  it('is the kubelet itself: its newer pem is left alone and counts as done (R2)', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const targets = fakeTargets.filter(({ id }) => id === 'kubelet-client-current.pem');
    await prepare(fake.node, fake.order({ targets }), fake.signer(), signal);
    const { certificate, keyText } = makeLeaf(ca, 'system:node:n1', 365);
    const own = '/var/lib/kubelet/pki/kubelet-client-2030-02-28-00-00-00.pem';
    const text = pem('CERTIFICATE', certificate.der) + keyText;
    fake.files.create(own, new Uint8Array(Buffer.from(text)), { mode: 0o600, uid: 0, gid: 0 });
    fake.files.unlink(clientLink);
    fake.files.symlink(own, clientLink);
    const outcome = await apply(fake.node, {}, signal);
    expect(outcome.outcome).toBe('succeeded');
    expect(outcome.reason).toBe('KubeletRotated');
    expect(outcome.certificates[0]?.newSerial).toBe(certificate.serial);
    expect(fake.files.readlink(clientLink)).toBe(own);
    expect(fake.kubeletRestarts).toBe(0);
  });
});

describe('a journal of somebody else (R17)', () => {
  it('of another rotation is moved aside, and nothing is swapped', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    await prepare(fake.node, fake.order(), fake.signer(), signal);
    const before = contents(fake);
    const outcome = await apply(fake.node, { rotationUID: 'uid-2' }, signal);
    expect(outcome.outcome).toBe('refused');
    expect(outcome.message).toContain('it is of rotation uid-1');
    expect(contents(fake)).toEqual(before);
    expect(findJournal(fake.files, fake.node.layout).kind).toBe('none');
  });

  it('is resumed by one who knows no rotation', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    await prepare(fake.node, fake.order(), fake.signer(), signal);
    expect((await apply(fake.node, {}, signal)).outcome).toBe('succeeded');
  });

  it('that is done tells the same outcome again', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    await prepare(fake.node, fake.order(), fake.signer(), signal);
    const first = await apply(fake.node, {}, signal);
    expect(await apply(fake.node, {}, signal)).toEqual(first);
  });
});

describe('an interrupted rotation', () => {
  it('goes on where it was when it is called again', async () => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    const controller = new AbortController();
    await prepare(fake.node, fake.order(), fake.signer(), signal);
    fake.onSleep = () => controller.abort();
    await expect(apply(fake.node, {}, controller.signal)).rejects.toThrow('interrupted');
    fake.onSleep = () => undefined;
    const outcome = await apply(fake.node, {}, signal);
    expect(outcome.outcome).toBe('succeeded');
    expect(outcome.certificates[0]?.newNotAfter).toBe(
      new Date(Date.parse(outcome.certificates[0]?.newNotAfter ?? '')).toISOString(),
    );
    expect(Date.parse(outcome.certificates[0]?.newNotAfter ?? '')).toBeGreaterThan(
      fake.time.getTime() + 300 * day,
    );
    expect(Buffer.from(fake.files.read(manifestOf('kube-apiserver'))).toString()).toContain('restarted-at');
  });
});

describe('a client certificate that the kubelet renewed while the rotation waited (R2)', () => {
  const client = fakeTargets.filter(({ id }) => id === 'kubelet-client-current.pem');
  const planned = { serial: 'abc', notAfter: new Date('2030-03-02T00:00:00Z') };

  it('stays as it is and counts as renewed', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const before = fake.certificate(client[0]!).serial;
    const prepared = await prepare(
      fake.node,
      fake.order({ targets: client, clientPlanned: planned }),
      fake.signer(),
      signal,
    );
    expect(prepared).toMatchObject({
      kind: 'outcome',
      outcome: {
        outcome: 'succeeded',
        reason: 'KubeletRotated',
        certificates: [{ oldSerial: 'abc', newSerial: before }],
      },
    });
    expect(findJournal(fake.files, fake.node.layout).kind).toBe('none');
  });

  it('is renewed when it is the one that the plan saw', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const { serial } = fake.certificate(client[0]!);
    const order = fake.order({ targets: client, clientPlanned: { ...planned, serial } });
    expect((await prepare(fake.node, order, fake.signer(), signal)).kind).toBe('prepared');
  });
});
