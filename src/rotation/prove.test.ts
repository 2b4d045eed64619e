import { beforeAll, describe, expect, it } from 'vitest';
import type { Certificate } from '../pki/certificate.ts';
import { rotate } from './driver.ts';
import { day, fakeTargets, makeCa, makeDisk, makeLeaf, type FakeCa } from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import type { Outcome } from './types.ts';

let ca: FakeCa;
beforeAll(() => {
  ca = makeCa();
});

const signal = new AbortController().signal;

/** Renews apiserver.crt of an API server that has renewed all, and answers the loopback name so. */
async function renew(loopback: (now: Date) => Certificate): Promise<Outcome> {
  const fake = new FakeNode(makeDisk(ca, 40), ca);
  const targets = fakeTargets.filter(({ id }) => id === 'apiserver.crt');
  const node = fake.node;
  const handshake: typeof node.probes.handshake = (question, each) =>
    question.serverName === 'apiserver-loopback-client'
      ? Promise.resolve(loopback(fake.time))
      : node.probes.handshake(question, each);
  const lying = { ...node, probes: { ...node.probes, handshake } };
  return await rotate(lying, fake.order({ targets }), fake.signer(), {}, signal);
}

const leaf = (name: string): Certificate => makeLeaf(ca, name, 300).certificate;

describe('the loopback certificate of the API server (R20)', () => {
  it('that was made at the start is proof', async () => {
    const outcome = await renew((now) => ({ ...leaf('apiserver-loopback-client@1'), notBefore: now }));
    expect(outcome.outcome).toBe('succeeded');
    expect(outcome.certificates[0]?.proof).toContain('loopback certificate of');
  });

  it('that is older than the start is of an older process', async () => {
    const outcome = await renew((now) => ({
      ...leaf('apiserver-loopback-client@1'),
      notBefore: new Date(now.getTime() - day),
    }));
    expect(outcome.message).toContain('an older process answers');
  });

  it('must be shown, unless the server has none', async () => {
    expect((await renew(() => leaf('somebody-else'))).message).toContain('is answered with a certificate of');
  });
});
