import type { Pod } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import type { ContainerState } from '../protocol.ts';
import { attemptsOf, endFor, nextFor, ours } from './containers.ts';
import { phaseOf, statusOf } from './status.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const at = (seconds: number): string => new Date(start + seconds * 1000).toISOString();

const pod = (
  restartPolicy: 'Always' | 'OnFailure' | 'Never',
  initContainers: readonly string[] = [],
): Pod => ({
  metadata: { uid: 'u', name: 'p', namespace: 'x' },
  spec: {
    restartPolicy,
    initContainers: initContainers.map((name) => ({ name })),
    containers: [{ name: 'main', image: 'i' }],
  },
});

function state(name: string, attempt: number, exitCode?: number): ContainerState {
  const labels = { [ours.pod]: 'u', [ours.name]: name, [ours.attempt]: String(attempt) };
  const running = exitCode === undefined;
  const ended = running ? {} : { finishedAt: at(1), exitCode };
  return { id: `${name}-${attempt}`, labels, running, startedAt: at(0), ...ended };
}

const next = (of: Pod, states: readonly ContainerState[], seconds = 60) =>
  nextFor(of, attemptsOf(states, 'u'), start + seconds * 1000).map((each) =>
    each.type === 'start'
      ? `start ${each.container.name} ${each.attempt}`
      : each.type === 'over'
        ? each.phase
        : each.type,
  );

describe('what a kubelet does next', () => {
  it('starts what has not been started', () => {
    expect(next(pod('Never'), [])).toEqual(['start main 0']);
  });

  it('leaves alone what runs', () => {
    expect(next(pod('Always'), [state('main', 0)])).toEqual([]);
  });

  it('starts the containers when the init containers are through, one after the other', () => {
    const of = pod('OnFailure', ['first', 'second']);
    expect(next(of, [])).toEqual(['start first 0']);
    expect(next(of, [state('first', 0)])).toEqual([]);
    expect(next(of, [state('first', 0, 0)])).toEqual(['start second 0']);
    expect(next(of, [state('first', 0, 0), state('second', 0, 0)])).toEqual(['start main 0']);
  });

  it.each([
    ['Never', 0, ['Succeeded']],
    ['Never', 1, ['Failed']],
    ['OnFailure', 0, ['Succeeded']],
    ['OnFailure', 1, ['start main 1']],
    ['Always', 0, ['start main 1']],
  ] as const)('restartPolicy %s after exit code %i: %j', (policy, exitCode, expected) => {
    expect(next(pod(policy), [state('main', 0, exitCode)])).toEqual(expected);
  });

  it('waits longer with every attempt', () => {
    expect(next(pod('Always'), [state('main', 0, 1)], 1.5)).toEqual(['wait']);
    expect(next(pod('Always'), [state('main', 2, 1)], 4.5)).toEqual(['wait']);
    expect(next(pod('Always'), [state('main', 2, 1)], 5.5)).toEqual(['start main 3']);
  });

  it('goes no further when an init container has failed and none comes back', () => {
    expect(next(pod('Never', ['first']), [state('first', 0, 1)])).toEqual(['Failed']);
  });

  it('ends what runs of a Pod that shall end', () => {
    const attempts = attemptsOf([state('main', 0, 1), state('main', 1)], 'u');
    expect(endFor(attempts)).toEqual([{ type: 'kill', id: 'main-1' }]);
  });
});

describe('what a kubelet says', () => {
  const facts = {
    hostIP: '127.77.1.1',
    podIP: '127.77.1.10',
    startTime: at(0),
    answers: new Map(),
    problems: new Map(),
    messages: new Map([['main-0', 'ccr1 …']]),
  };

  it('gives the message of an ended container', () => {
    const attempts = attemptsOf([state('main', 0, 0)], 'u');
    const status = statusOf(pod('Never'), { ...facts, attempts });
    expect(status.phase).toBe('Succeeded');
    expect(status.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 0,
      message: 'ccr1 …',
    });
  });

  it('is not ready while a readiness probe fails', () => {
    const attempts = attemptsOf([state('main', 0)], 'u');
    const ready = (answers: ReadonlyMap<string, boolean>) =>
      statusOf(pod('Always'), { ...facts, attempts, answers }).containerStatuses?.[0]?.ready;
    expect(ready(new Map())).toBe(true);
    expect(ready(new Map([['main-0', false]]))).toBe(false);
  });

  it('says that it waits to start one again, and how the last ended', () => {
    const attempts = attemptsOf([state('main', 0, 1)], 'u');
    const [status] = statusOf(pod('OnFailure'), { ...facts, attempts }).containerStatuses ?? [];
    expect(status?.state?.waiting?.reason).toBe('CrashLoopBackOff');
    expect(status?.lastState?.terminated?.exitCode).toBe(1);
  });

  it.each([
    ['Always', [state('main', 0, 1)], 'Running'],
    ['OnFailure', [state('main', 0, 1)], 'Running'],
    ['Never', [state('main', 0, 1)], 'Failed'],
    ['Never', [], 'Pending'],
  ] as const)('restartPolicy %s: phase of %j is %s', (policy, states, phase) => {
    expect(phaseOf(pod(policy), attemptsOf(states, 'u'))).toBe(phase);
  });
});
