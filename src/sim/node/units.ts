// The one unit that a simulated node's PID 1 keeps running: the kubelet, with the flags that its unit files name.
import { spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { kubeletFlags, readUnit } from '../../formats/kubelet-config-unit.ts';
import { searchPath } from './runtime.ts';

const unitFiles = [
  '/usr/lib/systemd/system/kubelet.service',
  '/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf',
];
/** RestartSec of kubeadm's unit is ten seconds; here all lives are shorter. */
const restartMs = 1000;
const stopMs = 5000;

export class KubeletUnit {
  #child: ChildProcess | undefined;
  #wanted = false;

  start(): void {
    this.#wanted = true;
    if (this.#child !== undefined) return;
    const log = fs.openSync('/var/log/kubelet.log', 'a');
    const flags = [...kubeletFlags(readUnit(unitFiles.flatMap(readText)), textOf)];
    const args = flags.map(([name, value]) => `--${name}=${value}`);
    const child = spawn('/usr/bin/node', ['/opt/sim/kubelet.mjs', ...args], {
      argv0: '/usr/bin/kubelet',
      env: { PATH: searchPath, NODE_COMPILE_CACHE: '/var/cache/node' },
      stdio: ['ignore', log, log],
    });
    fs.closeSync(log);
    this.#child = child;
    child.once('exit', () => {
      this.#child = undefined;
      if (this.#wanted) setTimeout(() => this.#wanted && this.start(), restartMs).unref();
    });
  }

  async stop(): Promise<void> {
    this.#wanted = false;
    const child = this.#child;
    if (child === undefined) return;
    const ended = new Promise<void>((resolve) => {
      child.once('exit', () => resolve());
    });
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), stopMs);
    await ended;
    clearTimeout(late);
  }

  async restart(): Promise<void> {
    await this.stop();
    this.start();
  }
}

const readText = (path: string): { path: string; text: string }[] => {
  const text = textOf(path);
  return text === undefined ? [] : [{ path, text }];
};

function textOf(path: string): string | undefined {
  return fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : undefined;
}
