import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { CrashFiles } from './crash-files.ts';
import { hasSystemd, restartUnit } from './systemd.ts';

describe('systemd', () => {
  it.each([
    ['nothing', [], false],
    ['its runtime directory', ['/run/systemd/system/x'], true],
    ['a unit of the kubelet', ['/etc/systemd/system/kubelet.service'], true],
    ['a unit of the distribution', ['/usr/lib/systemd/system/kubelet.service'], true],
    ['a unit of another program', ['/etc/systemd/system/other.service'], false],
  ])('on a node with %s', (_, paths, expected) => {
    const files = new CrashFiles();
    for (const path of paths) make(files, path, '');
    expect(hasSystemd(files)).toBe(expected);
  });

  it.each([
    ['systemd\n', true],
    ['init\n', false],
    ['systemd-nspawn\n', false],
  ])('on a node whose first process is %j', (name, expected) => {
    const files = new CrashFiles();
    make(files, '/proc/1/comm', name);
    expect(hasSystemd(files)).toBe(expected);
  });
});

function make(files: CrashFiles, path: string, text: string): void {
  const parts = path.split('/').slice(1, -1);
  for (const index of parts.keys()) files.mkdir(`/${parts.slice(0, index + 1).join('/')}`, 0o755);
  files.create(path, new Uint8Array(Buffer.from(text)), { mode: 0o644, uid: 0, gid: 0 });
}

describe('the restart of a unit', () => {
  const directory = mkdtempSync(join(tmpdir(), 'systemctl-'));
  const log = join(directory, 'log');
  const said = (): string[] => readFileSync(log, 'utf8').trim().split('\n');
  const signal = new AbortController().signal;
  /** A systemctl that writes down what it is asked, and then does as the lines say. */
  const pretend = (lines: string): void => {
    const program = join(directory, 'systemctl');
    writeFileSync(program, `#!/bin/sh\necho "$*" >> '${log}'\n${lines}\n`);
    chmodSync(program, 0o755);
  };
  beforeEach(() => {
    writeFileSync(log, '');
    vi.stubEnv('PATH', `${directory}:${process.env['PATH']}`);
    return () => vi.unstubAllEnvs();
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('is asked for once when it works', async () => {
    pretend('exit 0');
    await restartUnit('kubelet', signal);
    expect(said()).toEqual(['restart kubelet']);
  });

  it('is tried again after a start limit', async () => {
    pretend(`[ "$(grep -c restart '${log}')" = 2 ] || [ "$1" = reset-failed ]`);
    await restartUnit('kubelet', signal);
    expect(said()).toEqual(['restart kubelet', 'reset-failed kubelet', 'restart kubelet']);
  });

  it('that fails says what systemctl said', async () => {
    pretend('[ "$1" = reset-failed ] || { echo "Unit is masked." >&2; exit 1; }');
    await expect(restartUnit('kubelet', signal)).rejects.toThrow(
      expect.objectContaining({
        code: 'RestartFailed',
        message: 'systemctl restart kubelet failed: Unit is masked.',
      }),
    );
  });
});
