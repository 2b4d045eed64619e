import { beforeAll, describe, expect, it } from 'vitest';
import type { Target } from '../catalogue/ids.ts';
import { pem } from '../formats/pem.ts';
import { apply, forget, prepare, resumeAtBoot, rotate } from './driver.ts';
import { clientLink, fakeTargets, makeCa, makeDisk, makeLeaf, type FakeCa } from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import { findJournal } from './journal.ts';
import { settleEarlier } from './renew-files.ts';

let ca: FakeCa;
beforeAll(() => {
  ca = makeCa();
});

const signal = new AbortController().signal;
const pkiPath = '/etc/kubernetes/pki';

function write(fake: FakeNode, path: string, text: string): void {
  if (fake.files.lstat(path) !== undefined) fake.files.unlink(path);
  fake.files.create(path, new Uint8Array(Buffer.from(text, 'latin1')), { mode: 0o600, uid: 0, gid: 0 });
}

/** As kubeadm certs renew does. */
function repair(fake: FakeNode, { id, location }: Target): void {
  const { certificate, keyText } = makeLeaf(ca, id, 300);
  if (location.form !== 'pair') throw new Error('no pair');
  write(fake, location.keyPath, keyText);
  write(fake, location.certPath, pem('CERTIFICATE', certificate.der));
}

/** Dies between the renames of a file and of what comes after it. */
async function diesAfterRenaming(fake: FakeNode, targets: readonly Target[], path: string): Promise<void> {
  await prepare(fake.node, fake.order({ targets }), fake.signer(), signal);
  let renamed = false;
  fake.files.onStep = (what) => {
    if (renamed) throw new Error('power is gone');
    renamed = what.startsWith('rename') && what.endsWith(path);
  };
  await expect(apply(fake.node, {}, signal)).rejects.toThrow('power is gone');
  fake.files.onStep = () => undefined;
}

const apiserver = fakeTargets.filter(({ id }) => id === 'apiserver.crt');

describe('a crash between key and certificate that a person repaired by hand (R17)', () => {
  it('does not lock the node: the pair fits, so the journal is moved aside and told', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    await diesAfterRenaming(fake, apiserver, `${pkiPath}/apiserver.key`);
    for (const target of apiserver) {
      expect(fake.fits(target)).toBe(false);
      repair(fake, target);
    }
    expect(resumeAtBoot(fake.node).kind).toBe('fits');
    const outcome = await apply(fake.node, {}, signal);
    expect(outcome.message).toContain('set-aside/');
    expect(outcome.outcome).toBe('needs-manual');
    expect(outcome.message).toContain('restart kube-apiserver, which may');
    expect(outcome.message).toContain('replaced by somebody else; keys and certificates fit');
    expect(findJournal(fake.files, fake.node.layout).kind).toBe('none');
    const next = await rotate(fake.node, fake.order({ targets: apiserver }), fake.signer(), {}, signal);
    expect(next.outcome).toBe('succeeded');
  });

  it('lets cert-renew go on too', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    await diesAfterRenaming(fake, apiserver, `${pkiPath}/apiserver.key`);
    for (const target of apiserver) repair(fake, target);
    expect(settleEarlier(fake.node).join()).toContain('moved to');
    expect(findJournal(fake.files, fake.node.layout).kind).toBe('none');
  });

  it('stays locked while the pair does not fit, and names the journal', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    await diesAfterRenaming(fake, apiserver, `${pkiPath}/apiserver.key`);
    write(fake, `${pkiPath}/apiserver.key`, makeLeaf(ca, 'x', 300).keyText);
    const outcome = await apply(fake.node, {}, signal);
    expect(outcome.outcome).toBe('needs-manual');
    expect(outcome.message).toContain('/var/lib/cluster-cert-rotator/journal/');
    expect(outcome.message).toContain('apiserver.crt does not fit');
    expect(findJournal(fake.files, fake.node.layout).kind).toBe('journal');
  });
});

describe('a crash in the kubelet’s renames, after which it renewed by itself (R2)', () => {
  it('does not lock the node', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const targets = fakeTargets.filter(({ id }) => id === 'kubelet-client-current.pem');
    await diesAfterRenaming(fake, targets, clientLink);
    const { certificate, keyText } = makeLeaf(ca, 'system:node:n1', 365);
    const own = '/var/lib/kubelet/pki/kubelet-client-2030-03-02-00-00-00.pem';
    write(fake, own, pem('CERTIFICATE', certificate.der) + keyText);
    fake.files.unlink(clientLink);
    fake.files.symlink(own, clientLink);
    expect(resumeAtBoot(fake.node).kind).toBe('fits');
    await apply(fake.node, {}, signal);
    forget(fake.node);
    expect(findJournal(fake.files, fake.node.layout).kind).toBe('none');
    expect(fake.files.readlink(clientLink)).toBe(own);
  });
});

describe('an interrupted rotation of another name (R17)', () => {
  const other = { rotationUID: 'uid-2' };

  it('is taken to its end first; the caller is told to come again', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const before = apiserver.map((target) => fake.certificate(target).serial);
    await diesAfterRenaming(fake, apiserver, `${pkiPath}/apiserver.crt`);
    const outcome = await apply(fake.node, other, signal);
    expect(outcome).toMatchObject({ outcome: 'nothing-to-do', reason: 'Interrupted', certificates: [] });
    expect(outcome.message).toContain('rotation uid-1, which was interrupted here');
    expect(outcome.message).toContain('1 renewed and proved');
    for (const [index, target] of apiserver.entries()) {
      expect(fake.certificate(target).serial).not.toBe(before[index]);
      const shown = await fake.node.probes.handshake({ host: '10.0.0.1', port: 6443 }, signal);
      expect(shown.serial).toBe(fake.certificate(target).serial);
    }
    expect(await apply(fake.node, other, signal)).toEqual(outcome);
    forget(fake.node);
    expect(findJournal(fake.files, fake.node.layout).kind).toBe('none');
  });

  it('is rolled back when it cannot be proved', async () => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    const [serial = ''] = apiserver.map((target) => fake.certificate(target).serial);
    fake.broken.set('kube-apiserver', serial);
    await diesAfterRenaming(fake, apiserver, `${pkiPath}/apiserver.crt`);
    const outcome = await apply(fake.node, other, signal);
    expect(outcome).toMatchObject({ outcome: 'refused', reason: 'Interrupted' });
    expect(outcome.message).toContain('the old files are back');
    for (const target of apiserver) expect(fake.certificate(target).serial).toBe(serial);
  });

  it('that needs a person says so in the name of the caller too', async () => {
    const fake = new FakeNode(makeDisk(ca, 0.5), ca);
    const [serial = ''] = apiserver.map((target) => fake.certificate(target).serial);
    fake.broken.set('kube-apiserver', serial);
    await diesAfterRenaming(fake, apiserver, `${pkiPath}/apiserver.crt`);
    const outcome = await apply(fake.node, other, signal);
    expect(outcome).toMatchObject({ outcome: 'needs-manual', reason: 'OldStateUnsafe' });
    expect(outcome.message).toContain('/var/lib/cluster-cert-rotator/journal/');
  });

  it('of another Node object is moved aside, and says what must be restarted', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    await prepare(fake.node, fake.order({ targets: apiserver, nodeUID: 'node-1' }), fake.signer(), signal);
    fake.files.onStep = (what) => {
      if (what.includes('manifests/.')) throw new Error('power is gone');
    };
    await expect(apply(fake.node, {}, signal)).rejects.toThrow('power is gone');
    fake.files.onStep = () => undefined;
    const outcome = await apply(fake.node, { nodeUID: 'node-2' }, signal);
    expect(outcome.outcome).toBe('needs-manual');
    expect(outcome.message).toContain('it is of node node-1; restart kube-apiserver');
  });
});
