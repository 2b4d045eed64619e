import { beforeEach, describe, expect, it } from 'vitest';
import { CrashFiles } from './crash-files.ts';
import type { Files } from './files.ts';
import { checkTarget, refuseUnsafeDirectory } from './safe-target.ts';

const pki = '/etc/kubernetes/pki';
const file = `${pki}/a.crt`;
let files: CrashFiles;

beforeEach(() => {
  files = new CrashFiles();
  for (const path of ['/etc', '/etc/kubernetes', pki, '/root', '/srv', '/var']) files.mkdir(path, 0o755);
  files.mkdir('/tmp', 0o1777);
  files.mkdir('/tmp/own', 0o700);
  files.mkdir('/open', 0o777);
  files.mkdir('/open/own', 0o700);
  for (const path of [file, '/root/b.crt', '/srv/c.crt', '/tmp/own/d.crt', '/open/own/e.crt'])
    files.create(path, new Uint8Array(8), { mode: 0o644, uid: 0, gid: 0 });
  files.symlink('a.crt', `${pki}/own.crt`);
  files.symlink('/root/b.crt', `${pki}/root.crt`);
  files.symlink('/srv/c.crt', `${pki}/out.crt`);
  files.symlink('/srv/gone.crt', `${pki}/dangling.crt`);
  files.symlink('loop.crt', `${pki}/loop.crt`);
});

/** The same disk, but that one path is otherwise. */
const but = (path: string, change: Partial<NonNullable<ReturnType<Files['lstat']>>>): Files => ({
  ...bound(),
  lstat: (each) => {
    const stat = files.lstat(each);
    return stat === undefined || each !== path ? stat : { ...stat, ...change };
  },
});
const bound = (): Files => ({
  lstat: (path) => files.lstat(path),
  stat: (path) => files.stat(path),
  readlink: (path) => files.readlink(path),
  realpath: (path) => files.realpath(path),
  readdir: (path) => files.readdir(path),
  read: (path, limit) => files.read(path, limit),
  mkdir: () => undefined,
  create: () => undefined,
  symlink: () => undefined,
  rename: () => undefined,
  unlink: () => undefined,
  rmdir: () => undefined,
  syncDirectory: () => undefined,
  sha256: () => '',
});

describe('a target', () => {
  it.each([
    [file, file],
    [`${pki}/own.crt`, file],
    [`${pki}/root.crt`, '/root/b.crt'],
    ['/tmp/own/d.crt', '/tmp/own/d.crt'],
    ['/srv/c.crt', '/srv/c.crt'],
  ])('%s is taken as %s', (path, realPath) => {
    expect(checkTarget(files, path)).toMatchObject({ path, realPath });
  });

  it.each([
    [`${pki}/gone.crt`, 'NotFound'],
    [`${pki}/dangling.crt`, 'NotFound'],
    [`${pki}/loop.crt`, 'PathEscapes'],
    [pki, 'NotRegularFile'],
    [`${pki}/out.crt`, 'PathEscapes'],
    ['/open/own/e.crt', 'UnsafeDirectory'],
  ])('%s is refused: %s', (path, code) => {
    expect(() => checkTarget(files, path)).toThrow(expect.objectContaining({ code }));
  });

  it('may lie behind a link into a directory that the caller adds', () => {
    expect(checkTarget(files, `${pki}/out.crt`, ['/srv']).realPath).toBe('/srv/c.crt');
  });

  it.each([
    ['of another kind', file, { kind: 'fifo' }, 'NotRegularFile'],
    ['that is too large', file, { size: 2 ** 30 }, 'TooLarge'],
    ['with two names', file, { links: 2 }, 'HardLinked'],
    ['in a directory of another user', pki, { uid: 7 }, 'UnsafeDirectory'],
    ['in a directory that its group may write', pki, { mode: 0o775 }, 'UnsafeDirectory'],
    ['below a directory of another user', '/etc', { uid: 7 }, 'UnsafeDirectory'],
  ] as const)('%s is refused', (_, path, change, code) => {
    expect(() => checkTarget(but(path, change), file)).toThrow(expect.objectContaining({ code }));
  });
});

it('a sticky directory is safe above, and not as the directory itself', () => {
  expect(() => refuseUnsafeDirectory(files, '/tmp/own', 'x')).not.toThrow();
  expect(() => refuseUnsafeDirectory(files, '/tmp', 'x')).toThrow(/x: \/tmp may be written by others/);
});
