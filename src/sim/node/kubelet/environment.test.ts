import type { Pod } from 'kubernetes-types/core/v1.js';
import { expect, it } from 'vitest';
import { environmentOf } from './environment.ts';

const facts = { server: { host: '127.77.0.1', port: 6443 }, hostIP: '127.77.1.1', podIP: '127.77.1.10' };
const environment = (value: string, hostNetwork = false): string | undefined => {
  const pod: Pod = { metadata: { name: 'p' }, spec: { hostNetwork, containers: [] } };
  return environmentOf(pod, { name: 'c', env: [{ name: 'LISTEN', value }] }, facts)['LISTEN'];
};

it.each([
  [':9808', '127.77.1.10:9808'],
  ['0.0.0.0:9808', '127.77.1.10:9808'],
  ['[::]:9808', '127.77.1.10:9808'],
  ['127.0.0.1:9808', '127.0.0.1:9808'],
  ['', ''],
  ['a:b', 'a:b'],
])('a Pod that listens on %j gets %j', (value, expected) => {
  expect(environment(value)).toBe(expected);
});

it('leaves a Pod on the network of its node alone', () => {
  expect(environment(':9808', true)).toBe(':9808');
});
