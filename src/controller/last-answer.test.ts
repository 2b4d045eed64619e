import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LastAnswer } from './last-answer.ts';

const fails = async (): Promise<string> => Promise.reject(new Error('away'));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

it('is used again for as long as who asks may take it', async () => {
  const last = new LastAnswer<string>();
  expect(await last.get(1000, async () => 'a')).toBe('a');
  vi.advanceTimersByTime(999);
  expect(await last.get(1000, async () => 'b')).toBe('a');
  expect(await last.get(500, async () => 'c')).toBe('c');
  vi.advanceTimersByTime(1000);
  expect(await last.get(1000, async () => 'd')).toBe('d');
});

it('is asked for anew once it is forgotten', async () => {
  const last = new LastAnswer<string>();
  await last.get(1000, async () => 'a');
  last.forget();
  expect(await last.get(1000, async () => 'b')).toBe('b');
});

it('is no error, and an error leaves the one before as it is', async () => {
  const last = new LastAnswer<string>();
  await last.get(1000, async () => 'a');
  vi.advanceTimersByTime(600);
  await expect(last.get(500, fails)).rejects.toThrow('away');
  expect(await last.get(1000, async () => 'b')).toBe('a');
});
