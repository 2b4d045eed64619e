import { expect, it } from 'vitest';
import { rotate } from '../rotation/driver.ts';
import { makeCa, makeDisk } from '../rotation/fake-disk.ts';
import { FakeNode } from '../rotation/fake-node.ts';
import { exitOfUnexpected } from './unexpected.ts';

/** What a death at this operation leaves. */
async function diedAt(operation: RegExp): Promise<FakeNode> {
  const ca = makeCa();
  const fake = new FakeNode(makeDisk(ca, 20), ca);
  fake.files.onStep = (what) => {
    if (operation.test(what)) throw new TypeError('nobody expected this');
  };
  await rotate(fake.node, fake.order(), fake.signer(), {}, new AbortController().signal).catch(
    () => undefined,
  );
  return fake;
}

it('an error that nobody expected ends with 4 in the middle of a swap, and with 1 before it', async () => {
  const before = await diedAt(/^create .*staging/u);
  expect(exitOfUnexpected(() => before.node)).toBe(1);
  const within = await diedAt(/^rename .*\/apiserver\.crt$/u);
  expect(exitOfUnexpected(() => within.node)).toBe(4);
});

const blind = (): never => {
  throw new Error('no disk');
};

it('where the journal cannot be seen nobody says that all is as it was', () => {
  expect(exitOfUnexpected(blind)).toBe(4);
});
