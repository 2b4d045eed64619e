import { describe, expect, it, test } from 'vitest';
import * as fc from 'fast-check';
import { inOrder, overridesSoftGates, urgencyOf, type Waiting } from './order.ts';

const day = 86_400_000;
const now = new Date('2026-06-01T00:00:00Z');
const inDays = (days: number) => new Date(now.getTime() + days * day);
const waiting = (name: string, more: Partial<Waiting> = {}): Waiting => ({
  name,
  nodeName: name,
  role: 'worker',
  reason: 'Due',
  notAfter: inDays(20),
  ...more,
});
const names = (queue: Waiting[]) => inOrder(queue, now, 7 * day).map(({ name }) => name);

describe('the order of the queue', () => {
  it.each([
    {
      name: 'what has expired goes before a compromised key, that before what is urgent, that before what is due',
      given: [
        waiting('due'),
        waiting('urgent', { notAfter: inDays(6) }),
        waiting('compromised', { reason: 'Compromised', notAfter: inDays(300) }),
        waiting('expired', { notAfter: inDays(-1) }),
      ],
      want: ['expired', 'compromised', 'urgent', 'due'],
    },
    {
      name: 'among equally pressing ones control planes go first',
      given: [waiting('w', { notAfter: inDays(10) }), waiting('cp', { role: 'control-plane' })],
      want: ['cp', 'w'],
    },
    {
      name: 'an urgent worker goes before a control plane that is merely due',
      given: [waiting('cp', { role: 'control-plane' }), waiting('w', { notAfter: inDays(2) })],
      want: ['w', 'cp'],
    },
    {
      name: 'then what ends first, and what nobody knows the end of last',
      given: [
        waiting('unknown', { notAfter: undefined }),
        waiting('b', { notAfter: inDays(12) }),
        waiting('a', { notAfter: inDays(13) }),
      ],
      want: ['b', 'a', 'unknown'],
    },
    {
      name: 'then by node and object name',
      given: [
        waiting('n2-x', { nodeName: 'n2' }),
        waiting('n1-z', { nodeName: 'n1' }),
        waiting('n1-y', { nodeName: 'n1' }),
      ],
      want: ['n1-y', 'n1-z', 'n2-x'],
    },
  ])('$name', ({ given, want }) => {
    expect(names(given)).toEqual(want);
  });

  it.each([
    ['what has expired', { notAfter: inDays(-1) }, true],
    ['what ends soon', { notAfter: inDays(6) }, true],
    ['a compromised key that ends soon', { reason: 'Compromised', notAfter: inDays(6) }, true],
    ['a compromised key', { reason: 'Compromised' }, false],
    ['what is due', {}, false],
    ['an end that is not known', { notAfter: undefined }, false],
  ] as const)('soft gates and %s', (_, more, giveWay) => {
    expect(overridesSoftGates(waiting('x', more), now, 7 * day)).toBe(giveWay);
  });

  it('holds an unknown end for not urgent', () => {
    expect(urgencyOf(waiting('x', { notAfter: undefined }), now, 7 * day)).toBe('due');
  });
});

test('the order does not depend on the order in which the queue was read', () => {
  const any = fc.record({
    name: fc.stringMatching(/^[a-e]{1,3}$/),
    nodeName: fc.constantFrom('n1', 'n2', 'n3'),
    role: fc.constantFrom('worker' as const, 'control-plane' as const),
    reason: fc.constantFrom('Due' as const, 'Manual' as const, 'Compromised' as const),
    notAfter: fc.option(fc.integer({ min: -10, max: 30 }).map(inDays), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.uniqueArray(any, { selector: ({ name }) => name, maxLength: 12 }), (queue) => {
      expect(names(queue.toReversed())).toEqual(names(queue));
    }),
  );
});
