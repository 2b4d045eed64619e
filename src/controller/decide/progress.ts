// What becomes of a rotation that was admitted (design §4). Level-triggered: every pass looks at phase, Pods and live
// endpoints as they are, so it does not matter who led before or what was missed.
//
//   Admitted ──▶ restart Pod up (kubelet files only) ──▶ rotate Pod made ──▶ it runs ▶ Running
//   Running  ──▶ the `apply` container says its result ▶ Verifying | RolledBack | Failed | NeedsManual
//   Verifying ─▶ the controller's own handshakes agree ▶ Succeeded
//
// A Pod that vanished is made again: the journal on the node knows how far it was. Pods whose rotation has left
// Admitted and Running are taken away by housekeeping, so only after their result has been written.
import type { Pod } from 'kubernetes-types/core/v1.js';
import { checkers, decodeMessages } from '../../agent/message.ts';
import type { CertificateRotation } from '../../kube/types.ts';
import { shortHash } from '../labels.ts';
import type { Action } from '../world.ts';
import type { PodBuilders } from './builders.ts';
import { isKubelets } from './candidates.ts';
import { knownMissing, missingPaths, mountedPaths } from './host-paths.ts';
import { remove } from './inventory.ts';
import { isolated } from './isolate.ts';
import { manualAdvice } from './manual-line.ts';
import {
  ageOf,
  containerOf,
  hasStarted,
  isFinished,
  isRunning,
  isStuck,
  isTerminating,
  waitingReason,
} from './pod-state.ts';
import { concludeResult } from './result.ts';
import { end, patch, tell, withCondition } from './status.ts';
import { verify } from './verify.ts';
import type { NodeView, View } from './view.ts';

/** Longer than any rotation with all its waits and a rollback; after it a person must look. */
const runningLimit = 60 * 60_000;
/** Longer than any signing takes; nothing has been changed on the node yet. */
const requestLimit = 15 * 60_000;

export function decideProgress(view: View, build: PodBuilders): Action[] {
  return view.busy.flatMap((node) =>
    isolated(node, () => node.active.flatMap((rotation) => advance({ rotation, node, view, build }))),
  );
}

interface Case {
  readonly rotation: CertificateRotation;
  readonly node: NodeView;
  readonly view: View;
  readonly build: PodBuilders;
}

function advance(one: Case): Action[] {
  const { rotation, node, view } = one;
  if (rotation.status?.phase === 'Verifying') return verify(rotation, node, view);
  const pods = podsOf(one);
  const result = pods.rotate === undefined ? undefined : resultOf(pods.rotate);
  if (result !== undefined) return concludeResult({ rotation, node, view }, result);
  if (pods.rotate === undefined && pods.restart === undefined && mustYield(one)) return [];
  const tooLong = givenUp(one, pods);
  if (tooLong !== undefined) return tooLong;
  return [...makePods(one, pods), ...noteRunning(one, pods)];
}

/**
 * Two leaders at the same moment could admit a control plane each. Then one alone gets its Pods: whoever was admitted
 * first; the other one's turn comes when that has ended.
 */
function mustYield({ rotation, node, view }: Case): boolean {
  if (node.role !== 'control-plane') return false;
  return view.busy.some(
    (other) =>
      other.role === 'control-plane' &&
      other !== node &&
      other.active.some((one) => turnOf(one) < turnOf(rotation)),
  );
}

/** Those at work before those that were only admitted. */
function turnOf({ metadata, status }: CertificateRotation): string {
  return `${status?.phase === 'Admitted' ? 1 : 0} ${status?.startedAt ?? ''} ${metadata.name}`;
}

interface Pods {
  /** Undefined: none, or one that is on its way out. */
  readonly rotate: Pod | undefined;
  /** Pods that could not start, beside one that was made in their place. */
  readonly spare: readonly Pod[];
  readonly restart: Pod | undefined;
  readonly leaving: boolean;
}

function podsOf({ rotation, view }: Case): Pods {
  const uid = rotation.metadata.uid;
  const rotate = view.podsFor('rotate', uid);
  const restart = view.podsFor('restart-kubelet', uid);
  const [chosen, ...others] = rotate.filter((pod) => !isTerminating(pod)).toSorted(bestFirst);
  return {
    rotate: chosen,
    spare: others.filter((pod) => !hasStarted(pod)),
    restart: restart.find((pod) => !isTerminating(pod)),
    leaving: [...rotate, ...restart].some(isTerminating),
  };
}

/** One that has started, else the one that mounts the least: it was made because another could not be. */
function bestFirst(a: Pod, b: Pod): number {
  return Number(hasStarted(b)) - Number(hasStarted(a)) || mountedPaths(a).length - mountedPaths(b).length;
}

/** What `apply` said when it ended well; a failure of the program itself is started again by the kubelet. */
function resultOf(
  pod: Pod,
): ReturnType<typeof decodeMessages<ReturnType<typeof checkers.rotate>>> | undefined {
  const terminated = containerOf(pod, 'apply')?.state?.terminated;
  if (terminated === undefined || terminated.exitCode !== 0) return undefined;
  return decodeMessages([terminated.message ?? ''], checkers.rotate);
}

/** A kubelet that refuses each Pod (a node that shuts down) is asked again no faster than this, milliseconds. */
const refusedFor = 10_000;

/** One that was made later than now, by an API server whose clock is ahead, has no age to go by. */
function isYoung(pod: Pod, now: Date): boolean {
  const age = ageOf(pod, now);
  return age >= 0 && age < refusedFor;
}

function makePods({ rotation, node, view, build }: Case, pods: Pods): Action[] {
  const { configuration, now } = view.world;
  // Evicted, or ended by the node's shutdown: it is made again and resumes the journal.
  const ended = [pods.restart, pods.rotate].find((pod) => pod !== undefined && isFinished(pod));
  if (ended !== undefined) return isYoung(ended, now) ? [] : [remove(ended)];
  if (pods.spare.length > 0) return pods.spare.map(remove);
  if (pods.leaving) return [];
  const needsRestart = rotation.spec.certificates.some(isKubelets);
  if (needsRestart && pods.restart === undefined) {
    return [{ type: 'create-pod', pod: build.restart(node.node, rotation, configuration) }];
  }
  if (pods.rotate !== undefined) return makeWithoutMissing(pods.rotate, { rotation, node, view, build });
  if (needsRestart && !(pods.restart !== undefined && isRunning(pods.restart))) return [];
  const without = knownMissing(node.inventory);
  return [{ type: 'create-pod', pod: build.rotate(node.node, rotation, configuration, { without }) }];
}

/** An optional path is not there (R18): another Pod without it, under another name; the first one goes afterwards. */
function makeWithoutMissing(pod: Pod, { rotation, node, view, build }: Case): Action[] {
  if (hasStarted(pod)) return [];
  const missing = missingPaths(pod, view.world.podProblems.get(pod.metadata?.uid ?? '') ?? []);
  const mounted = missing.filter((path) => mountedPaths(pod).includes(path));
  if (mounted.length === 0) return [];
  const without = [...new Set([...knownMissing(node.inventory), ...mounted])].toSorted();
  const next = build.rotate(node.node, rotation, view.world.configuration, { without });
  const name = `${pod.metadata?.name ?? 'rotate'}-${shortHash(without.join())}`;
  return [{ type: 'create-pod', pod: { ...next, metadata: { ...next.metadata, name } } }];
}

function noteRunning({ rotation, view }: Case, { rotate }: Pods): Action[] {
  if (rotation.status?.phase === 'Running' || rotate === undefined || !hasStarted(rotate)) return [];
  const message = 'the Pod on the node is at work';
  return [
    ...patch(rotation, {
      phase: 'Running',
      reason: 'Running',
      message,
      conditions: withCondition(
        rotation,
        { type: 'Running', status: 'True', reason: 'Running', message },
        view.world.now,
      ),
    }),
    ...tell(rotation, 'Normal', 'Running', message),
  ];
}

/** Undefined: there is still hope. */
function givenUp({ rotation, node, view }: Case, pods: Pods): Action[] | undefined {
  const { now } = view.world;
  const stuck = [pods.restart, pods.rotate].find((pod) => pod !== undefined && isStuck(pod, now));
  const advice = () => manualAdvice(node, rotation.spec.certificates, view);
  if (stuck !== undefined) {
    const why = waitingReason(stuck);
    const message = `the kubelet of ${node.name} does not start Pods${why === '' ? '' : ` (${why})`}; ${advice()}`;
    return end(rotation, { phase: 'NeedsManual', reason: 'KubeletNotTakingPods', message }, now);
  }
  const { rotate } = pods;
  const neverAsked = rotate !== undefined && !hasApplied(rotate) && ageOf(rotate, now) > requestLimit;
  if (neverAsked) {
    const said = requestSays(rotate);
    const message = `no certificates were issued within ${requestLimit / 60_000} min, nothing was changed${said}`;
    return end(rotation, { phase: 'Failed', reason: 'SigningRefused', message }, now);
  }
  const since = now.getTime() - Date.parse(rotation.status?.startedAt ?? '');
  if (since > runningLimit) {
    const message = `it has not ended within ${runningLimit / 60_000} min; the next start of the tool resumes it: ${advice()}`;
    return end(rotation, { phase: 'NeedsManual', reason: 'Interrupted', message }, now);
  }
  return undefined;
}

function hasApplied(pod: Pod): boolean {
  const apply = containerOf(pod, 'apply');
  if (apply === undefined) return false;
  return (
    apply.state?.running !== undefined || apply.state?.terminated !== undefined || apply.restartCount > 0
  );
}

/** Why `request` did not get on, as it said when it last ended. */
function requestSays(pod: Pod): string {
  const request = containerOf(pod, 'request');
  const terminated = request?.state?.terminated ?? request?.lastState?.terminated;
  if (terminated?.message === undefined) return '';
  const answer = decodeMessages([terminated.message], checkers.done);
  return answer.kind === 'error' ? `: ${answer.error.message}` : '';
}
