// One Pod of the node: what the runtime shows of it is brought to what is wanted, again and again.
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import type { Container, Pod, PodStatus } from 'kubernetes-types/core/v1.js';
import { describeError } from '../../../errors.ts';
import type { ContainerState } from '../protocol.ts';
import type { Api } from '../api.ts';
import { attemptsOf, endFor, nextFor, ours, type Attempt, type Next } from './containers.ts';
import { environmentOf } from './environment.ts';
import type { RuntimeClient } from './runtime-client.ts';
import { seconds, statusOf } from './status.ts';
import { mountsOf, podDirectory, prepareVolumes } from './volumes.ts';

export interface WorkerParts {
  readonly runtime: RuntimeClient;
  /** For volumes; undefined: a static Pod. */
  readonly api: Api | undefined;
  readonly server: { readonly host: string; readonly port: number };
  readonly hostIP: string;
  readonly podIP: string;
  /** By container id. */
  readonly answers: ReadonlyMap<string, boolean>;
  readonly warn: (pod: Pod, reason: string, message: string) => Promise<void>;
}

/** What one look has come to. */
export interface Looked {
  readonly status: PodStatus;
  /** Nothing runs any more and nothing is left of it on the node. */
  readonly gone: boolean;
  /** Milliseconds since 1970: look again then, though nothing has happened. */
  readonly again?: number;
}

/** What the runtime keeps of the ended ones: the last and the one before. */
const keptAttempts = 2;
const retryMs = 2000;
const messageLimit = 12_288;

export class PodWorker {
  readonly #parts: WorkerParts;
  readonly #startTime = seconds(new Date().toISOString());
  readonly #messages = new Map<string, string>();
  readonly #problems = new Map<string, string>();
  /** Asked of the runtime, whose list may not show them yet. */
  readonly #started = new Set<string>();
  #volumes: ReadonlyMap<string, string> | undefined;
  #endsAt: number | undefined;
  #told = '';

  constructor(parts: WorkerParts) {
    this.#parts = parts;
  }

  /** @param wanted whether the Pod shall run @param held whether it must wait for another of its name to end */
  async look(
    pod: Pod,
    states: readonly ContainerState[],
    { wanted, held }: { readonly wanted: boolean; readonly held: boolean },
  ): Promise<Looked> {
    const uid = pod.metadata?.uid ?? '';
    const attempts = attemptsOf(states, uid);
    const now = Date.now();
    const next = wanted ? (held ? [] : nextFor(pod, attempts, now)) : endFor(attempts);
    const waits: number[] = next.flatMap((each) => (each.type === 'wait' ? [each.until] : []));
    for (const each of next) {
      const again = await this.#act(pod, each);
      if (again !== undefined) waits.push(again);
    }
    await this.#tidy(attempts);
    const status = this.#statusOf(pod, attempts);
    const gone = !wanted && attempts.every(({ running }) => !running);
    if (gone) await this.#forget(uid, attempts);
    return { status, gone, ...(waits.length === 0 ? {} : { again: Math.min(...waits) }) };
  }

  async #act(pod: Pod, next: Next): Promise<number | undefined> {
    if (next.type === 'start') return this.#start(pod, next.container, next.attempt);
    if (next.type !== 'kill') return undefined;
    const grace =
      (pod.metadata?.deletionGracePeriodSeconds ?? pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000;
    const first = this.#endsAt === undefined;
    this.#endsAt ??= Date.now() + grace;
    const late = Date.now() >= this.#endsAt;
    if (first || late) await this.#parts.runtime.kill(next.id, late ? 'SIGKILL' : 'SIGTERM');
    return late ? Date.now() + retryMs : this.#endsAt;
  }

  async #start(pod: Pod, container: Container, attempt: number): Promise<number | undefined> {
    try {
      this.#volumes ??= await prepareVolumes(pod, this.#parts.api);
    } catch (error) {
      await this.#warn(pod, 'FailedMount', describeError(error));
      return Date.now() + retryMs;
    }
    const id = idOf(pod, container, attempt);
    if (this.#started.has(id)) return undefined;
    try {
      await this.#parts.runtime.start(this.#orderFor(pod, container, attempt, this.#volumes));
      this.#started.add(id);
      this.#problems.delete(container.name);
      return undefined;
    } catch (error) {
      this.#problems.set(container.name, describeError(error));
      return Date.now() + retryMs;
    }
  }

  #orderFor(pod: Pod, container: Container, attempt: number, volumes: ReadonlyMap<string, string>) {
    const uid = pod.metadata?.uid ?? '';
    const id = idOf(pod, container, attempt);
    const place = `${podDirectory(uid)}/containers/${container.name}/${attempt}`;
    const messageFile = `${place}.message`;
    fs.mkdirSync(dirname(place), { recursive: true });
    fs.writeFileSync(messageFile, '');
    this.#messages.delete(id);
    const { terminationMessagePath = '/dev/termination-log' } = container;
    return {
      id,
      image: container.image ?? '',
      command: [...(container.command ?? []), ...(container.args ?? [])],
      environment: environmentOf(pod, container, this.#parts),
      mounts: [
        ...mountsOf(container, volumes),
        { source: messageFile, target: terminationMessagePath, readOnly: false },
      ],
      hostPID: pod.spec?.hostPID === true,
      readOnlyRoot: container.securityContext?.readOnlyRootFilesystem === true,
      log: `/var/log/${pod.metadata?.name}.${container.name}.log`,
      labels: {
        [ours.pod]: uid,
        [ours.name]: container.name,
        [ours.attempt]: String(attempt),
        [podNameLabel]: fullName(pod),
      },
    };
  }

  #statusOf(pod: Pod, attempts: readonly Attempt[]): PodStatus {
    const limit = Math.min(4096, Math.floor(messageLimit / Math.max(1, containerCount(pod))));
    for (const { id, name, attempt, running } of attempts) {
      if (running || this.#messages.has(id)) continue;
      const file = `${podDirectory(pod.metadata?.uid ?? '')}/containers/${name}/${attempt}.message`;
      if (fs.existsSync(file))
        this.#messages.set(id, fs.readFileSync(file).subarray(-limit).toString('utf8'));
    }
    const { hostIP, podIP, answers } = this.#parts;
    return statusOf(pod, {
      attempts,
      hostIP,
      podIP,
      answers,
      messages: this.#messages,
      problems: this.#problems,
      startTime: this.#startTime,
    });
  }

  /** Of each container only the last attempts are kept. */
  async #tidy(attempts: readonly Attempt[]): Promise<void> {
    for (const { id, name, attempt, running } of attempts) {
      const newest = attempts.findLast((each) => each.name === name)?.attempt ?? attempt;
      if (!running && attempt <= newest - keptAttempts) await this.#parts.runtime.remove(id);
    }
  }

  async #forget(uid: string, attempts: readonly Attempt[]): Promise<void> {
    for (const { id } of attempts) await this.#parts.runtime.remove(id);
    fs.rmSync(podDirectory(uid), { recursive: true, force: true });
  }

  async #warn(pod: Pod, reason: string, message: string): Promise<void> {
    if (this.#told === message) return;
    this.#told = message;
    await this.#parts.warn(pod, reason, message);
  }
}

/** In the labels of a container: which Pod, whatever its UID. */
export const podNameLabel = 'pod-name';

export const fullName = ({ metadata }: Pod): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;

const idOf = ({ metadata }: Pod, { name }: Container, attempt: number): string =>
  `${metadata?.uid ?? ''}-${name}-${attempt}`;

const containerCount = ({ spec }: Pod): number =>
  (spec?.containers.length ?? 0) + (spec?.initContainers?.length ?? 0);
