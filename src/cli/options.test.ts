import { describe, expect, it } from 'vitest';
import { readRenewOptions } from './options.ts';

const ca = ['--ca-cert', 'ca.crt', '--ca-key', '/k/ca.key'];
const read = (...more: string[]) => readRenewOptions([...ca, ...more], '/work');

describe('the manual’s grammar', () => {
  it('takes files as they are named, relative to the working directory, each once', () => {
    expect(read('--days', '91', 'a.crt', '/b.conf', './a.crt')).toEqual({
      files: ['/work/a.crt', '/b.conf'],
      caCert: '/work/ca.crt',
      caKey: '/k/ca.key',
      days: 91,
      dryRun: false,
      json: false,
      newKey: false,
      backupDirectory: undefined,
      backup: true,
      lockTimeoutMs: 30_000,
    });
  });

  it('every operand is a FILE, whatever its name', () => {
    expect(read('check', 'all', 'version')).toMatchObject({
      files: ['/work/check', '/work/all', '/work/version'],
    });
    expect(read('--', '--json')).toMatchObject({ files: ['/work/--json'], json: false });
  });

  it.each([
    [['--days=1'], { days: 1 }],
    [['--days', '36500'], { days: 36_500 }],
    [['--dry-run', '--json', '--new-key'], { dryRun: true, json: true, newKey: true }],
    [['--backup-dir', 'old'], { backupDirectory: '/work/old' }],
    [['--no-backup'], { backup: false }],
    [['--lock-timeout', '5'], { lockTimeoutMs: 5000 }],
    [['--lock-timeout', '2m'], { lockTimeoutMs: 120_000 }],
    [['--lock-timeout', '0s'], { lockTimeoutMs: 0 }],
  ])('%j', (options, expected) => {
    expect(read(...options, 'f')).toMatchObject(expected);
  });

  it.each([
    [['--days', '0', 'f'], /--days .*1 to 36500/],
    [['--days', '36501', 'f'], /1 to 36500/],
    [['--days', '1.5', 'f'], /1 to 36500/],
    [['--days', '-1', 'f'], /1 to 36500/],
    [['--days', '1e2', 'f'], /1 to 36500/],
    [['--days', '', 'f'], /1 to 36500/],
    [['--days', 'ninety', 'f'], /1 to 36500/],
    [['--days', '1000000000', 'f'], /1 to 36500/],
    [['--day', '9', 'f'], /unknown option '--day'.*--days/],
    [['--lock-timeout', 'soon', 'f'], /--lock-timeout/],
    [['--unknown', 'f'], /unknown option '--unknown'/],
    [[], /missing required argument 'FILE'/],
    [['--backup-dir', 'x', '--no-backup', 'f'], /exclude each other/],
    [['f', ''], /a FILE is empty/],
    [['--backup-dir=', 'f'], /--backup-dir .*must not be empty/],
  ])('%j is a usage error that says why', (options, message) => {
    expect(() => read(...options)).toThrow(expect.objectContaining({ code: 'Usage' }));
    expect(() => read(...options)).toThrow(message);
    expect(() => read(...options)).toThrow(/^[^\n]+; see cert-renew --help$/);
  });

  it.each([
    [['--ca-key', 'k', 'f'], /--ca-cert is missing/],
    [['--ca-cert', '', '--ca-key', 'k', 'f'], /--ca-cert .*must not be empty/],
    [['--ca-cert'], /--ca-cert .*argument missing/],
    [['--ca-cert', 'c', 'f'], /--ca-key is missing/],
  ])('%j names what is missing', (arguments_, message) => {
    expect(() => readRenewOptions(arguments_, '/')).toThrow(message);
  });

  it.each([[['--ca-cert', '--help']], [['--days', '--help']], [['f', '-h']]])('%j is help too', (words) => {
    expect(readRenewOptions(words, '/')).toEqual({ help: expect.stringContaining('--new-key') });
  });

  it('help is no error, and fits one screen', () => {
    expect(read('--help')).toEqual({ help: expect.stringContaining('--new-key') });
    expect(JSON.stringify(read('--help')).split(String.raw`\n`).length).toBeLessThanOrEqual(24);
  });
});
