// The container runtime of a simulated node: starts, watches and ends containers, and keeps what became of them.
import { spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { launchOf, tableName } from './launch.ts';
import {
  imageStore,
  type ContainerList,
  type ContainerOrder,
  type ContainerState,
  type ImageStore,
} from './protocol.ts';

interface Running {
  readonly child: ChildProcess;
  readonly hostPID: boolean;
  state: ContainerState;
}

const directory = '/run/containerd';

export class Runtime {
  readonly #containers = new Map<string, Running>();
  #revision = 1;
  #waiting: (() => void)[] = [];

  list(): ContainerList {
    return { revision: this.#revision, containers: [...this.#containers.values()].map(({ state }) => state) };
  }

  /** The list as soon as it is newer than `revision`. */
  async next(revision: number): Promise<ContainerList> {
    if (this.#revision > revision) return this.list();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    await promise;
    return this.list();
  }

  /** Throws when the node does not have the image. One that is there already stays as it is. */
  start(order: ContainerOrder): void {
    if (this.#containers.has(order.id)) return;
    const images: ImageStore = JSON.parse(fs.readFileSync(imageStore, 'utf8'));
    const image = images[order.image];
    if (image === undefined) throw new Error(`image ${order.image} is not on this node`);
    const place = `${directory}/${order.id}`;
    fs.mkdirSync(`${place}/rootfs`, { recursive: true });
    const { spaces, script, table } = launchOf(order, image, place, isDirectory);
    fs.writeFileSync(`${place}/${tableName}`, table);
    const log = fs.openSync(order.log, 'a');
    const child = spawn(
      'unshare',
      [...spaces, '--propagation', 'unchanged', 'bash', '--norc', '-c', script],
      {
        env: { PATH: searchPath, ...image.environment, ...order.environment },
        stdio: ['ignore', log, log],
      },
    );
    fs.closeSync(log);
    const { id, labels, hostPID } = order;
    const state = { id, labels, running: true, startedAt: new Date().toISOString() };
    this.#containers.set(id, { child, hostPID, state });
    child.once('error', () => this.#ended(id, 128));
    child.once('exit', (code, signal) => this.#ended(id, code ?? 128 + signalNumber(signal)));
    this.#changed();
  }

  kill(id: string, signal: NodeJS.Signals): void {
    const container = this.#containers.get(id);
    if (container?.state.running !== true) return;
    const pid = container.hostPID ? container.child.pid : firstChild(container.child.pid);
    try {
      if (pid !== undefined) process.kill(pid, signal);
    } catch (error) {
      // It may just have ended.
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
    }
  }

  /** Forgets one that has ended. */
  remove(id: string): void {
    if (this.#containers.get(id)?.state.running !== false) return;
    this.#containers.delete(id);
    fs.rmSync(`${directory}/${id}`, { recursive: true, force: true });
    this.#changed();
  }

  #ended(id: string, exitCode: number): void {
    const container = this.#containers.get(id);
    if (container === undefined) return;
    const finishedAt = new Date().toISOString();
    container.state = { ...container.state, running: false, finishedAt, exitCode };
    this.#changed();
  }

  #changed(): void {
    this.#revision += 1;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

export const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const isDirectory = (path: string): boolean =>
  fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** unshare stays as the parent of the container's first process, and passes no signal on. */
function firstChild(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  const text = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  const [first] = text.split(' ');
  return first === undefined || first === '' ? undefined : Number(first);
}

const signalNumber = (signal: NodeJS.Signals | null): number =>
  ({ SIGTERM: 15, SIGKILL: 9 })[String(signal)] ?? 1;
