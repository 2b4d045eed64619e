// What the status of a Pod says, in the few words that decisions need.
import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1.js';

/** Restarts and pulls take their time; a Pod that has not started after this is one that this kubelet does not start. */
export const stuckAfter = 10 * 60_000;

export function isTerminating(pod: Pod): boolean {
  return pod.metadata?.deletionTimestamp !== undefined;
}

/** All containers have ended and none will be started again. */
export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Whether any container, init containers included, has ever run. */
export function hasStarted(pod: Pod): boolean {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses].some(
    ({ state, lastState, restartCount }) =>
      state?.running !== undefined ||
      state?.terminated !== undefined ||
      lastState?.terminated !== undefined ||
      restartCount > 0,
  );
}

const creating: ReadonlySet<string | undefined> = new Set(['ContainerCreating', 'PodInitializing']);

/** Its kubelet sets it up and no container has run: volumes, network, images. */
export function isBeingCreated(pod: Pod): boolean {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const statuses = [...initContainerStatuses, ...containerStatuses];
  return (
    !hasStarted(pod) &&
    statuses.length > 0 &&
    statuses.every(({ state }) => creating.has(state?.waiting?.reason))
  );
}

/** Milliseconds since the Pod was made. */
export function ageOf(pod: Pod, now: Date): number {
  const created = pod.metadata?.creationTimestamp;
  return created === undefined ? 0 : now.getTime() - Date.parse(created);
}

export function isStuck(pod: Pod, now: Date): boolean {
  return !hasStarted(pod) && !isFinished(pod) && ageOf(pod, now) > stuckAfter;
}

export function containerOf(pod: Pod, name: string): ContainerStatus | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses].find((status) => status.name === name);
}

export function isRunning(pod: Pod): boolean {
  const statuses = pod.status?.containerStatuses ?? [];
  return statuses.length > 0 && statuses.every(({ state }) => state?.running !== undefined);
}

/** The termination messages of the containers that have ended, init containers left out. */
export function messagesOf(pod: Pod): string[] {
  return (pod.status?.containerStatuses ?? []).flatMap(({ state }) => {
    const message = state?.terminated?.message;
    return message === undefined || message === '' ? [] : [message];
  });
}

/** When the last container ended, as the node says; undefined: it does not. */
export function finishedAt(pod: Pod): Date | undefined {
  // The API says null where the kubelet has lost track of a container.
  const ends = (pod.status?.containerStatuses ?? [])
    .map(({ state }) => Date.parse(state?.terminated?.finishedAt ?? ''))
    .filter(Number.isFinite);
  return ends.length === 0 ? undefined : new Date(Math.max(...ends));
}

/** Why the containers do not start, in the runtime's words; empty: it has not said so. */
export function waitingReason(pod: Pod): string {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const waiting = [...initContainerStatuses, ...containerStatuses].flatMap(({ state }) =>
    state?.waiting === undefined ? [] : [state.waiting],
  );
  const [first] = waiting.filter(({ reason }) => reason !== 'PodInitializing');
  if (first === undefined) return pod.status?.message ?? '';
  return [first.reason, first.message].filter((part) => part !== undefined).join(': ');
}
