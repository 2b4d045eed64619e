// What a kubelet does next with the containers of one Pod, and what it says of them. Pure.
import type { Container, Pod } from 'kubernetes-types/core/v1.js';
import type { ContainerState } from '../protocol.ts';

/** Keys of a container's labels in the runtime. */
export const ours = { pod: 'pod', name: 'container', attempt: 'attempt' } as const;

export interface Attempt extends ContainerState {
  readonly name: string;
  readonly attempt: number;
}

export type Next =
  | { readonly type: 'start'; readonly container: Container; readonly attempt: number }
  | { readonly type: 'kill'; readonly id: string }
  /** Nothing to do before this moment. */
  | { readonly type: 'wait'; readonly until: number }
  /** All have ended and none comes back. */
  | { readonly type: 'over'; readonly phase: 'Succeeded' | 'Failed' };

/** The attempts of one Pod, oldest first. */
export function attemptsOf(states: readonly ContainerState[], podUid: string): readonly Attempt[] {
  return states
    .filter(({ labels }) => labels[ours.pod] === podUid)
    .map((state) => ({
      ...state,
      name: state.labels[ours.name] ?? '',
      attempt: Number(state.labels[ours.attempt] ?? 0),
    }))
    .toSorted((a, b) => a.attempt - b.attempt);
}

export const lastOf = (attempts: readonly Attempt[], name: string): Attempt | undefined =>
  attempts.findLast((each) => each.name === name);

/** The kubelet's own are ten seconds, doubled up to five minutes; all lives here are shorter. */
const backoff = { first: 1000, most: 10_000 } as const;

/** What to do with a Pod that shall run. @param now milliseconds since 1970 */
export function nextFor(pod: Pod, attempts: readonly Attempt[], now: number): readonly Next[] {
  const { initContainers = [], containers, restartPolicy = 'Always' } = pod.spec ?? { containers: [] };
  for (const container of initContainers) {
    const last = lastOf(attempts, container.name);
    if (last?.exitCode === 0) continue;
    if (last?.running === true) return [];
    const again = last === undefined ? 'now' : restartPolicy === 'Never' ? 'never' : 'later';
    if (again === 'never') return [{ type: 'over', phase: 'Failed' }];
    return [startOrWait(container, last, now)];
  }
  const open = containers.flatMap((container): Next[] => {
    const last = lastOf(attempts, container.name);
    if (last?.running === true) return [];
    return last === undefined || comesBack(last, restartPolicy) ? [startOrWait(container, last, now)] : [];
  });
  if (open.length > 0 || attempts.some(({ running }) => running)) return open;
  const failed = containers.some(({ name }) => lastOf(attempts, name)?.exitCode !== 0);
  return [{ type: 'over', phase: failed ? 'Failed' : 'Succeeded' }];
}

function comesBack({ exitCode }: Attempt, restartPolicy: string): boolean {
  return restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && exitCode !== 0);
}

function startOrWait(container: Container, last: Attempt | undefined, now: number): Next {
  if (last === undefined) return { type: 'start', container, attempt: 0 };
  const until = Date.parse(last.finishedAt ?? '') + pauseAfter(last);
  return until > now ? { type: 'wait', until } : { type: 'start', container, attempt: last.attempt + 1 };
}

/** One that had run for a while is started again at once. */
function pauseAfter({ attempt, startedAt, finishedAt = startedAt }: Attempt): number {
  if (Date.parse(finishedAt) - Date.parse(startedAt) > backoff.most) return 0;
  return Math.min(backoff.first * 2 ** attempt, backoff.most);
}

/** What to do with a Pod that shall end: every container that still runs is ended. */
export function endFor(attempts: readonly Attempt[]): readonly Next[] {
  return attempts.flatMap(({ id, running }) => (running ? [{ type: 'kill', id } as const] : []));
}
