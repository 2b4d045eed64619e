import { expect, it } from 'vitest';
import { rotate } from '../rotation/driver.ts';
import { makeCa, makeDisk } from '../rotation/fake-disk.ts';
import { FakeNode } from '../rotation/fake-node.ts';
import { findJournal } from '../rotation/journal.ts';
import { exitOfUnexpected } from './unexpected.ts';

const ca = makeCa();

/** A rotation, with this at every step. */
async function rotated(onStep: (what: string) => void): Promise<FakeNode> {
  const fake = new FakeNode(makeDisk(ca, 20), ca);
  fake.files.onStep = onStep;
  await rotate(fake.node, fake.order(), fake.signer(), {}, new AbortController().signal).catch(
    () => undefined,
  );
  return fake;
}

const dyingAt = (operation: RegExp) => (what: string) => {
  if (operation.test(what)) throw new TypeError('nobody expected this');
};

// In this order: what a process has touched it has touched.
it('an error that nobody expected ends with 1 where nothing was touched yet, of check with 2', async () => {
  await rotated(dyingAt(/^create .*staging/u));
  expect([exitOfUnexpected('all'), exitOfUnexpected('check')]).toEqual([1, 2]);
});

it('ends with 4 from the middle of a swap on, also when all is renewed and the journal gone', async () => {
  const within: (number | undefined)[] = [];
  const fake = await rotated((what) => {
    if (/^rename .*\/apiserver\.crt$/u.test(what)) within.push(exitOfUnexpected('all'));
  });
  expect(within[0]).toBe(4);
  expect(findJournal(fake.files, fake.node.layout).kind).toBe('none');
  expect(exitOfUnexpected('all')).toBe(4);
});
