import { describe, expect, it } from 'vitest';
import { launchOf } from './launch.ts';
import type { ContainerOrder, Image } from './protocol.ts';

const order: ContainerOrder = {
  id: 'c1',
  image: 'i',
  command: ['kube-apiserver', "--name=o'brien"],
  environment: {},
  mounts: [
    { source: '/etc/kubernetes', target: '/host/etc/kubernetes', readOnly: true },
    { source: '/var/lib/kubelet/my config.yaml', target: '/host/config.yaml', readOnly: false },
  ],
  hostPID: false,
  readOnlyRoot: true,
  log: '/dev/null',
  labels: {},
};
const image: Image = { content: [], scripts: {}, command: ['default'], environment: {} };
const isDirectory = (path: string): boolean => !path.includes('.');
const launch = (change: Partial<ContainerOrder> = {}, of: Image = image) =>
  launchOf({ ...order, ...change }, of, '/run/c1', isDirectory);

describe('the start of a container', () => {
  it('mounts what is read only read-only, and takes names with blanks', () => {
    const { table } = launch();
    expect(table).toContain('/etc/kubernetes /run/c1/rootfs/host/etc/kubernetes none rbind,ro\n');
    expect(table).toContain(
      '/var/lib/kubelet/my\\040config.yaml /run/c1/rootfs/host/config.yaml none rbind\n',
    );
  });

  it('makes directories for directories and files for files', () => {
    const { script } = launch();
    expect(script).toMatch(/mkdir -p .*'\.\/host\/etc\/kubernetes'/);
    expect(script).toMatch(/: .*> '\.\/host\/config\.yaml'/);
  });

  it('shows the processes of the node only where the Pod has hostPID', () => {
    expect(launch().spaces).toContain('--pid');
    expect(launch().table).toContain('proc /run/c1/rootfs/proc proc');
    expect(launch({ hostPID: true }).spaces).not.toContain('--pid');
    expect(launch({ hostPID: true }).table).toContain('/proc /run/c1/rootfs/proc none rbind');
  });

  it('quotes for the shell', () => {
    expect(launch().script.split('\n').at(-1)).toBe(
      `exec 'chroot' '.' 'kube-apiserver' '--name=o'\\''brien'`,
    );
  });

  it('runs a script of the image under the name of the program', () => {
    const scripts = { 'kube-apiserver': '/opt/sim/kube-apiserver.mjs' };
    expect(launch({}, { ...image, scripts }).script).toMatch(
      /'kube-apiserver' '\/usr\/bin\/node' '\/opt\/sim\/kube-apiserver\.mjs' '--name/,
    );
  });

  it('takes the command of the image where the Pod has none', () => {
    expect(launch({ command: [] }).script).toMatch(/exec 'chroot' '\.' 'default'$/);
  });
});
