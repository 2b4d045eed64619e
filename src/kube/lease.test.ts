import type { Lease } from 'kubernetes-types/coordination/v1.js';
import { describe, expect, it } from 'vitest';
import { leaseTiming, nextStep, type LeaseStep, type Seen } from './lease.ts';

const now = new Date('2030-01-01T00:00:00.123Z');

function lease(holderIdentity: string, leaseDurationSeconds = 15): Lease {
  return {
    metadata: { name: 'l', namespace: 'n', resourceVersion: '5' },
    spec: { holderIdentity, leaseDurationSeconds, leaseTransitions: 3, acquireTime: 'then' },
  };
}

function step(found: Lease | undefined, seen: Seen | undefined, tick: number): LeaseStep {
  return nextStep({
    lease: found,
    seen,
    name: 'l',
    namespace: 'n',
    me: 'me',
    now,
    tick,
    timing: leaseTiming,
  });
}

const seen = (at: number, resourceVersion = '5'): Seen => ({ resourceVersion, at });

describe('a candidate for the Lease', () => {
  it('creates it where there is none', () => {
    expect(step(undefined, undefined, 0)).toEqual({
      do: 'create',
      lease: {
        metadata: { name: 'l', namespace: 'n' },
        spec: {
          holderIdentity: 'me',
          leaseDurationSeconds: 15,
          renewTime: '2030-01-01T00:00:00.123000Z',
          acquireTime: '2030-01-01T00:00:00.123000Z',
          leaseTransitions: 0,
        },
      },
    });
  });

  it('renews its own, and keeps since when and how often it changed hands', () => {
    expect(step(lease('me'), seen(0), 1e6)).toMatchObject({
      do: 'replace',
      lease: {
        metadata: { resourceVersion: '5' },
        spec: { holderIdentity: 'me', acquireTime: 'then', leaseTransitions: 3 },
      },
    });
  });

  const others: readonly [string, Lease, Seen | undefined, number, LeaseStep['do']][] = [
    ['waits for another holder that it sees for the first time', lease('you'), undefined, 1e6, 'wait'],
    ['waits while the holder may still be alive', lease('you'), seen(0), 15_000, 'wait'],
    ['takes over when nothing changed for longer than the lease', lease('you'), seen(0), 15_001, 'replace'],
    ['waits when the Lease changed since', lease('you'), seen(0, '4'), 1e6, 'wait'],
    ['honours a longer promise of the holder', lease('you', 60), seen(0), 59_000, 'wait'],
    ['takes one that was given back', lease('', 1), undefined, 0, 'replace'],
  ];
  it.each(others)('%s', (_, found, last, tick, expected) => {
    expect(step(found, last, tick).do).toBe(expected);
  });

  it('counts a change of hands', () => {
    expect(step(lease(''), undefined, 0)).toMatchObject({
      lease: { spec: { leaseTransitions: 4, acquireTime: '2030-01-01T00:00:00.123000Z' } },
    });
  });
});
