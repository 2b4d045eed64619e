// Starts a node: its directory becomes the root of process, mount and user name spaces of its own. In them this user is
// root, so that mounts, owners and chroot are real for whoever works there, and nothing of it is seen outside.
import { spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { quote } from '../node/launch.ts';
import { imageStore } from '../node/protocol.ts';
import { compileCache } from './compile-cache.ts';
import { imagesOf, type ImageNames } from './images.ts';

export interface BootOptions {
  /** The node's directory, as `layNode` leaves it. */
  readonly root: string;
  /** Directory of the programs that a node runs (scripts/build-demo.ts). */
  readonly programs: string;
  /** Directory that holds cert-renew and renew-all.sh. */
  readonly tool: string;
  /** Directory that says where the API's objects are kept (store-access.ts). */
  readonly store: string;
  readonly images: ImageNames;
  /** As `findSpaces` found them. */
  readonly spaces: readonly string[];
}

/** Of the machine: what the programs are linked with, and what makes mounts. */
const borrowed = ['/lib', '/lib64', '/bin', '/sbin'] as const;

const directories = [
  'dev',
  'proc',
  'run',
  'tmp',
  'usr/bin',
  'usr/local/sbin',
  'opt/sim',
  'opt/store',
  'opt/tool',
  'var/log',
  'var/lib/etcd',
  'var/lib/containerd',
  ...borrowed.map((path) => path.slice(1)),
] as const;

/** What a shebang can start: `comm` of PID 1 then is `systemd`. */
const starters = { 'usr/bin/systemd': 'systemd.mjs', 'usr/local/sbin/systemctl': 'systemctl.mjs' } as const;

/** Under the name by which others find it. */
const kubeletStarter = '#!/bin/bash\nexec -a "$0" /usr/bin/node /opt/sim/kubelet.mjs "$@"\n';

/** The child's end is the end of the node; the node ends when the child's standard input does. */
export function bootNode(options: BootOptions): ChildProcess {
  const { root } = options;
  for (const name of directories) fs.mkdirSync(join(root, name), { recursive: true, mode: 0o755 });
  fs.writeFileSync(join(root, 'usr/bin/node'), '');
  for (const [name, script] of Object.entries(starters))
    fs.writeFileSync(join(root, name), `#!/usr/bin/node\nimport('/opt/sim/${script}');\n`, { mode: 0o755 });
  fs.writeFileSync(join(root, 'usr/bin/kubelet'), kubeletStarter, { mode: 0o755 });
  fs.writeFileSync(join(root, imageStore), JSON.stringify(imagesOf(options.images)));
  const log = fs.openSync(join(root, 'var/log/boot.log'), 'a');
  const child = spawn('unshare', [...options.spaces, 'bash', '--norc', '-c', bootScript(options)], {
    env: { PATH: process.env['PATH'], ...compileCache('/opt/sim') },
    stdio: ['pipe', log, log],
    // Ctrl-C in a terminal goes to the whole group: a node is ended in order, by whoever started it.
    detached: true,
  });
  fs.closeSync(log);
  return child;
}

function bootScript({ root, programs, tool, store }: BootOptions): string {
  const bind = (from: string, to: string): string => `mount --rbind ${quote(from)} ${quote(join(root, to))}`;
  return [
    'set -eu',
    'umask 022',
    ...borrowed.filter((path) => fs.existsSync(path)).map((path) => bind(path, path)),
    bind(process.execPath, 'usr/bin/node'),
    bind(programs, 'opt/sim'),
    bind(tool, 'opt/tool'),
    bind(store, 'opt/store'),
    bind('/dev', 'dev'),
    `mount -t proc proc ${quote(join(root, 'proc'))}`,
    `cd ${quote(root)}`,
    'exec chroot . /usr/bin/systemd',
  ].join('\n');
}
