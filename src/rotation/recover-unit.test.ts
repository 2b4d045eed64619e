import { describe, expect, it } from 'vitest';
import { makeCa, makeDisk } from './fake-disk.ts';
import { bootRecovery, installRecoverUnit, recoverUnit, unitText } from './recover-unit.ts';
import { hostLayout } from '../host/layout.ts';
import type { CrashFiles } from '../host/crash-files.ts';
import type { Files } from '../host/files.ts';

const ca = makeCa();
const layout = hostLayout();
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

const text = (files: Files, path: string): string => Buffer.from(files.read(path)).toString();

function withProc(name: string, text: string): CrashFiles {
  const disk = makeDisk(ca);
  for (const path of ['/proc', '/proc/1']) disk.mkdir(path, 0o755);
  disk.create(`/proc/1/${name}`, bytes(text), { mode: 0o444, uid: 0, gid: 0 });
  return disk;
}

const mounts = (...lines: readonly string[]): CrashFiles => withProc('mountinfo', `${lines.join('\n')}\n`);

describe('whether the boot can recover keys', () => {
  it('needs the very version that writes the journal', () => {
    const disk = makeDisk(ca);
    expect(bootRecovery(disk, layout, (files, path) => text(files, path) === 'the tool').possible).toBe(true);
    expect(bootRecovery(disk, layout, (files, path) => text(files, path) === 'a newer tool')).toMatchObject({
      possible: false,
      why: expect.stringContaining('another version'),
    });
  });

  it('is what PID 1 says, whatever units lie there', () => {
    expect(bootRecovery(withProc('comm', 'systemd\n'), layout).possible).toBe(true);
    expect(bootRecovery(withProc('comm', 'init\n'), layout).possible).toBe(false);
  });

  it('needs units that outlive the boot', () => {
    const root = '22 1 0:20 / / rw - overlay overlay rw';
    const etc = '23 22 0:21 / /etc rw shared:1 - tmpfs tmpfs rw';
    const own = '24 23 8:1 / /etc/systemd/system rw - ext4 /dev/sda1 rw';
    expect(bootRecovery(mounts(root), layout).possible).toBe(true);
    expect(bootRecovery(mounts(root, etc), layout)).toMatchObject({
      possible: false,
      why: '/etc/systemd/system lies on a tmpfs, which no boot outlives',
    });
    expect(bootRecovery(mounts(root, etc, own), layout).possible).toBe(true);
  });
});

describe('the unit', () => {
  it('that an earlier version left behind is written anew', () => {
    const disk = makeDisk(ca);
    const path = `/etc/systemd/system/${recoverUnit}`;
    disk.create(path, bytes('[Service]\nExecStart=/gone\n'), { mode: 0o644, uid: 0, gid: 0 });
    installRecoverUnit(disk, layout);
    expect(Buffer.from(disk.read(path)).toString()).toBe(unitText(layout));
  });
});
