// The one unit that a simulated node's PID 1 keeps running: the kubelet, with the flags that its unit files name.
import { spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { kubeletFlags, readUnit } from '../../formats/kubelet-config-unit.ts';
import { searchPath } from './runtime.ts';

const unitFile = '/usr/lib/systemd/system/kubelet.service';
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
    const unit = readUnit(unitFiles());
    const args = [...kubeletFlags(unit, textOf)].map(([name, value]) => `--${name}=${value}`);
    const [program = ''] = (unit.execStart ?? '').split(' ');
    const child = spawn(program, args, {
      // With what this process was given for its own start.
      env: { ...process.env, PATH: searchPath },
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

/** The unit, and its drop-ins by name. */
function unitFiles(): readonly { readonly path: string; readonly text: string }[] {
  const directory = `${unitFile}.d`;
  const names = fs.existsSync(directory) ? fs.readdirSync(directory).toSorted() : [];
  return [unitFile, ...names.map((name) => `${directory}/${name}`)].map((path) => ({
    path,
    text: textOf(path) ?? '',
  }));
}

function textOf(path: string): string | undefined {
  return fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : undefined;
}
