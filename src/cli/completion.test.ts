import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hostLayout } from '../host/layout.ts';
import { completed, run } from './completion.ts';
import { captureOutput } from './testing.ts';

const directory = mkdtempSync(join(tmpdir(), 'completion-'));
/** In the place of the node's own. */
const backups = mkdtempSync(join(tmpdir(), 'completion-backups-'));
const scripts = { bash: '', zsh: '' };
const said = captureOutput();

async function scriptOf(shell: keyof typeof scripts): Promise<string> {
  said.out = '';
  expect(await run([shell])).toBe(0);
  expect(said.out).toContain(hostLayout().backups);
  return said.out.replaceAll(hostLayout().backups, backups);
}

beforeAll(async () => {
  for (const shell of ['bash', 'zsh'] as const) scripts[shell] = await scriptOf(shell);
  for (const name of ['w1.req', 'a b.req']) writeFileSync(join(directory, name), '');
  mkdirSync(join(directory, 'old.pki'));
  for (const name of ['2030-03-01-a', '2030-03-02-b']) mkdirSync(join(backups, name));
  writeFileSync(join(backups, 'note'), '');
});
afterAll(() => {
  for (const each of [directory, backups]) rmSync(each, { recursive: true });
});

/** What bash offers after these words; the last is under the cursor. */
function offered(...words: readonly string[]): string[] {
  const list = words.map((word) => `'${word}'`).join(' ');
  const ask = `COMP_WORDS=(cert-renew ${list}); COMP_CWORD=${words.length}; _cert_renew; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const text = execFileSync('bash', ['--norc', '-c', `${scripts.bash}\n${ask}`], {
    encoding: 'utf8',
    cwd: directory,
  });
  return text.split('\n').filter((line) => line !== '');
}

describe('bash', () => {
  it('completes every command that is in the help', async () => {
    const names = (await completed()).flatMap(({ name }) => (name === '' ? [] : [name]));
    expect(names).toContain('request');
    expect(names).not.toContain('resume');
    expect(offered('')).toEqual(names);
    expect(offered('re')).toEqual(names.filter((name) => name.startsWith('re')));
  });

  it('completes the options of each, as it parses them', async () => {
    for (const { name, command } of await completed()) {
      const words = name === '' ? ['--'] : [name, '--'];
      const longs = command.options.map(({ long }) => String(long));
      expect(offered(...words).toSorted()).toEqual([...longs, '--help'].toSorted());
    }
    expect(offered('sign', '--ca-')).toEqual(['--ca-cert', '--ca-key']);
  });

  it('completes files as operands and after the options that want one', () => {
    expect(offered('sign', '').toSorted()).toEqual(['a b.req', 'old.pki', 'w1.req']);
    expect(offered('sign', 'w')).toEqual(['w1.req']);
    expect(offered('request', '--out', 'a')).toEqual(['a b.req']);
    expect(offered('--ca-cert', 'w')).toEqual(['w1.req']);
    expect(offered('--ca-cert', 'x', '--ca-key', 'y', '').toSorted()).toEqual([
      'a b.req',
      'old.pki',
      'w1.req',
    ]);
  });

  it('completes backups of this node by their names, and others by their directories', () => {
    expect(offered('restore', '')).toEqual(['2030-03-01-a', '2030-03-02-b']);
    expect(offered('restore', '--force', '2030-03-02')).toEqual(['2030-03-02-b']);
    expect(offered('restore', 'o')).toEqual(['old.pki']);
    expect(offered('restore', './')).toEqual(['./old.pki']);
    expect(offered('restore', `${directory}/`)).toEqual([`${directory}/old.pki`]);
    expect(offered('restore', 'w')).toEqual([]);
    expect(offered('restore', '--f')).toEqual(['--force']);
  });

  it('offers nothing for a value that nobody can guess, nor where no file belongs', () => {
    expect(offered('sign', '--days', '')).toEqual([]);
    expect(offered('version', '')).toEqual([]);
  });

  it('completes the names of shells', () => {
    expect(offered('completion', '')).toEqual(['bash', 'zsh']);
    expect(offered('completion', 'z')).toEqual(['zsh']);
  });
});

const isThere = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
/** There the suite installs what it needs (test/suites.ts): zsh is missing by somebody's mistake, and the tests say so. */
const isInstalledFor = process.getuid?.() === 0 && isThere('dpkg-query');

describe.skipIf(!isThere('zsh') && !isInstalledFor)('zsh', () => {
  it('reads the script, and takes it for cert-renew’s', () => {
    const text = `autoload -Uz compinit && compinit -u -d ${directory}/dump\n${scripts.zsh}\nprint -r -- $_comps[cert-renew]`;
    expect(execFileSync('zsh', ['-f', '-c', text], { encoding: 'utf8', cwd: directory })).toBe(
      '_cert_renew\n',
    );
  });

  it.each([
    ['cert-renew s', 'ign '],
    ['cert-renew sign --ca-k', 'ey '],
    ['cert-renew sign w', '1.req '],
    ['cert-renew restore 2030-03-02', '-b '],
    ['cert-renew restore ./o', 'ld.pki/'],
    ['cert-renew restore o', 'ld.pki/'],
    ['cert-renew completion z', 'sh '],
  ])('completes "%s"', (line, rest) => {
    expectCompletedByZsh(line, rest);
  });
});

/** Types a line and a tab at a terminal of zsh's own, waits for the rest, and sends it. Throws when either does not come. */
function expectCompletedByZsh(line: string, rest: string): void {
  const script = join(directory, 'script.zsh');
  const prepare = `autoload -Uz compinit && compinit -u -d ${directory}/dump\n${scripts.zsh}\nPS1='> '\ncert-renew() { print -r -- "sent: $*."; }\n`;
  writeFileSync(script, prepare);
  const sent = `${line}${rest}`.trim().replace('cert-renew ', '');
  const typing = `
    zmodload zsh/zpty
    zpty shell 'TERM=dumb zsh -f -i'
    zpty -w shell 'cd ${directory}; source ${script}; print rea"dy"'
    zpty -r -m shell text '*ready*'
    zpty -n -w shell '${line}'$'\t'
    zpty -r -m shell text '*${line}*${rest}*'
    zpty -n -w shell $'\\r'
    zpty -r -m shell text '*sent: ${sent}.*' && print -r -- found
    zpty -d shell`;
  const found = execFileSync('zsh', ['-f', '-c', typing], { encoding: 'utf8', timeout: 20_000 });
  expect(found).toBe('found\n');
}

it('the program itself refuses another shell', async () => {
  await expect(run(['fish'])).rejects.toThrow(/Allowed choices are bash, zsh/u);
});
