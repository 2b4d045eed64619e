import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, describe, expect, it } from 'vitest';
import { nodeProcesses } from './processes.ts';

const root = mkdtempSync(join(tmpdir(), 'proc-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('the processes of a node', () => {
  it('are counted from the boot, whatever the clock says', () => {
    mkdirSync(join(root, '42'));
    mkdirSync(join(root, 'sys/kernel/random'), { recursive: true });
    writeFileSync(join(root, 'uptime'), '1000.25 3000.00\n');
    writeFileSync(join(root, 'sys/kernel/random/boot_id'), 'b1\n');
    writeFileSync(join(root, '42/cmdline'), '/usr/bin/kubelet\0--v=2\0');
    const fields = Array.from({ length: 40 }, (_, index) => (index === 19 ? '90010' : 'x'));
    writeFileSync(join(root, '42/stat'), `42 (a) b) ${fields.join(' ')}`);
    const processes = nodeProcesses(root, () => new Date('2030-01-01T00:00:00Z'));
    expect(processes.now()).toEqual({ bootId: 'b1', milliseconds: 1_000_250 });
    expect(processes.find('kubelet')).toEqual([
      {
        pid: 42,
        commandLine: ['/usr/bin/kubelet', '--v=2'],
        startedMs: 900_100,
        startedAt: new Date('2029-12-31T23:58:19.850Z'),
        isOfPod: true,
      },
    ]);
  });

  it.each([
    [
      '0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-2.scope\n',
      true,
    ],
    ['2:cpu:/kubepods/burstable/pod1/2\n1:name=systemd:/kubepods/burstable/pod1/2\n', true],
    ['0::/system.slice/etcd.service\n', false],
    ['0::/system.slice/docker-1.scope\n', false],
  ])('in cgroup %s are of a Pod: %s', (cgroup, isOfPod) => {
    writeFileSync(join(root, '42/cgroup'), cgroup);
    expect(nodeProcesses(root).find('kubelet')).toMatchObject([{ isOfPod }]);
  });

  it('have no moment where there is no /proc', () => {
    expect(nodeProcesses(join(root, 'nowhere')).now()).toBeUndefined();
  });

  it('are those of this machine too', () => {
    const now = nodeProcesses().now();
    expect(now?.bootId).toMatch(/^[0-9a-f-]{36}$/);
    expect((now?.milliseconds ?? 0) / 1000).toBeGreaterThan(process.uptime() - 1);
  });
});
