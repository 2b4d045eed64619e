import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeError } from '../errors.ts';
import { besideName } from './beside.ts';
import { toCertError } from './errno.ts';
import { nodeFiles } from './node-files.ts';

vi.mock('node:fs', { spy: true });

const errorOf = (code: string): Error => Object.assign(new Error(code), { code });
const target = '/etc/kubernetes/pki/apiserver.crt';
const beside = besideName(target, '20300301-000000-00000000');

describe('what the kernel answers', () => {
  it.each([
    [
      'ENOSPC',
      `${target} cannot be written: no room or no inodes left on the file system at /etc; free some`,
    ],
    ['EDQUOT', `${target} cannot be written: the quota is used up on the file system at /etc; free some`],
    ['EROFS', `${target} lies on a file system that is mounted read-only`],
    ['EPERM', `${target} may not be changed: it or its directory is immutable`],
  ])('%s is said of the file that a person knows', (code, text) => {
    const error = toCertError(errorOf(code), beside, () => '/etc');
    expect(error.message).toContain(text);
    expect(error.place.file).toBe(target);
  });

  it('that is of the file that waits beside it is said of that one', () => {
    expect(toCertError(errorOf('EEXIST'), beside).message).toBe(`${beside} exists already`);
    expect(toCertError(errorOf('ENOSPC'), '/run/lock').message).toBe(
      '/run/lock cannot be written: no room or no inodes left; free some and try again',
    );
  });
});

describe('a file system without room', () => {
  let directory = '';
  beforeAll(() => {
    directory = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'errno-')));
  });
  afterAll(() => {
    vi.restoreAllMocks();
    fs.rmSync(directory, { recursive: true });
  });

  it('is named by where it is mounted, and nothing half-made stays', () => {
    const path = join(directory, 'x.crt');
    vi.mocked(fs.writeSync).mockImplementationOnce(() => {
      throw errorOf('ENOSPC');
    });
    let message = '';
    try {
      nodeFiles().create(besideName(path, '1'), new Uint8Array(1), { mode: 0o600, uid: 0, gid: 0 });
    } catch (error) {
      message = describeError(error);
    }
    const said = /^(\S+) cannot be written: .* on the file system at (\S+); free some there/.exec(message);
    expect(said?.[1]).toBe(path);
    const mounts = fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
    expect(mounts.map((line) => line.split(' ')[4])).toContain(said?.[2]);
    expect(fs.readdirSync(directory)).toEqual([]);
  });
});
