// All Pods of the node: those of its manifest directory, which need no API, and those that the API has bound to it.
import type { Pod, PodStatus } from 'kubernetes-types/core/v1.js';
import { describeError } from '../../../errors.ts';
import type { ContainerState } from '../protocol.ts';
import { ApiError, type Api } from '../api.ts';
import { ours } from './containers.ts';
import { isReady } from './probes.ts';
import type { RuntimeClient } from './runtime-client.ts';
import { mirroredUid, mirrorOf, StaticPods } from './static-pods.ts';
import { renewConfigMaps } from './volumes.ts';
import { fullName, podNameLabel, PodWorker } from './worker.ts';

export interface KeeperOptions {
  readonly api: Api;
  readonly runtime: RuntimeClient;
  readonly node: string;
  readonly address: string;
  /** First address of the node's Pods. */
  readonly podAddress: (index: number) => string;
  readonly manifests: string | undefined;
  readonly log: (text: string) => void;
}

interface Kept {
  pod: Pod;
  readonly isStatic: boolean;
  readonly worker: PodWorker;
  readonly index: number;
  readonly podIP: string;
  busy: boolean;
  /** Something has changed while it was looked at. */
  again: boolean;
  timer: NodeJS.Timeout | undefined;
  told: string;
}

export class PodKeeper {
  readonly #options: KeeperOptions;
  readonly #statics: StaticPods | undefined;
  #staticUids = '';
  readonly #kept = new Map<string, Kept>();
  readonly #answers = new Map<string, boolean>();
  #states: readonly ContainerState[] = [];
  #wanted: ReadonlyMap<string, Pod> = new Map();
  #mirrors: ReadonlyMap<string, Pod> = new Map();
  #fromApi: ReadonlyMap<string, Pod> | undefined;
  #nodeUid: string | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    const { manifests, node } = options;
    this.#statics = manifests === undefined ? undefined : new StaticPods(manifests, node);
  }

  noteContainers(states: readonly ContainerState[]): void {
    this.#states = states;
    this.#lookAtAll();
  }

  notePods(pods: ReadonlyMap<string, Pod>): void {
    this.#fromApi = new Map([...pods].filter(([, pod]) => mirroredUid(pod) === undefined));
    this.#mirrors = new Map(
      [...pods.values()].filter((pod) => mirroredUid(pod) !== undefined).map((pod) => [fullName(pod), pod]),
    );
    this.#lookAtAll();
  }

  noteNode(uid: string): void {
    this.#nodeUid = uid;
    this.#lookAtAll();
  }

  /** Asks the readiness probes of what runs. */
  async probe(): Promise<void> {
    const before = JSON.stringify([...this.#answers]);
    await Promise.all(
      this.#states
        .filter(({ running }) => running)
        .map(async ({ id, labels }) => {
          const kept = this.#kept.get(labels[ours.pod] ?? '');
          const container = kept?.pod.spec?.containers.find(({ name }) => name === labels[ours.name]);
          const answer =
            kept === undefined || container === undefined ? undefined : await isReady(container, kept.podIP);
          if (answer !== undefined) this.#answers.set(id, answer);
        }),
    );
    if (JSON.stringify([...this.#answers]) !== before) this.#lookAtAll();
  }

  async renewConfigMaps(): Promise<void> {
    const { api } = this.#options;
    for (const pod of this.#fromApi?.values() ?? []) await renewConfigMaps(pod, api);
  }

  lookAtManifests(): void {
    const uids = [...(this.#statics?.read().keys() ?? [])].join();
    if (uids === this.#staticUids) return;
    this.#staticUids = uids;
    this.#lookAtAll();
  }

  #lookAtAll(): void {
    const statics = this.#statics?.read() ?? new Map<string, Pod>();
    const wanted = new Map<string, Pod>([...statics, ...(this.#fromApi ?? [])]);
    this.#wanted = wanted;
    for (const [uid, pod] of wanted) this.#keep(uid, pod, statics.has(uid));
    for (const [uid, kept] of this.#kept) this.#look(uid, kept);
    void this.#endStrangers(wanted);
    void this.#endMirrors(statics);
  }

  /** What is shown in the API of a static Pod whose manifest is gone. */
  async #endMirrors(statics: ReadonlyMap<string, Pod>): Promise<void> {
    if (this.#statics === undefined) return;
    const names = new Set([...statics.values()].map(fullName));
    for (const [name, mirror] of this.#mirrors) if (!names.has(name)) await this.#delete(mirror);
  }

  #keep(uid: string, pod: Pod, isStatic: boolean): void {
    const kept = this.#kept.get(uid);
    if (kept !== undefined) {
      kept.pod = pod;
      return;
    }
    const taken = new Set([...this.#kept.values()].map(({ index }) => index));
    let index = 0;
    while (taken.has(index)) index += 1;
    const { api, runtime, address, podAddress } = this.#options;
    const podIP = pod.spec?.hostNetwork === true ? address : podAddress(index);
    const worker = new PodWorker({
      runtime,
      api: isStatic ? undefined : api,
      server: api.server,
      hostIP: address,
      podIP,
      answers: this.#answers,
      warn: async (about, reason, message) => this.#warn(about, reason, message),
    });
    this.#kept.set(uid, {
      pod,
      isStatic,
      worker,
      index,
      podIP,
      busy: false,
      again: false,
      timer: undefined,
      told: '',
    });
  }

  #look(uid: string, kept: Kept): void {
    if (this.#kept.get(uid) !== kept) return;
    if (kept.busy) {
      kept.again = true;
      return;
    }
    kept.busy = true;
    clearTimeout(kept.timer);
    void this.#lookOnce(uid, kept)
      .catch((error: unknown) => {
        this.#options.log(`${fullName(kept.pod)}: ${describeError(error)}`);
        this.#later(uid, kept, Date.now() + retryMs);
      })
      .finally(() => {
        kept.busy = false;
        if (!kept.again) return;
        kept.again = false;
        this.#look(uid, kept);
      });
  }

  async #lookOnce(uid: string, kept: Kept): Promise<void> {
    const isThere = this.#wanted.has(uid);
    const { pod, worker, isStatic } = kept;
    const wanted = isThere && pod.metadata?.deletionTimestamp === undefined;
    const held = this.#states.some(
      ({ running, labels }) => running && labels[podNameLabel] === fullName(pod) && labels[ours.pod] !== uid,
    );
    const looked = await worker.look(pod, this.#states, { wanted, held });
    if (looked.again !== undefined) this.#later(uid, kept, looked.again);
    if (looked.gone) this.#kept.delete(uid);
    if (!isThere) return;
    const told = await (isStatic ? this.#tellMirror(kept, looked.status) : this.#tell(kept, looked.status));
    const done = told && (!looked.gone || isStatic || (await this.#delete(pod)));
    if (!done) setTimeout(() => this.#lookAtAll(), retryMs);
  }

  #later(uid: string, kept: Kept, at: number): void {
    clearTimeout(kept.timer);
    kept.timer = setTimeout(() => this.#look(uid, kept), Math.max(50, at - Date.now()));
  }

  /** Whether the API knows it now, as all of these. */
  async #tell(kept: Kept, status: PodStatus): Promise<boolean> {
    const text = JSON.stringify(status);
    if (kept.told === text) return true;
    const { uid } = kept.pod.metadata ?? {};
    const done = await this.#try(async () =>
      this.#options.api.patch(`${pathOf(kept.pod)}/status`, { metadata: { uid }, status }),
    );
    if (done) kept.told = text;
    return done;
  }

  /** A static Pod is shown in the API by its mirror, made anew when the manifest is another. */
  async #tellMirror(kept: Kept, status: PodStatus): Promise<boolean> {
    const { pod } = kept;
    // What comes later comes with a look of its own.
    if (this.#nodeUid === undefined || this.#fromApi === undefined) return true;
    const mirror = this.#mirrors.get(fullName(pod));
    if (mirror === undefined) {
      kept.told = '';
      const path = `/api/v1/namespaces/${pod.metadata?.namespace}/pods`;
      const made = mirrorOf(pod, { name: this.#options.node, uid: this.#nodeUid });
      return this.#try(async () => this.#options.api.call('POST', path, made));
    }
    if (mirroredUid(mirror) !== pod.metadata?.uid) {
      kept.told = '';
      return this.#delete(mirror);
    }
    const text = JSON.stringify([mirror.metadata?.uid, status]);
    if (kept.told === text) return true;
    const done = await this.#try(async () => this.#options.api.patch(`${pathOf(mirror)}/status`, { status }));
    if (done) kept.told = text;
    return done;
  }

  async #delete(pod: Pod): Promise<boolean> {
    return this.#try(async () =>
      this.#options.api.call('DELETE', pathOf(pod), {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        gracePeriodSeconds: 0,
        preconditions: { uid: pod.metadata?.uid },
      }),
    );
  }

  /** Containers of Pods that nobody wants: of a static one at once, of others only when the API has told which there are. */
  async #endStrangers(wanted: ReadonlyMap<string, Pod>): Promise<void> {
    for (const { id, labels, running } of this.#states) {
      const uid = labels[ours.pod] ?? '';
      if (wanted.has(uid) || this.#kept.has(uid)) continue;
      const isStatic = /^[0-9a-f]{32}$/u.test(uid);
      if (!isStatic && this.#fromApi === undefined) continue;
      await this.#try(async () =>
        running ? this.#options.runtime.kill(id, 'SIGTERM') : this.#options.runtime.remove(id),
      );
    }
  }

  async #warn({ metadata }: Pod, reason: string, message: string): Promise<void> {
    const { name, namespace, uid } = metadata ?? {};
    const now = new Date().toISOString().replace(/\.\d+Z$/u, 'Z');
    await this.#try(async () =>
      this.#options.api.call('POST', `/api/v1/namespaces/${namespace}/events`, {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { generateName: `${name}.`, namespace },
        involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid },
        reason,
        message,
        type: 'Warning',
        firstTimestamp: now,
        lastTimestamp: now,
        count: 1,
        source: { component: 'kubelet', host: this.#options.node },
      }),
    );
  }

  /** False: the API is away. What it refuses is settled: the object is gone, or there already. */
  async #try(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      const isSettled = error instanceof ApiError && (error.status === 404 || error.status === 409);
      if (!isSettled) this.#options.log(describeError(error));
      return isSettled;
    }
  }
}

const retryMs = 1000;

const pathOf = ({ metadata }: Pod): string =>
  `/api/v1/namespaces/${metadata?.namespace}/pods/${metadata?.name}`;
