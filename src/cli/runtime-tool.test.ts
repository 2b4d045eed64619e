import { describe, expect, it } from 'vitest';
import { CrashFiles } from '../host/crash-files.ts';
import { makeDirectories } from '../rotation/bytes.ts';
import { runtimeToolOf } from './runtime-tool.ts';

const tasks = '/run/containerd/io.containerd.runtime.v2.task/k8s.io';

function diskWith(...names: readonly string[]): CrashFiles {
  const files = new CrashFiles();
  for (const name of names) {
    const directory = name.replace(/\/[^/]+$/, '');
    makeDirectories(files, name === tasks ? tasks : directory);
    if (name !== tasks) files.create(name, new Uint8Array(), { mode: 0o755, uid: 0, gid: 0 });
  }
  return files;
}

describe('the tool by which a container can be stopped', () => {
  it.each([
    ['crictl', ['/usr/bin/crictl', '/usr/bin/ctr', tasks]],
    ['crictl', ['/opt/bin/crictl']],
    ['ctr', ['/usr/bin/ctr', tasks]],
    // Docker's.
    ['none', ['/usr/bin/ctr']],
    ['none', [tasks]],
    ['none', []],
  ] as const)('is %s where there is %j', (tool, names) => {
    expect(runtimeToolOf(diskWith(...names), 'relative:/opt/bin')).toBe(tool);
  });
});
