import { expect, test } from 'vitest';
import { bedOfTwo } from '../lib/fixture.ts';
import { killAtRandom } from '../lib/random-kills.ts';

test('a dead cluster of 1 + 1: ten random kills on the way back', async () => {
  expect(await killAtRandom(bedOfTwo(), 'random-kills')).toEqual([]);
});
