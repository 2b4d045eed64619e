// What a kubelet says of a Pod. Pure: the messages of ended containers and the results of probes come in.
import type {
  Container,
  ContainerState as KubeState,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
} from 'kubernetes-types/core/v1.js';
import { lastOf, type Attempt } from './containers.ts';

export interface StatusFacts {
  readonly attempts: readonly Attempt[];
  readonly hostIP: string;
  readonly podIP: string;
  /** By container id: the termination message. */
  readonly messages: ReadonlyMap<string, string>;
  /** By container id: the last answer of the readiness probe; absent where there is none. */
  readonly answers: ReadonlyMap<string, boolean>;
  readonly startTime: string;
  /** By container name: why it cannot be started. */
  readonly problems: ReadonlyMap<string, string>;
}

export function statusOf(pod: Pod, facts: StatusFacts): PodStatus {
  const { initContainers = [], containers } = pod.spec ?? { containers: [] };
  const initialized = initContainers.every(({ name }) => lastOf(facts.attempts, name)?.exitCode === 0);
  const waiting = initialized && initContainers.length === 0 ? 'ContainerCreating' : 'PodInitializing';
  const initStatuses = initContainers.map((each) => containerStatus(pod, each, facts, 'PodInitializing'));
  const statuses = containers.map((each) => containerStatus(pod, each, facts, waiting));
  const ready = statuses.length > 0 && statuses.every((status) => status.ready);
  const { hostIP, podIP, startTime } = facts;
  return {
    phase: phaseOf(pod, facts.attempts),
    conditions: [
      condition('PodScheduled', true),
      condition('Initialized', initialized),
      condition('ContainersReady', ready),
      condition('Ready', ready),
    ],
    hostIP,
    podIP,
    podIPs: [{ ip: podIP }],
    startTime,
    qosClass: 'Burstable',
    ...(initStatuses.length === 0 ? {} : { initContainerStatuses: initStatuses }),
    containerStatuses: statuses,
  };
}

export function phaseOf(pod: Pod, attempts: readonly Attempt[]): NonNullable<PodStatus['phase']> {
  const { initContainers = [], containers, restartPolicy = 'Always' } = pod.spec ?? { containers: [] };
  const lost = ({ name }: Container): boolean => {
    const last = lastOf(attempts, name);
    return last?.running === false && last.exitCode !== 0;
  };
  if (restartPolicy === 'Never' && initContainers.some(lost)) return 'Failed';
  const last = containers.map(({ name }) => lastOf(attempts, name));
  if (last.some((each) => each === undefined)) return 'Pending';
  if (restartPolicy === 'Always' || last.some((each) => each?.running === true)) return 'Running';
  if (!containers.some(lost)) return 'Succeeded';
  return restartPolicy === 'Never' ? 'Failed' : 'Running';
}

function containerStatus(
  pod: Pod,
  container: Container,
  facts: StatusFacts,
  waiting: string,
): ContainerStatus {
  const { name, image = '' } = container;
  const own = facts.attempts.filter((attempt) => attempt.name === name);
  const [before, last] = own.length > 1 ? own.slice(-2) : [undefined, own[0]];
  const state = stateOf(last, facts);
  const ready = last?.running === true && (facts.answers.get(last.id) ?? true);
  const comes = pod.spec?.restartPolicy !== 'Never' && last?.running === false && last.exitCode !== 0;
  const problem = facts.problems.get(name);
  return {
    name,
    image,
    imageID: image === '' ? '' : `${image}@local`,
    ready,
    started: last?.running === true,
    restartCount: last?.attempt ?? 0,
    ...(last === undefined ? {} : { containerID: `containerd://${last.id}` }),
    state:
      last === undefined
        ? {
            waiting: {
              reason: problem === undefined ? waiting : 'CreateContainerError',
              ...(problem && { message: problem }),
            },
          }
        : comes
          ? { waiting: { reason: 'CrashLoopBackOff', message: 'restarting failed container' } }
          : state,
    lastState: comes ? state : stateOf(before, facts),
  };
}

function stateOf(attempt: Attempt | undefined, { messages }: StatusFacts): KubeState {
  if (attempt === undefined) return {};
  const { id, startedAt, finishedAt = startedAt, exitCode = 0 } = attempt;
  if (attempt.running) return { running: { startedAt: seconds(startedAt) } };
  const message = messages.get(id) ?? '';
  return {
    terminated: {
      exitCode,
      reason: exitCode === 0 ? 'Completed' : 'Error',
      startedAt: seconds(startedAt),
      finishedAt: seconds(finishedAt),
      containerID: `containerd://${id}`,
      ...(message === '' ? {} : { message }),
    },
  };
}

/** metav1.Time has whole seconds. */
export const seconds = (time: string): string => time.replace(/\.\d+Z$/u, 'Z');

const condition = (type: string, holds: boolean): PodCondition => ({
  type,
  status: holds ? 'True' : 'False',
});
