import { expect, test } from 'vitest';
import { bedOfFour } from '../lib/fixture.ts';
import { killAtRandom } from '../lib/random-kills.ts';

test('a dead cluster of 3 + 1 without a quorum: ten random kills on the way back', async () => {
  expect(await killAtRandom(bedOfFour(), 'random-kills-four')).toEqual([]);
});
