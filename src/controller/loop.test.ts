import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { KubeClient } from '../kube/client.ts';
import { apiVersion, type CertificateRotation, type Phase } from '../kube/types.ts';
import { defaultConfiguration } from './configuration.ts';
import { end } from './decide/status.ts';
import { EventRecorder, eventName } from './events.ts';
import { Caches } from './gather.ts';
import { createLog } from '../log.ts';
import { Alarm } from './loop-alarm.ts';
import { gatheringFor, runLoop, untilDue, type LoopParts } from './loop.ts';
import { Metrics } from './metrics.ts';
import type { Action, VaultStatus, World } from './world.ts';

function rotation(node: string, phase: Phase): CertificateRotation {
  return {
    apiVersion,
    kind: 'CertificateRotation',
    metadata: { name: `r-${node}`, uid: `uid-${node}`, resourceVersion: phase === 'Running' ? '2' : '1' },
    spec: { nodeName: node, nodeUID: node, certificates: ['apiserver.crt'], reason: 'Due' },
    status: { phase },
  };
}

/** An API server that holds these rotations, whatever was watched, and writes down every call. */
function serverOf(held: readonly CertificateRotation[]): { client: KubeClient; calls: string[] } {
  const calls: string[] = [];
  const answers: Record<string, unknown> = {
    list: async ({ plural }: { plural: string }) => {
      calls.push(`list ${plural}`);
      return { items: plural === 'certificaterotations' ? held : [], resourceVersion: '2' };
    },
    create: async (
      { plural }: { plural: string },
      { metadata: { name } }: { metadata: { name: string } },
    ) => {
      calls.push(`create ${plural} ${name}`);
      return { ok: true, object: { metadata: { name } } };
    },
    patch: async (_: unknown, { name }: { name: string }, { status }: { status: { phase?: string } }) => {
      calls.push(`patch ${name} ${status.phase}`);
      return { ok: true, object: { metadata: { name } } };
    },
  };
  const client: KubeClient = Object.assign(Object.create(null), answers);
  return { client, calls };
}

/** Over an API server that holds these rotations; who gives no other `wake` hears of no change. */
function cachesOver(
  held: readonly CertificateRotation[],
  wake: () => void = () => undefined,
): { caches: Caches; client: KubeClient; calls: string[] } {
  const { client, calls } = serverOf(held);
  const caches = new Caches(client, 'public', wake, () => () => undefined);
  Object.defineProperty(caches, 'synced', { value: true });
  return { caches, client, calls };
}

/** One pass over what was watched; the one rule is that no two may be under way. */
async function pass(
  role: 'control-plane' | 'worker',
  held: readonly CertificateRotation[],
  watched: readonly CertificateRotation[] = [rotation('n1', 'Pending'), rotation('n2', 'Pending')],
): Promise<string[]> {
  const { caches, client, calls } = cachesOver(held);
  for (const one of watched) caches.rotations.noteWritten(one);
  const stop = new AbortController();
  const parts = { ...partsOf(client, caches, role), onPass: () => stop.abort() };
  await runLoop(parts, { signal: stop.signal, holds: () => true });
  return calls;
}

function partsOf(client: KubeClient, caches: Caches, role: 'control-plane' | 'worker'): LoopParts {
  const labels = role === 'worker' ? {} : { 'node-role.kubernetes.io/control-plane': '' };
  return {
    client,
    caches,
    gatherer: {
      gather: async ({ now, configuration, vault }) => ({
        now,
        configuration,
        vault,
        nodes: ['n1', 'n2'].map((name) => ({ metadata: { name, uid: name, labels } })),
        inventories: new Map(),
        rotations: caches.rotations.values(),
        pods: [],
        health: undefined,
        liveSerials: new Map(),
        signed: new Map(),
        podProblems: new Map(),
      }),
    },
    keepServing: async () => undefined,
    keepDownloads: async () => [],
    authority: {
      status: () => ({ cas: {} }),
      refresh: async () => undefined,
      capture: async () => [],
    },
    alarm: new Alarm(),
    configuration: {
      look: () => ({ configuration: defaultConfiguration, changed: false, problem: undefined }),
    },
    events: new EventRecorder(client, 'test'),
    metrics: new Metrics(),
    log: createLog('silent'),
    publicNamespace: 'public',
    skew: () => 0,
    admission: async () => undefined,
    decide: admitFirst,
    sign: async () => [],
    onPass: () => undefined,
  };
}

function admitFirst({ rotations }: World): readonly Action[] {
  const [first] = rotations.filter(({ status }) => status?.phase === 'Pending');
  if (first === undefined || rotations.some(({ status }) => status?.phase === 'Running')) return [];
  return [{ type: 'patch-rotation-status', rotation: first, status: { phase: 'Admitted' } }];
}

describe('one control plane at a time', () => {
  const asWatched = [rotation('n1', 'Pending'), rotation('n2', 'Pending')];
  const n2Runs = [rotation('n1', 'Pending'), rotation('n2', 'Running')];

  it('is asked of what the API server holds, not of what was watched', async () => {
    expect(await pass('control-plane', n2Runs)).toEqual(['list certificaterotations', 'list pods']);
  });

  it('goes when the API server says the same', async () => {
    const calls = await pass('control-plane', asWatched);
    expect(calls).toEqual(['list certificaterotations', 'list pods', 'patch r-n1 Admitted']);
  });

  it('costs the workers no list', async () => {
    expect(await pass('worker', asWatched)).toEqual(['patch r-n1 Admitted']);
  });
});

describe('how long changes are gathered for', () => {
  it.each([
    ['few nodes are looked at again at once', 2, 10, false, 20],
    ['more of them in the measure of what they cost', 30, 40, false, 90],
    ['or of how long the API took to answer', 10, 150, false, 150],
    ['and never longer than a fifth of a second', 150, 900, false, 200],
    ['or a second where more waits than there is room for', 150, 300, true, 450],
    ['and never longer than that', 500, 300, true, 1000],
  ])('%s', (_, cost, took, hasLeft, expected) => {
    expect(gatheringFor(cost, took, hasLeft)).toBe(expected);
  });
});

it('decides by the same value while what can be signed is the same', async () => {
  const { caches, client } = cachesOver([]);
  const stop = new AbortController();
  const vaults: VaultStatus[] = [];
  const ends = ['2030-01-01T00:00:00Z', '2030-01-01T00:00:00Z', '2031-01-01T00:00:00Z'];
  const parts: LoopParts = {
    ...partsOf(client, caches, 'worker'),
    authority: {
      status: () => ({ cas: { etcd: { sha256: '00', notBefore: '', notAfter: ends[vaults.length] ?? '' } } }),
      refresh: async () => undefined,
      capture: async () => [],
    },
    decide: ({ vault }) => {
      vaults.push(vault);
      if (vaults.length === ends.length) stop.abort();
      return [];
    },
  };
  parts.alarm.next = async () => Promise.resolve();
  await runLoop(parts, { signal: stop.signal, holds: () => true });
  expect(vaults[1]).toBe(vaults[0]);
  expect(vaults[2]?.cas.etcd?.notAfter).toBe(ends[2]);
});

/** Passes until nothing had to be done for a while, over a real alarm that what is written rings. */
async function passesOf(writes: number): Promise<number> {
  let version = 1;
  const alarm = new Alarm();
  const { caches, client } = cachesOver([], alarm.ring);
  const stop = new AbortController();
  let passes = 0;
  let lastAt = performance.now();
  const decide = (): readonly Action[] => {
    passes += 1;
    lastAt = performance.now();
    if (passes > writes) return [];
    version += 1;
    const { metadata, ...rest } = rotation('n1', 'Scheduled');
    caches.rotations.noteWritten({ ...rest, metadata: { ...metadata, resourceVersion: String(version) } });
    return [];
  };
  const running = runLoop(
    { ...partsOf(client, caches, 'worker'), alarm, decide },
    { signal: stop.signal, holds: () => true },
  );
  // Longer than changes are ever gathered for.
  while (performance.now() - lastAt < 400) await wait(20);
  stop.abort();
  await running;
  return passes;
}

/** How long it would wait for changes, milliseconds. */
async function waitOver(planned: readonly CertificateRotation[]): Promise<number | undefined> {
  const { caches, client } = cachesOver([]);
  for (const one of planned) caches.rotations.noteWritten(one);
  const stop = new AbortController();
  let waited: number | undefined;
  const alarm = new Alarm();
  alarm.next = async (most) => {
    waited = most;
    stop.abort();
    return Promise.resolve();
  };
  await runLoop(
    { ...partsOf(client, caches, 'worker'), alarm, decide: () => [] },
    { signal: stop.signal, holds: () => true },
  );
  return waited;
}

describe('the loop', () => {
  it.each([0, 1, 3])(
    'passes once more after each of %i passes that wrote, and then rests',
    async (writes) => {
      expect(await passesOf(writes)).toBe(writes + 1);
    },
  );

  it('waits until what is planned comes due, and no longer than the tick', async () => {
    const dueAt = new Date(Date.now() + 5000).toISOString();
    const soon = await waitOver([{ ...rotation('n1', 'Scheduled'), status: { phase: 'Scheduled', dueAt } }]);
    expect(soon).toBeGreaterThan(3000);
    expect(soon).toBeLessThan(6100);
    expect(await waitOver([])).toBe(30_000);
  });
});

describe('what is planned', () => {
  const now = new Date('2026-01-01T00:00:00.500Z');
  const planned = (phase: Phase, dueAt: string): CertificateRotation => ({
    ...rotation('n1', phase),
    status: { phase, dueAt },
  });

  it('is looked at when it comes due', () => {
    const first = planned('Scheduled', '2026-01-01T00:00:07Z');
    expect(untilDue([planned('Scheduled', '2026-01-01T00:00:09Z'), first], now)).toBe(7500);
  });

  it.each([
    ['nothing', []],
    ['what is at work', [planned('Running', '2026-01-01T00:00:07Z')]],
    ['what was due and stays planned', [planned('Scheduled', '2025-12-31T23:59:59Z')]],
    ['what does not say when', [rotation('n1', 'Scheduled')]],
    ['what says nothing that is a time', [planned('Scheduled', 'soon')]],
  ])('does not shorten the wait for %s', (_, rotations) => {
    expect(untilDue(rotations, now)).toBe(Infinity);
  });
});

describe('the Events about an end', () => {
  const running = rotation('n1', 'Running');
  /** As `end` wrote it so many minutes ago, and as its Events would have been called. */
  function endedBefore(minutes: number): { rotation: CertificateRotation; names: readonly string[] } {
    const now = new Date(Date.now() - minutes * 60_000);
    const message = 'all is proved: serial 1a';
    const actions = end(running, { phase: 'Succeeded', reason: 'Renewed', message }, now);
    const names = actions.flatMap((one) =>
      one.type === 'event' ? [`create events ${eventName(one.event)}`] : [],
    );
    const status = actions.flatMap((one) => (one.type === 'patch-rotation-status' ? [one.status] : []))[0];
    return { rotation: { ...running, ...(status === undefined ? {} : { status }) }, names };
  }

  it('that were lost with the API server are told by the pass that follows, whoever leads then', async () => {
    const { rotation, names } = endedBefore(5);
    expect(names).toHaveLength(2);
    expect(await pass('worker', [], [rotation])).toEqual(names);
  });

  it('of long ago are not told again, nor those of what was never begun', async () => {
    const withdrawn = {
      ...running,
      status: { ...endedBefore(1).rotation.status, phase: 'Superseded' as const },
    };
    expect(await pass('worker', [], [endedBefore(50).rotation, withdrawn])).toEqual([]);
  });
});
