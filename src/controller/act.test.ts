import type { Pod } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import type { KubeClient, Written } from '../kube/client.ts';
import type { CertificateRotation } from '../kube/types.ts';
import { act, statusPatch } from './act.ts';
import { EventRecorder } from './events.ts';
import { decide } from './decide/index.ts';
import { SimulatedCluster } from './decide/simulated.ts';
import { Caches } from './gather.ts';
import { createLog } from '../log.ts';
import { Pace } from './pace.ts';
import type { Action } from './world.ts';

/** A client of which every call is answered by `answer`, and written down. */
function clientOf(answer: (call: string) => unknown): { client: KubeClient; calls: string[] } {
  const calls: string[] = [];
  const reply = async (call: string): Promise<unknown> => {
    calls.push(call);
    return answer(call);
  };
  const handler: ProxyHandler<object> = {
    get:
      (_, verb: string) =>
      async (of: { kind: string }, object: { metadata?: { name?: string }; name?: string }) =>
        reply(`${verb} ${of.kind} ${object.metadata?.name ?? object.name ?? ''}`),
  };
  const client: KubeClient = new Proxy<KubeClient>(Object.create(null), handler);
  return { client, calls };
}

function createPod(name: string): Action {
  const pod: Pod = {
    metadata: { name, namespace: 'cluster-cert-rotator' },
    spec: { nodeName: 'n1', containers: [] },
  };
  return { type: 'create-pod', pod };
}

async function run(
  actions: readonly Action[],
  answer: (call: string) => unknown,
  onProgress: () => void = () => undefined,
  other?: KubeClient,
  pace = new Pace(),
): Promise<string[]> {
  const { client: usual, calls } = clientOf(answer);
  const client = other ?? usual;
  const caches = new Caches(
    client,
    'public',
    () => undefined,
    () => () => undefined,
  );
  const events = new EventRecorder(client, 'test');
  try {
    const log = createLog('silent');
    await act(actions, { client, caches, events, log, publicNamespace: 'public', pace, onProgress });
  } catch (error) {
    calls.push(error instanceof CertError ? `throws ${error.code}` : String(error));
  }
  return calls;
}

const done: Written<object> = { ok: true, object: { metadata: { name: 'x' } } };

describe('acting', () => {
  it('carries actions out in their order', async () => {
    expect(await run([createPod('a'), createPod('b')], () => done)).toEqual(['create Pod a', 'create Pod b']);
  });

  it('tells of progress after every action, whatever became of it', async () => {
    let told = 0;
    await run(
      [createPod('a'), createPod('b')],
      (call) => {
        if (call.startsWith('create Pod a')) throw new CertError('Denied', 'quota');
        return done;
      },
      () => (told += 1),
    );
    expect(told).toBe(2);
  });

  it('takes what exists already for the work of another', async () => {
    const exists = { ok: false, why: 'exists', message: '' };
    expect(await run([createPod('a')], () => exists)).toEqual(['create Pod a']);
  });

  it('tells a refusal on the node and goes on', async () => {
    const calls = await run([createPod('a'), createPod('b')], (call) => {
      if (call === 'create Pod a') throw new CertError('Denied', 'quota');
      return done;
    });
    expect(calls).toEqual(['create Pod a', expect.stringMatching(/^create Event n1\./), 'create Pod b']);
  });

  it('tells on its node that an inventory may not be written', async () => {
    const found = { schema: 1, machineID: 'm', clock: '', certificates: [], notes: [] } as const;
    const node = { metadata: { name: 'n1', uid: 'u' } };
    const calls = await run([{ type: 'write-inventory', node, result: found, collectedAt: '' }], (call) => {
      if (call.startsWith('create ConfigMap')) throw new CertError('Denied', 'too large');
      return done;
    });
    expect(calls.at(-1)).toMatch(/^create Event n1\./);
  });

  it('goes on past one call that the server fails, and reports it', async () => {
    const calls = await run([createPod('a'), createPod('b')], (call) => {
      if (call === 'create Pod a') throw new CertError('Unreachable', 'a webhook did not answer');
      return done;
    });
    expect(calls).toEqual(['create Pod a', 'create Pod b', 'throws Unreachable']);
  });

  it('does not ask a server that is away again and again', async () => {
    const calls = await run(['a', 'b', 'c', 'd', 'e'].map(createPod), () => {
      throw new CertError('Unreachable', 'nobody there');
    });
    expect(calls).toEqual(['create Pod a', 'create Pod b', 'create Pod c', 'throws Unreachable']);
  });

  it('stops at once when it no longer leads', async () => {
    const calls = await run([createPod('a'), createPod('b')], () => {
      throw new CertError('Aborted', 'no longer leading');
    });
    expect(calls).toEqual(['create Pod a', 'throws Aborted']);
  });

  it('writes no status that is there already', async () => {
    const rotation: CertificateRotation = {
      metadata: { name: 'r', resourceVersion: '1' },
      spec: { nodeName: 'n1', nodeUID: 'u', certificates: ['kubelet.crt'], reason: 'Due' },
      status: { phase: 'Pending', reason: 'Paused', steps: [{ name: 's', result: 'done' }] },
    };
    const same = { steps: [{ result: 'done', name: 's' }], reason: 'Paused', phase: 'Pending' } as const;
    expect(await run([{ type: 'patch-rotation-status', rotation, status: same }], () => done)).toEqual([]);
    const next = { ...same, phase: 'Admitted' } as const;
    expect(await run([{ type: 'patch-rotation-status', rotation, status: next }], () => done)).toEqual([
      'patch CertificateRotation r',
    ]);
  });
});

it('a status that is refused is written without what the agent said', async () => {
  const rotation: CertificateRotation = {
    metadata: { name: 'r', resourceVersion: '1' },
    spec: { nodeName: 'n1', nodeUID: 'u', certificates: ['kubelet.crt'], reason: 'Due' },
    status: { phase: 'Running' },
  };
  const status = {
    phase: 'Failed',
    reason: 'AgentFailed',
    steps: [{ name: 's', startedAt: 'soon' }],
  } as const;
  const written: object[] = [];
  const { client } = clientOf(() => done);
  const answers = {
    patch: async (_: object, __: object, { status: change }: { status: object }) => {
      written.push(change);
      if ('steps' in change) throw new CertError('Denied', 'startedAt: must be a date-time');
      return done;
    },
  };
  const fussy: KubeClient = Object.assign(Object.create(client), answers);
  await run([{ type: 'patch-rotation-status', rotation, status }], () => done, undefined, fussy);
  expect(written.at(-1)).toEqual({ phase: 'Failed', reason: 'AgentFailed' });
});

describe('statusPatch', () => {
  it('holds what differs and nothing else', () => {
    expect(
      statusPatch({ phase: 'Pending', reason: 'Paused' }, { phase: 'Admitted', reason: 'Paused' }),
    ).toEqual({
      phase: 'Admitted',
    });
    expect(statusPatch({ attempts: 1 }, { attempts: 1 })).toBeUndefined();
  });
});

const waiting: CertificateRotation = {
  metadata: { name: 'r' },
  spec: { nodeName: 'n1', nodeUID: 'u', certificates: ['kubelet.crt'], reason: 'Due' },
};

/** One that has been read, with something to be planned for some day, and so many that have not. */
function decidedWith(unread: number): readonly Action[] {
  const cluster = new SimulatedCluster({ stageTool: 'none', parallelScans: 1000 });
  const add = (name: string) => cluster.add(name, 'worker', () => ({ age: 50, lifetime: 91 }));
  add('w0');
  cluster.run(20);
  expect(cluster.rotations.map(({ status }) => status?.phase)).toEqual(['Scheduled']);
  cluster.rotations = [];
  for (let i = 1; i <= unread; i += 1) add(`w${i}`);
  return decide(cluster.world());
}

const begunOf = async (actions: readonly Action[]) => {
  const pace = new Pace(() => 0);
  // Room for 39 scans and a rotation.
  pace.pass()({ type: 'patch-rotation-status', rotation: waiting, status: { phase: 'Pending' } });
  const calls = await run(actions, () => done, undefined, undefined, pace);
  return ['Pod', 'CertificateRotation'].map(
    (kind) => calls.filter((call) => call.startsWith(`create ${kind} `)).length,
  );
};

it('begins what is decided for more nodes than there is room for scans first', async () => {
  expect(await begunOf(decidedWith(60))).toEqual([39, 0]);
  expect(await begunOf(decidedWith(30))).toEqual([30, 1]);
});
