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
  const leaf = { begin: (1000 - life) * day, end: 1000 * day, renewsItself: false, dueAt: undefined };
  expect(leafEndsSoonFrom(leaf)).toBe((1000 - left) * day);
});

test('one that its kubelet renews, later than that kubelet begins to', () => {
  const leaf = { begin: 0, end: 20 * day, renewsItself: true, dueAt: undefined };
  expect(leafEndsSoonFrom(leaf)).toBe(19 * day);
});

test('none before it is due', () => {
  const leaf = { begin: 0, end: 100 * day, renewsItself: false };
  expect(leafEndsSoonFrom({ ...leaf, dueAt: 93 * day })).toBe(93 * day);
  expect(leafEndsSoonFrom({ ...leaf, dueAt: 70 * day })).toBe(90 * day);
});

test('a leaf whose end cannot be read at no time', () => {
  expect(leafEndsSoonFrom({ begin: 0, end: Number.NaN, renewsItself: false, dueAt: undefined })).toBeNaN();
});

test('a CA with 90 days left', () => {
  expect(caEndsSoonFrom(1000 * day)).toBe(910 * day);
});
