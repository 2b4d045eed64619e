import { beforeAll, describe, expect, it } from 'vitest';
import { apply, forget, prepare } from './driver.ts';
import { clientLink, fakeTargets, makeCa, makeDisk, type FakeCa } from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import { findJournal } from './journal.ts';
import { renewFiles } from './renew-files.ts';

let ca: FakeCa;
beforeAll(() => {
  ca = makeCa();
});

const signal = new AbortController().signal;

describe('the dated pem of the kubelet’s client', () => {
  it('takes no name that somebody else has, and removes no file of somebody else', async () => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    const targets = fakeTargets.filter(({ id }) => id === 'kubelet-client-current.pem');
    await prepare(fake.node, fake.order({ targets }), fake.signer(), signal);
    const found = findJournal(fake.files, fake.node.layout);
    const path = found.kind === 'journal' ? found.journal.stages[0]?.files[0]?.link?.newPath : undefined;
    if (path === undefined) throw new Error('no dated pem');
    const link = fake.files.readlink(clientLink);
    fake.files.create(path, new Uint8Array(Buffer.from('of somebody else')), { mode: 0o600, uid: 0, gid: 0 });
    const outcome = await apply(fake.node, {}, signal);
    forget(fake.node);
    expect(outcome.outcome).toBe('rolled-back');
    expect(outcome.message).toContain(`${path} is there already`);
    expect(Buffer.from(fake.files.read(path)).toString()).toBe('of somebody else');
    expect(fake.files.readlink(clientLink)).toBe(link);
  });
});

describe('one certificate of a named file whose key is kept', () => {
  it('waits for the disk no oftener than it must: each sync has something new to make last', async () => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    const path = '/etc/kubernetes/pki/apiserver.crt';
    const renew = () => renewFiles(fake.node, [path], fake.signer(), { keyPolicy: 'keep' }, signal);
    await renew();
    const synced: string[] = [];
    fake.files.onStep = (what) => {
      const [operation = '', name = ''] = what.split(' ');
      if (operation === 'fsync') synced.push(name.replace(/[^/]*-[0-9a-f]{8}/u, 'ID'));
    };
    expect((await renew()).end).toBe('done');
    const ours = '/var/lib/cluster-cert-rotator';
    expect(synced).toEqual([
      `${ours}/staging`,
      `${ours}/backups`,
      `${ours}/staging/ID/00-apiserver.crt`,
      `${ours}/staging/ID`,
      `${ours}/backups/ID/index.json`,
      `${ours}/backups/ID/00-apiserver.crt`,
      `${ours}/backups/ID`,
      `${ours}/journal/ID.json.ccr-new`,
      `${ours}/journal`,
      '/etc/kubernetes/pki/ID',
      '/etc/kubernetes/pki',
      `${ours}/journal`,
      `${ours}/staging`,
    ]);
  });
});
