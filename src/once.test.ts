import { describe, expect, it } from 'vitest';
import { onceFor, steady } from './once.ts';

describe('once for a value', () => {
  it('is the same answer for the same value, and another for another', () => {
    const made = onceFor((of: { readonly name: string }) => [of.name]);
    const [a, b] = [{ name: 'a' }, { name: 'a' }];
    expect(made(a)).toBe(made(a));
    expect(made(b)).not.toBe(made(a));
  });

  it('is made again after an error', () => {
    let fails = true;
    const made = onceFor<object, number>(() => {
      if (fails) throw new Error('not now');
      return 1;
    });
    const of = {};
    expect(() => made(of)).toThrow('not now');
    fails = false;
    expect(made(of)).toBe(1);
  });

  it('keeps also that there is none', () => {
    let times = 0;
    const made = onceFor<object, undefined>(() => {
      times += 1;
    });
    const of = {};
    made(of);
    made(of);
    expect(times).toBe(1);
  });
});

it('is the earlier value for as long as the next ones are equal', () => {
  const same = steady<{ readonly ends: readonly string[] }>();
  const first = same({ ends: ['a'] });
  expect(same({ ends: ['a'] })).toBe(first);
  const other = { ends: ['b'] };
  expect(same(other)).toBe(other);
  expect(same({ ends: ['a'] })).not.toBe(first);
});
