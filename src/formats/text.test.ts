import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellWord } from './text.ts';

it.each(['/etc/kubernetes/pki/ca.crt', '', 'a b', "it's", '$(id)', '`id`', 'a;b\nc', '-n', '~', '*', '\\'])(
  'a shell takes %j as one word',
  (text) => {
    expect(execFileSync('/bin/sh', ['-c', `printf '<%s>' ${shellWord(text)}`]).toString()).toBe(`<${text}>`);
  },
);

it('leaves a plain path as it is', () => {
  expect(shellWord('/etc/kubernetes/pki/ca.crt')).toBe('/etc/kubernetes/pki/ca.crt');
});
