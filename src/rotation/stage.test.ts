import { beforeAll, describe, expect, it } from 'vitest';
import { rotate } from './driver.ts';
import { makeCa, makeDisk, servingTarget, type FakeCa } from './fake-disk.ts';
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
