import { describe, expect, it } from 'vitest';
import type { KubeClient } from '../kube/client.ts';
import { apiVersion, type CertificateRotation, type Phase } from '../kube/types.ts';
import { defaultConfiguration } from './configuration.ts';
import { EventRecorder } from './events.ts';
import { Caches } from './gather.ts';
import { createLog } from '../log.ts';
import { Alarm } from './loop-alarm.ts';
import { runLoop, type LoopParts } from './loop.ts';
import { Metrics } from './metrics.ts';
import type { Action, World } from './world.ts';

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
    patch: async (_: unknown, { name }: { name: string }, { status }: { status: { phase?: string } }) => {
      calls.push(`patch ${name} ${status.phase}`);
      return { ok: true, object: { metadata: { name } } };
    },
  };
  const client: KubeClient = Object.assign(Object.create(null), answers);
  return { client, calls };
}

/** One pass over what was watched; the one rule is that no two may be under way. */
async function pass(
  role: 'control-plane' | 'worker',
  held: readonly CertificateRotation[],
): Promise<string[]> {
  const { client, calls } = serverOf(held);
  const caches = new Caches(
    client,
    'public',
    () => undefined,
    () => () => undefined,
  );
  for (const one of [rotation('n1', 'Pending'), rotation('n2', 'Pending')]) caches.rotations.noteWritten(one);
  Object.defineProperty(caches, 'synced', { value: true });
  const labels = role === 'worker' ? {} : { 'node-role.kubernetes.io/control-plane': '' };
  const stop = new AbortController();
  const parts: LoopParts = {
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
    onPass: () => stop.abort(),
  };
  await runLoop(parts, { signal: stop.signal, holds: () => true });
  return calls;
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
