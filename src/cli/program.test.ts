import { describe, expect, it } from 'vitest';
import { commands } from './commands.ts';
import { runCli } from './program.ts';
import { captureOutput } from './testing.ts';

const said = captureOutput();

const run = (...words: readonly string[]): Promise<number> => runCli(words, new AbortController().signal);

const tooWide = (text: string): string[] => text.split('\n').filter(({ length }) => length > 80);

describe('exit codes and where words go', () => {
  it.each([[['version']], [['--version']]])('%j says the version and ends with 0', async (words) => {
    expect(await run(...words)).toBe(0);
    expect(said.out).toMatch(
      /^cert-renew development\ncommit .*\nbuilt .*\nplatform  linux-\w+\nsha256 .*\n$/,
    );
    expect(said.err).toBe('');
  });

  it('version --json says the same as one object', async () => {
    expect(await run('version', '--json')).toBe(0);
    expect(JSON.parse(said.out)).toMatchObject({ schema: 1, version: 'development', modified: true });
  });

  it('help of a command is that command’s', async () => {
    expect(await run('help', 'version')).toBe(0);
    expect(said.out).toContain('Usage: cert-renew version');
  });

  it.each([[['--help']], [['help']]])('%j is no error', async (words) => {
    expect(await run(...words)).toBe(0);
    expect(said.out).toContain('--ca-cert');
    const lines = said.out.split('\n');
    expect(lines.length, 'it fits one screen, with the prompt below').toBeLessThanOrEqual(24);
    expect(tooWide(said.out)).toEqual([]);
    expect(
      lines.find((line) => line.startsWith('  ')),
      'the manual’s command comes first',
    ).toBe('  cert-renew --ca-cert P --ca-key P [--days N] FILE...');
  });

  it.each([...Object.keys(commands), '--ca-cert'])('the help of %s fits a console’s width', async (name) => {
    expect(await run(name, '--help')).toBe(0);
    expect(said.out).toMatch(/^Usage: cert-renew/u);
    expect(tooWide(said.out)).toEqual([]);
  });

  it('without a word it shows its help as an error', async () => {
    expect(await run()).toBe(2);
  });

  it.each([
    [['/etc/kubernetes/pki/apiserver.crt'], /--ca-cert is missing/],
    [['--ca-cert', '/ca.crt', 'x'], /--ca-key is missing/],
    [['--ca-cert', '/ca.crt', '--ca-key', '/k', '--days', '0', 'x'], /1 to 36500/],
    [
      ['--ca-cert=/no/such/ca.crt', '--ca-key=/no/such/ca.key', 'version'],
      /\/no\/such\/ca\.crt does not exist/,
    ],
    [['chek'], /"chek" is no command \(there are: .*check.*version\), and a FILE needs its CA/],
    [['constructor'], /"constructor" is no command/],
    [['--json', 'version'], /the command comes first: cert-renew version --json/],
    [['admin.conf'], /--ca-cert is missing/],
    [['--frobnicate'], /unknown option '--frobnicate'/],
  ])('%j is refused with 2, on standard error, with the reason', async (words, message) => {
    expect(await run(...words)).toBe(2);
    expect(said.err).toMatch(/^cert-renew: /);
    expect(said.err).toMatch(message);
    expect(said.out).toBe('');
  });
});
