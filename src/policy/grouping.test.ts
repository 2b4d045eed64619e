import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CertificateId, Component } from '../catalogue/ids.ts';
import { groupHoldsUntil, nextGroup, type Candidate } from './grouping.ts';

const day = 86_400_000;
const now = new Date('2026-06-01T00:00:00Z');
const inDays = (days: number): Date => new Date(now.getTime() + days * day);
const due = (id: CertificateId, component: Component, days: number | undefined): Candidate => ({
  id,
  component,
  dueAt: days === undefined ? undefined : inDays(days),
});
const tried = (candidate: Candidate, days: number): Candidate => ({ ...candidate, notBefore: inDays(days) });

describe('what one rotation renews', () => {
  it.each([
    {
      name: 'everything due by now goes together, whatever restarts',
      given: [
        due('etcd/server.crt', 'etcd', -3),
        due('apiserver.crt', 'kube-apiserver', -1),
        due('kubelet.crt', 'kubelet', 40),
      ],
      want: ['etcd/server.crt', 'apiserver.crt'],
      at: -3,
    },
    {
      name: 'what the same restart serves joins when due within seven days',
      given: [
        due('kubelet.crt', 'kubelet', -1),
        due('kubelet-client-current.pem', 'kubelet', 7),
        due('apiserver.crt', 'kube-apiserver', 2),
      ],
      want: ['kubelet.crt', 'kubelet-client-current.pem'],
      at: -1,
    },
    {
      name: 'what is due after seven days does not join',
      given: [due('kubelet.crt', 'kubelet', -1), due('kubelet-client-current.pem', 'kubelet', 7.01)],
      want: ['kubelet.crt'],
      at: -1,
    },
    {
      name: 'nothing joins where nothing restarts',
      given: [
        due('etcd/server.crt', 'etcd', -1),
        due('etcd/peer.crt', 'etcd', 1),
        due('admin.conf', 'none', 1),
      ],
      want: ['etcd/server.crt'],
      at: -1,
    },
    {
      name: 'with nothing due, the plan is what comes first and what joins it then',
      given: [
        due('scheduler.conf', 'kube-scheduler', 12),
        due('kubelet.crt', 'kubelet', 10),
        due('kubelet-client-current.pem', 'kubelet', 16),
      ],
      want: ['kubelet.crt', 'kubelet-client-current.pem'],
      at: 10,
    },
    {
      name: 'what must not be tried yet counts as due then, and joins nothing before',
      given: [
        tried(due('kubelet.crt', 'kubelet', -3), 0.1),
        due('kubelet-client-current.pem', 'kubelet', -1),
        due('apiserver.crt', 'kube-apiserver', -1),
      ],
      want: ['kubelet-client-current.pem', 'apiserver.crt'],
      at: -1,
    },
    {
      name: 'what was tried together goes together again, what had only joined too',
      given: [
        tried(due('kubelet.crt', 'kubelet', -3), 0.1),
        tried(due('kubelet-client-current.pem', 'kubelet', 5), 0.1),
      ],
      want: ['kubelet.crt', 'kubelet-client-current.pem'],
      at: 0.1,
    },
    {
      name: 'what is never due never joins',
      given: [due('kubelet.crt', 'kubelet', -1), due('kubelet-client-current.pem', 'kubelet', undefined)],
      want: ['kubelet.crt'],
      at: -1,
    },
  ])('$name', ({ given, want, at }) => {
    expect(nextGroup(given, now, 7 * day)).toEqual({ ids: want, dueAt: new Date(now.getTime() + at * day) });
  });

  it('is the manual’s rule to the letter with 0: only what is due', () => {
    const given = [due('kubelet.crt', 'kubelet', -1), due('kubelet-client-current.pem', 'kubelet', 0.001)];
    expect(nextGroup(given, now, 0)?.ids).toEqual(['kubelet.crt']);
  });

  it('is nothing where nothing is ever due', () => {
    expect(nextGroup([due('kubelet.crt', 'kubelet', undefined)], now, 7 * day)).toBeUndefined();
    expect(nextGroup([], now, 7 * day)).toBeUndefined();
  });
});

describe('until when the answer holds', () => {
  const ids = ['kubelet.crt', 'kubelet-client-current.pem', 'apiserver.crt', 'etcd/server.crt'] as const;
  const components = ['kubelet', 'kubelet', 'kube-apiserver', 'etcd'] as const;
  // A few milliseconds, so that moments meet.
  const moment = fc.integer({ min: 0, max: 24 });
  const candidates = fc
    .array(fc.record({ dueAt: fc.option(moment), notBefore: fc.option(moment) }), { maxLength: 4 })
    .map((times) =>
      times.map(({ dueAt, notBefore }, i): Candidate => ({
        id: ids[i] ?? 'admin.conf',
        component: components[i] ?? 'none',
        dueAt: dueAt === null ? undefined : new Date(dueAt),
        notBefore: notBefore === null ? undefined : new Date(notBefore),
      })),
    );

  it('is a moment up to which it never changes', () => {
    fc.assert(
      fc.property(candidates, moment, fc.integer({ min: 0, max: 12 }), (given, from, within) => {
        const until = groupHoldsUntil(given, new Date(from), within);
        expect(until).toBeGreaterThanOrEqual(from);
        const answer = nextGroup(given, new Date(from), within);
        for (let at = from; at <= Math.min(until, 60); at++)
          expect(nextGroup(given, new Date(at), within)).toEqual(answer);
      }),
      { numRuns: 2000 },
    );
  });

  it('is no moment too soon where nothing is near', () => {
    expect(groupHoldsUntil([due('kubelet.crt', 'kubelet', 30)], now, 7 * day)).toBe(inDays(23).getTime() - 1);
    expect(groupHoldsUntil([], now, 7 * day)).toBe(Number.POSITIVE_INFINITY);
  });
});
