// renew-all.sh by dash and bash, with a stub in the tool's place that says how it was called.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';

const source = join(import.meta.dirname, 'renew-all.sh');
const stub = `#!/bin/sh
echo "tool $0"
for word in "$@"; do echo "word $word"; done
/usr/bin/env | /usr/bin/sort | /bin/sed 's/^/env /'
exit "$(cat "$(/usr/bin/dirname "$0")/code" 2>/dev/null || echo 0)"
`;

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'renew all-'));
  copyFileSync(source, join(directory, 'renew-all.sh'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function layTool(place = directory, code = 0): string {
  mkdirSync(place, { recursive: true });
  const tool = join(place, 'cert-renew');
  writeFileSync(tool, stub, { mode: 0o755 });
  writeFileSync(join(place, 'code'), String(code));
  return tool;
}

interface Said {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly stderr: string;
}

function run(command: readonly string[], env: Record<string, string> = {}): Said {
  const [program = '', ...words] = command;
  const all = { PATH: '/usr/bin:/bin', ...env };
  const { status, stdout, stderr } = spawnSync(program, words, {
    cwd: directory,
    env: all,
    encoding: 'utf8',
  });
  return { code: status, lines: stdout.split('\n').slice(0, -1), stderr };
}

const words = ({ lines }: Said) =>
  lines.filter((line) => line.startsWith('word ')).map((line) => line.slice(5));
const environment = ({ lines }: Said) =>
  lines.filter((line) => /^env (?!PWD|OLDPWD|SHLVL|_=)/.test(line)).map((line) => line.slice(4));

describe('how it is started', () => {
  it.each([
    ['by sh, as the manual’s line leaves it', ['sh', './renew-all.sh']],
    ['by bash', ['bash', 'renew-all.sh']],
    ['by its own name', ['./renew-all.sh']],
  ])('%s: everything is renewed, with the lifetimes of the tool', (_, command) => {
    layTool();
    chmodSync(join(directory, 'renew-all.sh'), 0o755);
    const said = run(command);
    expect(said.stderr).toBe('');
    expect(words(said)).toEqual(['all', '--force']);
    expect(said.lines.at(-1)).toBe('Done: the certificates of this node are renewed.');
  });

  it('CERT_DAYS goes to the tool, and so do the words that it is given', () => {
    layTool();
    const said = run(['sh', 'renew-all.sh', '--lock-timeout', '5 m'], { CERT_DAYS: '90' });
    expect(words(said)).toEqual(['all', '--force', '--days=90', '--lock-timeout', '5 m']);
  });

  it('an empty CERT_DAYS is none; one that is no number is for the tool to refuse', () => {
    layTool();
    expect(words(run(['sh', 'renew-all.sh'], { CERT_DAYS: '' }))).toEqual(['all', '--force']);
    expect(words(run(['sh', 'renew-all.sh'], { CERT_DAYS: '-1 x' }))).toEqual([
      'all',
      '--force',
      '--days=-1 x',
    ]);
  });

  it('nothing of the caller’s environment reaches the tool but what a terminal needs', () => {
    layTool();
    const said = run(['sh', 'renew-all.sh'], {
      LD_PRELOAD_: 'x',
      BUN_OPTIONS: '--preload=/tmp/x',
      NODE_OPTIONS: 'x',
      HTTPS_PROXY: 'x',
      CERT_DAYS: '1',
      HOME: '/home/a b',
      TERM: 'xterm',
      LANG: 'zh_CN.UTF-8',
    });
    const path = 'PATH=/usr/bin:/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    expect(environment(said)).toEqual(['HOME=/home/a b', 'LANG=zh_CN.UTF-8', path, 'TERM=xterm']);
  });
});

describe('which tool', () => {
  it('the one in CERT_RENEW_TOOL, before the one beside it', () => {
    layTool();
    const other = layTool(join(directory, 'other'));
    expect(run(['sh', 'renew-all.sh'], { CERT_RENEW_TOOL: other }).lines[0]).toBe(`tool ${other}`);
    expect(run(['sh', 'renew-all.sh'], { CERT_RENEW_TOOL: 'cert-renew' }).lines[0]).toBe('tool ./cert-renew');
  });

  it('the one beside it, wherever it is called from', () => {
    const tool = layTool();
    const { lines } = run(['sh', '-c', 'cd / && sh "$0"', join(directory, 'renew-all.sh')]);
    expect(lines[0]).toBe(`tool ${tool}`);
  });

  it('the one laid down on the node, before the one beside it', () => {
    layTool();
    const staged = layTool(join(directory, 'staged'));
    const text = readFileSync(source, 'utf8').replace(/^staged=.*$/m, `staged='${staged}'`);
    writeFileSync(join(directory, 'renew-all.sh'), text);
    expect(run(['sh', 'renew-all.sh']).lines[0]).toBe(`tool ${staged}`);
  });

  it('else the one in PATH', () => {
    const tool = layTool(join(directory, 'bin'));
    const { lines } = run(['sh', 'renew-all.sh'], { PATH: `${join(directory, 'bin')}:/usr/bin:/bin` });
    expect(lines[0]).toBe(`tool ${tool}`);
  });

  it.each([
    [
      'there is none',
      () => ({}),
      /^renew-all\.sh: there is no cert-renew beside this script, none at \S+ and none in PATH/,
    ],
    [
      'the one named is not there',
      () => ({ CERT_RENEW_TOOL: '/nowhere' }),
      /^renew-all\.sh: \/nowhere is no file: name the tool/,
    ],
    [
      'it may not be executed',
      () => {
        chmodSync(layTool(), 0o644);
        return {};
      },
      /cert-renew may not be executed: chmod \+x /,
    ],
  ])('%s: that is said, and the code is 2', (_, prepare, message) => {
    const said = run(['sh', 'renew-all.sh'], prepare());
    expect(said).toMatchObject({ code: 2, lines: [] });
    expect(said.stderr).toMatch(message);
  });

  it('an error in place of the tool is printed by running it, and it is not done', () => {
    const tool = layTool();
    writeFileSync(tool, "#!/bin/sh\necho 'no tool' >&2\nexit 1\n");
    expect(run(['sh', 'renew-all.sh'])).toEqual({ code: 1, lines: [], stderr: 'no tool\n' });
  });
});

/** Nobody's, on every system. */
const nobody = 65_534;

describe.each(['sh', 'bash'])(
  'a tool beside it that others have in their hands is not run by %s',
  (shell) => {
    it.each([
      [
        'its group may write it',
        (tool: string) => chmodSync(tool, 0o775),
        /may be written by others: .*chmod go-w/,
      ],
      ['all may write it', (tool: string) => chmodSync(tool, 0o757), /may be written by others/],
      [
        'the group may write its directory',
        () => chmodSync(directory, 0o770),
        /may be replaced by others, who may write its directory: chmod go-w \./,
      ],
      ['all may write its directory', () => chmodSync(directory, 0o707), /may be replaced by others/],
      [
        'it is a link',
        (tool: string) => {
          renameSync(tool, `${tool}-1`);
          symlinkSync(`${tool}-1`, tool);
        },
        /is a link: name the tool itself in CERT_RENEW_TOOL/,
      ],
      [
        'it is a link to nothing',
        (tool: string) => {
          rmSync(tool);
          symlinkSync('/nowhere', tool);
        },
        /is a link/,
      ],
    ])('%s', (_, prepare, message) => {
      prepare(layTool());
      const said = run([shell, 'renew-all.sh']);
      expect(said).toMatchObject({ code: 2, lines: [] });
      expect(said.stderr).toMatch(message);
    });

    it.runIf(process.getuid?.() === 0).each([
      [
        'it is another user’s',
        (tool: string) => chownSync(tool, nobody, nobody),
        /cert-renew is somebody else's/,
      ],
      [
        'its directory is',
        () => chownSync(directory, nobody, nobody),
        /lies in a directory of somebody else/,
      ],
      [
        'its directory is, although nobody else may remove there what is another’s',
        () => {
          chownSync(directory, nobody, nobody);
          chmodSync(directory, 0o1777);
        },
        /lies in a directory of somebody else/,
      ],
    ])('%s', (_, prepare, message) => {
      prepare(layTool());
      const said = run([shell, 'renew-all.sh']);
      expect(said).toMatchObject({ code: 2, lines: [] });
      expect(said.stderr).toMatch(message);
    });

    it('nor one that a relative entry of PATH finds', () => {
      chmodSync(layTool(join(directory, 'bin')), 0o777);
      const said = run([shell, 'renew-all.sh'], { PATH: 'bin:/usr/bin:/bin' });
      expect(said).toMatchObject({ code: 2, lines: [] });
      expect(said.stderr).toContain('may be written by others');
    });

    it('but one in a directory like /tmp is, where nobody replaces what is another’s', () => {
      layTool();
      chmodSync(directory, 0o1777);
      expect(run([shell, 'renew-all.sh'])).toMatchObject({ code: 0, stderr: '' });
    });

    it('and one that is named is, wherever it lies: that is for who names it to judge', () => {
      chmodSync(layTool(), 0o777);
      expect(run([shell, 'renew-all.sh'], { CERT_RENEW_TOOL: './cert-renew' })).toMatchObject({
        code: 0,
        stderr: '',
      });
    });
  },
);

describe('how it ends', () => {
  it.each([
    [0, 'Done: the certificates of this node are renewed.'],
    [3, 'Nothing to do: cert-renew found nothing on this node to renew.'],
    [4, 'Not done yet: go on as told above, then run this on this node again: ./cert-renew all'],
  ])('code %i, and says so', (code, sentence) => {
    layTool(directory, code);
    const said = run(['sh', 'renew-all.sh']);
    expect(said.code).toBe(code);
    expect(said.lines.at(-1)).toBe(sentence);
  });

  it.each([1, 2, 99])('code %i, of which the tool has said enough', (code) => {
    layTool(directory, code);
    const said = run(['sh', 'renew-all.sh']);
    expect(said.code).toBe(code);
    expect(said.lines.at(-1)).toMatch(/^env /);
  });

  it.each(['--dry-run', '--json', '--help', '-h'])('%s: nothing is said to be done', (word) => {
    layTool();
    const said = run(['sh', 'renew-all.sh', word]);
    expect(said.code).toBe(0);
    expect(said.lines.at(-1)).toMatch(/^env /);
  });
});

const shellcheck = spawnSync('shellcheck', ['--version']).status === 0;

// `make test` installs it; in CI nothing is left out.
test.skipIf(!shellcheck && process.env['CI'] !== 'true')('shellcheck finds nothing', () => {
  const { status, stdout, error } = spawnSync('shellcheck', ['--severity=style', source], {
    encoding: 'utf8',
  });
  expect({ status, stdout, error }).toEqual({ status: 0, stdout: '', error: undefined });
});
