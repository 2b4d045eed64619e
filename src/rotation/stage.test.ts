import { beforeAll, describe, expect, it } from 'vitest';
import { pem } from '../formats/pem.ts';
import { apply, prepare, resumeAtBoot, rotate } from './driver.ts';
import {
  clientLink,
  day,
  fakeTargets,
  makeCa,
  makeDisk,
  makeLeaf,
  manifestOf,
  servingTarget,
  type FakeCa,
} from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import type { RotationNode } from './types.ts';

let ca: FakeCa;
beforeAll(() => {
  ca = makeCa();
});

const signal = new AbortController().signal;

describe('the kubelet with restart: auto (R21)', () => {
  const order = { targets: [servingTarget], kubeletRestart: 'auto' } as const;

  it('that reloads its serving certificate is not restarted, and that is proof enough', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    fake.kubeletReloads = true;
    const { serial } = fake.certificate(servingTarget);
    const outcome = await rotate(fake.node, fake.order(order), fake.signer(), {}, signal);
    expect(outcome.message).toBe('1 renewed and proved');
    expect(fake.certificate(servingTarget).serial).not.toBe(serial);
    expect(fake.kubeletRestarts).toBe(0);
    expect(outcome.steps.find(({ name }) => name === 'kubelet: restart')?.result).toBe('skipped');
  });

  it('that does not reload it is restarted', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const outcome = await rotate(fake.node, fake.order(order), fake.signer(), {}, signal);
    expect(outcome.message).toBe('1 renewed and proved');
    expect(fake.kubeletRestarts).toBe(1);
  });
});

describe('a kubelet that was restarted a moment ago', () => {
  it('is not restarted again when the work is taken up at once', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const controller = new AbortController();
    await prepare(fake.node, fake.order({ targets: [servingTarget] }), fake.signer(), signal);
    fake.onSleep = () => controller.abort();
    await expect(apply(fake.node, {}, controller.signal)).rejects.toThrow('interrupted');
    expect(fake.kubeletRestarts).toBe(1);
    expect((await apply(fake.node, {}, signal)).outcome).toBe('succeeded');
    expect(fake.kubeletRestarts).toBe(1);
  });
});

async function interrupt(fake: FakeNode, node: RotationNode, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    const controller = new AbortController();
    fake.onSleep = () => controller.abort();
    await expect(apply(node, {}, controller.signal)).rejects.toThrow('interrupted');
  }
  fake.onSleep = () => undefined;
}

/** From the moment on at which its manifest is annotated the scheduler is not there, as long as `isSlow`. */
function slowScheduler(daysLeft: number) {
  const fake = new FakeNode(makeDisk(ca, daysLeft), ca);
  const { processes } = fake.node;
  const at = { isSlow: true };
  const isSwapped = (): boolean =>
    Buffer.from(fake.files.read(manifestOf('kube-scheduler'))).includes('restarted-at');
  const find: typeof processes.find = (program) => (at.isSlow && isSwapped() ? [] : processes.find(program));
  return { fake, node: { ...fake.node, processes: { ...processes, find } }, at };
}

describe('a stage that is interrupted again and again', () => {
  const targets = fakeTargets.filter(({ id }) => id === 'scheduler.conf');

  it('is still looked at, however often that was', async () => {
    const { fake, node, at } = slowScheduler(40);
    await prepare(node, fake.order({ targets }), fake.signer(), signal);
    await interrupt(fake, node, 6);
    at.isSlow = false;
    expect(await apply(node, {}, signal)).toMatchObject({ outcome: 'succeeded' });
  });

  it('is looked at by every call of a person', async () => {
    const { fake, node, at } = slowScheduler(-10);
    await prepare(node, fake.order({ targets, origin: 'cli' }), fake.signer(), signal);
    await interrupt(fake, node, 6);
    const here = { attended: true };
    expect(await apply(node, here, signal)).toMatchObject({ outcome: 'needs-manual', reason: 'NotProved' });
    at.isSlow = false;
    expect(await apply(node, here, signal)).toMatchObject({ outcome: 'succeeded' });
  });

  it('restarts the kubelet only a few times', async () => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    const { processes } = fake.node;
    const find: typeof processes.find = (program) =>
      program === 'kubelet' && fake.kubeletRestarts > 0 ? [] : processes.find(program);
    const node = { ...fake.node, processes: { ...processes, find } };
    await prepare(node, fake.order({ targets: [servingTarget] }), fake.signer(), signal);
    await interrupt(fake, node, 6);
    expect(fake.kubeletRestarts).toBe(6);
    const outcome = await apply(node, {}, signal);
    const proof = outcome.steps.find(({ name }) => name === 'kubelet: prove');
    expect(proof?.message).toMatch(/no kubelet was started since .*; it was interrupted 6 times/);
    // Once more for the old certificate.
    expect(fake.kubeletRestarts).toBe(7);
  });
});

describe('a roll back after the machine was off for long (R14)', () => {
  it('does not return to certificates that have ended meanwhile', async () => {
    const disk = makeDisk(ca, 20);
    const fake = new FakeNode(disk, ca);
    const [, apiserver] = fakeTargets;
    if (apiserver === undefined) throw new Error('no target');
    const { serial } = fake.certificate(apiserver);
    const controller = new AbortController();
    await prepare(fake.node, fake.order({ targets: [apiserver] }), fake.signer(), signal);
    fake.onSleep = () => controller.abort();
    await expect(apply(fake.node, {}, controller.signal)).rejects.toThrow('interrupted');

    const later = new FakeNode(disk, ca, new Date(fake.time.getTime() + 30 * day), { started: false });
    later.broken.set('kube-apiserver', serial);
    later.startAll();
    const outcome = await apply(later.node, {}, signal);
    expect(outcome.reason).toBe('OldStateUnsafe');
    expect(later.certificate(apiserver).serial).not.toBe(serial);
  });
});

/** The API server does not come up on the new pair; the power goes while the old one is put back. */
async function cutOff() {
  const disk = makeDisk(ca, 20);
  const fake = new FakeNode(disk, ca);
  const [, apiserver] = fakeTargets;
  if (apiserver === undefined) throw new Error('no target');
  const { serial } = fake.certificate(apiserver);
  fake.broken.set('kube-apiserver', serial);
  await prepare(fake.node, fake.order({ targets: [apiserver] }), fake.signer(), signal);
  let keys = 0;
  fake.files.onStep = (what) => {
    if (keys === 2) throw new Error('power is gone');
    if (what.startsWith('rename') && what.endsWith('apiserver.key')) keys += 1;
  };
  await expect(apply(fake.node, {}, signal)).rejects.toThrow('power is gone');
  disk.onStep = () => undefined;
  expect(fake.fits(apiserver)).toBe(false);
  const later = new FakeNode(disk, ca, new Date(fake.time.getTime() + 30 * day), { started: false });
  return { later, apiserver, serial };
}

describe('a roll back that was cut off before the machine was off for long (R14)', () => {
  it('goes on to the new pair at the boot, and is proved afterwards', async () => {
    const { later, apiserver, serial } = await cutOff();
    expect(resumeAtBoot(later.node)).toEqual({
      kind: 'fits',
      messages: ['kube-apiserver: the new files are in place'],
    });
    expect(later.certificate(apiserver).serial).not.toBe(serial);
    expect(later.fits(apiserver)).toBe(true);
    later.startAll();
    expect(await apply(later.node, {}, signal)).toMatchObject({ outcome: 'succeeded', reason: 'Renewed' });
  });

  it('goes on without a boot too, and keeps the new pair although it does not prove itself', async () => {
    const { later, apiserver, serial } = await cutOff();
    later.broken.set('kube-apiserver', serial);
    const outcome = await apply(later.node, {}, signal);
    expect(outcome).toMatchObject({ outcome: 'needs-manual', reason: 'OldStateUnsafe' });
    expect(later.certificate(apiserver).serial).not.toBe(serial);
    expect(later.fits(apiserver)).toBe(true);
  });

  it('goes back where the new pair is not whole', async () => {
    const { later, apiserver, serial } = await cutOff();
    const { staging } = later.node.layout;
    const [id = ''] = later.files.readdir(staging);
    for (const name of later.files.readdir(`${staging}/${id}`))
      later.files.unlink(`${staging}/${id}/${name}`);
    expect(resumeAtBoot(later.node).messages).toEqual(['kube-apiserver: the old files are back']);
    expect(later.certificate(apiserver).serial).toBe(serial);
    expect(later.fits(apiserver)).toBe(true);
  });
});

describe('a boot that can no longer make pairs fit', () => {
  it('keeps new keys from being put in place', async () => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    const [, apiserver] = fakeTargets;
    if (apiserver === undefined) throw new Error('no target');
    await prepare(fake.node, fake.order({ targets: [apiserver] }), fake.signer(), signal);
    const { serial } = fake.certificate(apiserver);
    fake.files.unlink(fake.node.layout.tool);
    const outcome = await apply(fake.node, {}, signal);
    expect(outcome).toMatchObject({ outcome: 'refused', reason: 'PreflightFailed' });
    expect(outcome.message).toContain('the boot could not recover');
    expect(fake.certificate(apiserver).serial).toBe(serial);
  });
});

describe('what served when the rotation started (R14)', () => {
  it('is looked at before the first swap, not when its own stage begins', async () => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    const ids = ['apiserver.crt', 'scheduler.conf'];
    const targets = fakeTargets.filter(({ id }) => ids.includes(id));
    const [, scheduler] = targets;
    if (scheduler === undefined) throw new Error('no target');
    const { serial } = fake.certificate(scheduler);
    const node = fake.node;
    let isGone = false;
    // The scheduler loses its lease while the API server is restarted, and does not come back.
    fake.onSleep = () => (isGone = true);
    const find: typeof node.processes.find = (program) =>
      program === 'kube-scheduler' && isGone ? [] : node.processes.find(program);
    const lossy = { ...node, processes: { ...node.processes, find } };
    await rotate(lossy, fake.order({ targets }), fake.signer(), {}, signal);
    expect(fake.certificate(scheduler).serial).toBe(serial);
  });
});

describe('the kubelet renews its client certificate while its stage is swapped (R2)', () => {
  const own = '/var/lib/kubelet/pki/kubelet-client-2030-02-28-00-00-00.pem';
  const [client] = fakeTargets.filter(({ id }) => id === 'kubelet-client-current.pem');
  if (client === undefined) throw new Error('no target');

  /** Just before an operation of ours. Result: the kubelet's serial. */
  function renewsBefore(fake: FakeNode, operation: RegExp): string {
    const { certificate, keyText } = makeLeaf(ca, 'system:node:n1', 365);
    const bytes = new Uint8Array(Buffer.from(pem('CERTIFICATE', certificate.der) + keyText));
    fake.files.onStep = (what) => {
      if (!operation.test(what)) return;
      fake.files.onStep = () => undefined;
      fake.files.create(own, bytes, { mode: 0o600, uid: 0, gid: 0 });
      fake.files.unlink(clientLink);
      fake.files.symlink(own, clientLink);
    };
    return certificate.serial;
  }

  const moments: readonly (readonly [string, RegExp])[] = [
    ['after the check', /^fsync .*\/backups\/[^/]+$/],
    ['after our own pem lies there', /^symlink .*kubelet-client-current/],
  ];

  it.each(moments)('%s: its own stays, and counts as done', async (_, operation) => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    await prepare(fake.node, fake.order({ targets: [client] }), fake.signer(), signal);
    const serial = renewsBefore(fake, operation);
    const outcome = await apply(fake.node, {}, signal);
    expect(outcome).toMatchObject({ outcome: 'succeeded', reason: 'KubeletRotated' });
    expect(outcome.certificates.map(({ newSerial }) => newSerial)).toEqual([serial]);
    expect(fake.files.readlink(clientLink)).toBe(own);
    expect(fake.files.readdir('/var/lib/kubelet/pki').filter((name) => name.includes('-2030-03-'))).toEqual(
      [],
    );
    expect(fake.kubeletRestarts).toBe(0);
  });

  it.each(moments)('%s: its serving certificate is renewed all the same', async (_, operation) => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    const before = fake.certificate(servingTarget).serial;
    await prepare(fake.node, fake.order({ targets: [client, servingTarget] }), fake.signer(), signal);
    const serial = renewsBefore(fake, operation);
    const outcome = await apply(fake.node, {}, signal);
    expect(outcome).toMatchObject({ outcome: 'succeeded', reason: 'Renewed' });
    expect(fake.certificate(client).serial).toBe(serial);
    expect(fake.certificate(servingTarget).serial).not.toBe(before);
    expect(fake.fits(servingTarget)).toBe(true);
  });

  it('or while we are dead in the middle of it: the next call leaves it too', async () => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    await prepare(fake.node, fake.order({ targets: [client, servingTarget] }), fake.signer(), signal);
    fake.files.onStep = (what) => {
      if (/^rename .*\/kubelet\.key$/.test(what)) throw new Error('killed');
    };
    await expect(apply(fake.node, {}, signal)).rejects.toThrow('killed');
    const serial = renewsBefore(fake, /^/);
    expect(await apply(fake.node, {}, signal)).toMatchObject({ outcome: 'succeeded' });
    expect(fake.certificate(client).serial).toBe(serial);
    expect(fake.fits(servingTarget)).toBe(true);
  });
});
