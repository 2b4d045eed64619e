import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDer, time } from './der.ts';
import { readTime, validity } from './time.ts';

const at = (text: string): Date => new Date(text);
const day = 86_400_000;
const hour = 3_600_000;
const ca = { notBefore: at('2020-01-01T00:00:00Z'), notAfter: at('2030-01-01T00:00:00Z') };
const now = at('2026-06-01T12:00:00.750Z');

describe('validity', () => {
  const young = { ...ca, notBefore: at('2026-06-01T11:59:00Z') };
  const ending = { ...ca, notAfter: at('2026-06-01T12:10:00.750Z') };
  it.each([
    [
      '91 days with 5 minutes back',
      [91 * day, 300_000, ca],
      ['2026-06-01T11:55:00Z', '2026-08-31T12:00:00Z'],
    ],
    [
      'backdate never over an hour',
      [91 * day, 9 * hour, ca],
      ['2026-06-01T11:00:00Z', '2026-08-31T12:00:00Z'],
    ],
    ['backdate never over a tenth of it', [hour, hour, ca], ['2026-06-01T11:54:00Z', '2026-06-01T13:00:00Z']],
    ['backdate never before the CA', [day, hour, young], ['2026-06-01T11:59:00Z', '2026-06-02T12:00:00Z']],
    ['clamped to the CA', [3650 * day, 0, ca], ['2026-06-01T12:00:00Z', '2030-01-01T00:00:00Z', 'clamped']],
    ['a tenth of the rest', [day, hour, ending], ['2026-06-01T11:59:00Z', '2026-06-01T12:10:00Z', 'clamped']],
  ] as const)('%s', (_, [lifetimeMs, backdateMs, authority], [notBefore, notAfter, clamped]) => {
    expect(validity({ now, lifetimeMs, backdateMs, ca: authority })).toEqual({
      notBefore: at(notBefore),
      notAfter: at(notAfter),
      clamped: clamped !== undefined,
    });
  });

  it.each([
    ['a CA that has ended', { ...ca, notAfter: at('2026-06-01T12:00:00Z') }],
    ['a CA that is not valid yet', { ...ca, notBefore: at('2026-06-01T12:00:01Z') }],
  ])('%s signs nothing', (_, authority) => {
    expect(() => validity({ now, lifetimeMs: day, backdateMs: 0, ca: authority })).toThrow(
      expect.objectContaining({ code: 'CaExpired' }),
    );
  });

  it('always lies in the CA, holds now, and is at most the lifetime ahead', () => {
    const lifetimes = fc.integer({ min: 2000, max: 36_500 * day });
    fc.assert(
      fc.property(
        lifetimes,
        fc.nat(2 * hour),
        fc.integer({ min: 2, max: 4000 * day }),
        (lifetimeMs, backdateMs, left) => {
          const authority = {
            notBefore: ca.notBefore,
            notAfter: new Date(Math.ceil((now.getTime() + left) / 1000) * 1000),
          };
          const { notBefore, notAfter } = validity({ now, lifetimeMs, backdateMs, ca: authority });
          expect(notBefore >= authority.notBefore && notBefore <= now).toBe(true);
          expect(notAfter <= authority.notAfter && notAfter > now).toBe(true);
          expect(notAfter.getTime() - now.getTime()).toBeLessThanOrEqual(lifetimeMs);
        },
      ),
    );
  });
});

describe('times in a certificate', () => {
  it.each([
    ['2026-02-28T23:59:59Z', 23],
    ['1950-01-01T00:00:00Z', 23],
    ['2049-12-31T23:59:59Z', 23],
    ['2050-01-01T00:00:00Z', 24],
    ['9999-12-31T23:59:59Z', 24],
  ])('%s is written with tag %s and read back', (text, tag) => {
    const node = readDer(time(at(text)));
    expect(node.tag).toBe(String(tag));
    expect(readTime(node, 'time')).toEqual(at(text));
  });
});
