import { describe, expect, it, test } from 'vitest';
import * as fc from 'fast-check';
import { decideDue, type DueInput } from './due.ts';

const hour = 3_600_000;
const day = 24 * hour;
const now = new Date('2026-06-01T00:00:00Z');
const at = (offset: number) => new Date(now.getTime() + offset);

interface Row {
  readonly name: string;
  /** Age, lifetime and the CA's remaining life in days. */
  readonly age: number;
  readonly lifetime: number;
  readonly profile: number;
  readonly ca?: number;
  readonly percent?: number;
  readonly days?: number;
  readonly want: 'NotDue' | 'NearingExpiry' | 'Expired' | 'NoGain';
}

const second = 1 / 86_400;

const table: Row[] = [
  { name: 'day 291 of 365 is not due', age: 291, lifetime: 365, profile: 365, want: 'NotDue' },
  {
    name: 'the last second of day 291 is not due',
    age: 292 - second,
    lifetime: 365,
    profile: 365,
    want: 'NotDue',
  },
  {
    name: 'day 292 of 365 is due from its first second',
    age: 292 + second,
    lifetime: 365,
    profile: 365,
    want: 'NearingExpiry',
  },
  { name: 'day 60 of 91 is not due', age: 60, lifetime: 91, profile: 91, want: 'NotDue' },
  {
    name: 'the last second of day 60 is not due',
    age: 61 - second,
    lifetime: 91,
    profile: 91,
    want: 'NotDue',
  },
  {
    name: 'day 61 of 91 is due from its first second',
    age: 61 + second,
    lifetime: 91,
    profile: 91,
    want: 'NearingExpiry',
  },
  {
    name: 'a ten-year certificate with two years left is not due',
    age: 2920,
    lifetime: 3650,
    profile: 365,
    want: 'NotDue',
  },
  {
    name: 'a ten-year certificate 74 days before its end is not due',
    age: 3576,
    lifetime: 3650,
    profile: 365,
    want: 'NotDue',
  },
  {
    name: 'a ten-year certificate is due 73 days before its end',
    age: 3577 + second,
    lifetime: 3650,
    profile: 365,
    want: 'NearingExpiry',
  },
  {
    name: 'a leaf that began with its five-year-old CA is not always due',
    age: 1825,
    lifetime: 2190,
    profile: 365,
    want: 'NotDue',
  },
  {
    name: 'a leaf that ends with its CA in 40 days is left alone',
    age: 0,
    lifetime: 40,
    profile: 365,
    ca: 40,
    want: 'NotDue',
  },
  {
    name: 'a leaf that ends with its CA in 5 days gains nothing',
    age: 35,
    lifetime: 40,
    profile: 365,
    ca: 5,
    want: 'NoGain',
  },
  {
    name: 'a leaf that ends before a CA that ends in 40 days is renewed',
    age: 75,
    lifetime: 91,
    profile: 91,
    ca: 40,
    want: 'NearingExpiry',
  },
  {
    name: 'nothing is due below a CA that has ended',
    age: 80,
    lifetime: 91,
    profile: 91,
    ca: -1,
    want: 'NoGain',
  },
  { name: 'an expired one is due as Expired', age: 92, lifetime: 91, profile: 91, want: 'Expired' },
  {
    name: 'one hour at 90 % is not due after five minutes',
    age: 5 / 1440,
    lifetime: 1 / 24,
    profile: 1 / 24,
    percent: 90,
    want: 'NotDue',
  },
  {
    name: 'one hour at 90 % is due after six minutes',
    age: 6 / 1440 + second,
    lifetime: 1 / 24,
    profile: 1 / 24,
    percent: 90,
    want: 'NearingExpiry',
  },
  {
    name: 'one hour at 20 % is due after 40 minutes, by the third',
    age: 40 / 1440 + second,
    lifetime: 1 / 24,
    profile: 1 / 24,
    want: 'NearingExpiry',
  },
  {
    name: 'one hour with trigger days 0 waits for its share',
    age: 47 / 1440,
    lifetime: 1 / 24,
    profile: 1 / 24,
    days: 0,
    want: 'NotDue',
  },
  {
    name: 'trigger days 0 leaves the share in force',
    age: 73,
    lifetime: 91,
    profile: 91,
    days: 0,
    want: 'NearingExpiry',
  },
  {
    name: 'no trigger at all still renews what has expired',
    age: 91 + second,
    lifetime: 91,
    profile: 91,
    percent: 0,
    days: 0,
    want: 'Expired',
  },
  {
    name: 'a trigger of 100 % waits for a gain of 10 %',
    age: 9,
    lifetime: 91,
    profile: 91,
    percent: 100,
    want: 'NoGain',
  },
  {
    name: 'a trigger of 100 % is due once 10 % are gained',
    age: 9.2,
    lifetime: 91,
    profile: 91,
    percent: 100,
    want: 'NearingExpiry',
  },
];

function input(row: Omit<Row, 'name' | 'want'>): DueInput {
  return {
    certificate: { notBefore: at(-row.age * day), notAfter: at((row.lifetime - row.age) * day) },
    profile: row.profile * day,
    caNotAfter: row.ca === undefined ? at(3650 * day) : at(row.ca * day),
    now,
    trigger: { percent: row.percent ?? 20, days: row.days ?? 30 },
  };
}

describe('what is due by R1', () => {
  it.each(table)('$name', (row) => {
    const answer = decideDue(input(row));
    expect(answer.reason).toBe(row.want);
    expect(answer.due).toBe(row.want === 'NearingExpiry' || row.want === 'Expired');
  });

  it('names the moment: day 292 of a fresh year', () => {
    const answer = decideDue(input({ age: 0, lifetime: 365, profile: 365 }));
    expect(answer.dueAt).toEqual(at(292 * day));
    expect(answer.message).toBe(`365 d remain, due after ${at(292 * day).toISOString()}`);
  });

  it('says that the CA is what to renew, and that it will never be due', () => {
    const answer = decideDue(input({ age: 35, lifetime: 40, profile: 365, ca: 5 }));
    expect(answer.dueAt).toBeUndefined();
    expect(answer.message).toContain('renew the CA');
  });

  it('treats an unknown CA as one that shortens nothing', () => {
    const base = input({ age: 62, lifetime: 91, profile: 91 });
    expect(decideDue({ ...base, caNotAfter: undefined }).due).toBe(true);
  });

  it.each([
    { age: 400, lifetime: 365, want: 'expired 35 d ago' },
    { age: 365 + 1 / 8, lifetime: 365, want: 'expired 3.0 h ago' },
    { age: 365 + 1 / 144, lifetime: 365, want: 'expired 10 min ago' },
  ])('says $want', ({ want, ...row }) => {
    expect(decideDue(input({ ...row, profile: 365 })).message).toBe(want);
  });
});

/** R1 once more, word by word, as it stands in the rules. */
function literalR1({ certificate, profile, caNotAfter, now, trigger }: DueInput): boolean {
  const remaining = certificate.notAfter.getTime() - now.getTime();
  const caLeft = (caNotAfter?.getTime() ?? Number.POSITIVE_INFINITY) - now.getTime();
  const lNew = Math.min(profile, caLeft);
  const lOld = Math.min(certificate.notAfter.getTime() - certificate.notBefore.getTime(), profile);
  if (lNew <= 0) return false;
  const threshold = Math.max((trigger.percent / 100) * lOld, Math.min(trigger.days * day, lNew / 3));
  return remaining < threshold && lNew - remaining >= 0.1 * lNew;
}

const anyInput = fc
  .record({
    age: fc.integer({ min: -5 * day, max: 4000 * day }),
    lifetime: fc.integer({ min: hour, max: 4000 * day }),
    profile: fc.integer({ min: hour, max: 1000 * day }),
    ca: fc.option(fc.integer({ min: -10 * day, max: 5000 * day }), { nil: undefined }),
    percent: fc.integer({ min: 0, max: 100 }),
    days: fc.integer({ min: 0, max: 90 }),
  })
  .map((r): DueInput => ({
    certificate: { notBefore: at(-r.age), notAfter: at(r.lifetime - r.age) },
    profile: r.profile,
    caNotAfter: r.ca === undefined ? undefined : at(r.ca),
    now,
    trigger: { percent: r.percent, days: r.days },
  }));

/** Floating point may differ within a millisecond of the boundary; away from it nothing may. */
const nearBoundary = (i: DueInput) => {
  const shifted = [-2, 2].map((ms) => literalR1({ ...i, now: new Date(i.now.getTime() + ms) }));
  return shifted[0] !== shifted[1];
};

test('the moments agree with R1 as it is written', () => {
  fc.assert(
    fc.property(anyInput, (i) => {
      fc.pre(!nearBoundary(i));
      expect(decideDue(i).due).toBe(literalR1(i));
    }),
    { numRuns: 3000 },
  );
});

test('dueAt is where the answer changes, and it does not change back before the CA ends', () => {
  fc.assert(
    fc.property(anyInput, (i) => {
      const { dueAt } = decideDue(i);
      fc.pre(dueAt !== undefined);
      const when = (ms: number) => decideDue({ ...i, now: new Date(dueAt.getTime() + ms) }).due;
      expect(when(-5)).toBe(false);
      const ends = i.caNotAfter?.getTime() ?? Number.POSITIVE_INFINITY;
      const later = [5, hour, 90 * day].filter((ms) => dueAt.getTime() + ms < ends);
      expect(later.filter((ms) => !when(ms))).toEqual([]);
    }),
    { numRuns: 2000 },
  );
});

test('a renewed certificate is not due again at once, whatever the lifetimes: the loop never spins', () => {
  fc.assert(
    fc.property(anyInput, (i) => {
      fc.pre(decideDue(i).due);
      const end = Math.min(now.getTime() + i.profile, i.caNotAfter?.getTime() ?? Number.POSITIVE_INFINITY);
      const backdate = Math.min(i.profile / 10, hour);
      const renewed = { notBefore: new Date(now.getTime() - backdate), notAfter: new Date(end) };
      expect(decideDue({ ...i, certificate: renewed }).due).toBe(false);
    }),
    { numRuns: 2000 },
  );
});
