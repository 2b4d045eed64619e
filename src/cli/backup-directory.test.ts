import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CrashFiles } from '../host/crash-files.ts';
import { hostLayout } from '../host/layout.ts';
import { checkBackupDirectory } from './backup-directory.ts';

const files = new CrashFiles();
const check = (directory: string): void => checkBackupDirectory({ files, layout: hostLayout() }, directory);

beforeAll(() => {
  for (const path of ['/etc', '/etc/kubernetes', '/etc/kubernetes/pki', '/srv', '/opt', '/opt/pods', '/root'])
    files.mkdir(path, 0o755);
  files.mkdir('/open', 0o777);
  for (const path of ['/var', '/var/lib', '/var/lib/kubelet']) files.mkdir(path, 0o755);
  files.symlink('/etc/kubernetes/pki', '/srv/link');
  const config = 'kind: KubeletConfiguration\nstaticPodPath: /opt/pods\n';
  const bytes = new Uint8Array(Buffer.from(config, 'utf8'));
  files.create('/var/lib/kubelet/config.yaml', bytes, { mode: 0o600, uid: 0, gid: 0 });
});

let before: unknown;
beforeEach(() => {
  before = files.list();
});

describe('a directory for the old files', () => {
  it.each([
    ['/etc/kubernetes/manifests'],
    ['/etc/kubernetes/manifests/old'],
    ['/etc/kubernetes/pki'],
    ['/etc/kubernetes/pki/old/older'],
    ['/var/lib/kubelet/pki'],
    ['/var/lib/cluster-cert-rotator/staging'],
    ['/srv/link/old'],
    ['/opt/pods'],
  ])('%s is refused', (directory) => {
    expect(() => check(directory)).toThrow(/--backup-dir \/.* lies in .*; name another directory/);
    expect(files.list()).toEqual(before);
  });

  it('that others may write, or make, is refused', () => {
    expect(() => check('/open')).toThrow(/written by others/);
    expect(() => check('/open/not/yet')).toThrow(/written by others/);
  });

  it.each([
    ['/root'],
    ['/root/old/certificates'],
    ['/etc/kubernetes/pki-old'],
    ['/var/lib/cluster-cert-rotator/backups'],
  ])('%s is taken', (directory) => {
    expect(() => check(directory)).not.toThrow();
  });
});
