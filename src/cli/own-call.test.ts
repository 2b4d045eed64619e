import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callOf, ownCall } from './own-call.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'own-call-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const at = (name: string): string => join(directory, name);

function program(name: string, mode: number = 0o755): string {
  mkdirSync(join(at(name), '..'), { recursive: true });
  writeFileSync(at(name), name);
  chmodSync(at(name), mode);
  return at(name);
}

describe('the executable', () => {
  it('is called by its name where PATH leads to it first', () => {
    const own = program('a/cert-renew');
    program('b/cert-renew');
    expect(callOf(own, `${at('none')}:${at('a')}:${at('b')}`)).toBe('cert-renew');
  });

  it('is called by its name where PATH leads to it by a link', () => {
    const own = program('opt/renew-1.2');
    mkdirSync(at('bin'));
    symlinkSync(own, at('bin/cert-renew'));
    expect(callOf(own, at('bin'))).toBe('cert-renew');
  });

  it('is called by its path where PATH leads to another first, or to none', () => {
    const own = program('a/cert-renew');
    program('b/cert-renew');
    expect(callOf(own, `${at('b')}:${at('a')}`)).toBe(own);
    expect(callOf(own, '/nowhere')).toBe(own);
    expect(callOf(own)).toBe(own);
  });

  it('is not mistaken for a directory, or a file that nobody may execute', () => {
    const own = program('a/cert-renew');
    mkdirSync(at('b/cert-renew'), { recursive: true });
    program('c/cert-renew', 0o644);
    expect(callOf(own, `${at('b')}:${at('c')}:${at('a')}`)).toBe('cert-renew');
  });

  it('is one word for a shell, wherever it lies', () => {
    const own = program('my tools/cert-renew');
    expect(callOf(own)).toBe(`'${own}'`);
  });

  it('that cannot be found, or looked at, has its name alone', () => {
    symlinkSync(at('loop'), at('loop'));
    expect(callOf(at('loop'))).toBe('cert-renew');
    expect(callOf(at('gone/cert-renew'))).toBe('cert-renew');
    expect(callOf('cert-renew')).toBe('cert-renew');
  });
});

it('run from its source it has its name alone', () => {
  expect(ownCall()).toBe('cert-renew');
});
