import { beforeAll, describe, expect, it } from 'vitest';
import { apply, prepare, rotate } from './driver.ts';
import { day, fakeTargets, makeCa, makeDisk, servingTarget, type FakeCa } from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';

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
