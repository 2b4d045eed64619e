import { expect, test } from 'vitest';
import { caEndsSoonFrom, leafEndsSoonFrom } from './ending.ts';

const day = 86_400_000;

test.each([
  [91, 10],
  [365, 10],
  [3650, 10],
  [90, 10],
  // Due with 15 of its 45 days left: not at once something for a person.
  [45, 5],
  [9, 1],
  [Number.NaN, 10],
])('a leaf that lives %d days, with %d left', (life, left) => {
  expect(leafEndsSoonFrom({ begin: (1000 - life) * day, end: 1000 * day })).toBe((1000 - left) * day);
});

test('a leaf whose end cannot be read at no time', () => {
  expect(leafEndsSoonFrom({ begin: 0, end: Number.NaN })).toBeNaN();
});

test('a CA with 90 days left', () => {
  expect(caEndsSoonFrom(1000 * day)).toBe(910 * day);
});
