// The API servers as somebody sees them who stands outside: each is asked for /readyz on its own node's address, once a
// second, over a connection of its own, whether or not the last answer has come.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import type { Bed } from './bed.ts';
import { pause } from './command.ts';

export interface Sample {
  readonly at: Date;
  /** Node → what was wrong; a node that is ready is absent. */
  readonly notReady: ReadonlyMap<string, string>;
  /** Milliseconds until all had answered. */
  readonly took: number;
}

export interface Outage {
  readonly node: string;
  readonly from: Date;
  readonly until: Date;
  /** What was seen first. */
  readonly problem: string;
}

export interface Watch {
  stop(): Promise<readonly Sample[]>;
}

/**
 * Asks until it is stopped. An answer that takes longer than `patience` milliseconds is none: one that is away refuses at once,
 * and all are slow for some seconds while other clusters start on the same machine.
 */
export function watchReadiness(bed: Bed, patience = 10_000): Watch {
  const ca = readFileSync(bed.file('n1', '/etc/kubernetes/pki/ca.crt'), 'utf8');
  const ending = new AbortController();
  const looks: Promise<Sample>[] = [];
  const look = async (): Promise<Sample> => {
    const at = new Date();
    const answers = await Promise.all(
      bed.controlPlanes.map(async (node) => [node, await ask(bed.address(node), ca, patience)] as const),
    );
    const notReady = answers.flatMap(([node, problem]) =>
      problem === undefined ? [] : [[node, problem] as const],
    );
    return { at, notReady: new Map(notReady), took: Date.now() - at.getTime() };
  };
  const watch = async () => {
    while (!ending.signal.aborted) {
      looks.push(look());
      await pause(1000);
    }
  };
  const running = watch();
  return {
    stop: async () => {
      ending.abort();
      await running;
      return await Promise.all(looks);
    },
  };
}

/** Undefined: ready. */
async function ask(host: string, ca: string, patience: number): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const call = request({ host, port: 6443, path: '/readyz', ca, agent: false }, (answer) => {
      answer.on('error', (error) => resolve(error.message));
      answer.on('end', () => resolve(answer.statusCode === 200 ? undefined : `status ${answer.statusCode}`));
      answer.resume();
    });
    const limit = setTimeout(() => call.destroy(new Error(`no answer within ${patience} ms`)), patience);
    call.on('close', () => clearTimeout(limit));
    call.on('error', (error) => resolve(error.message));
    call.end();
  });
}

/** The stretches in which a node was not ready. */
export function outages(samples: readonly Sample[]): readonly Outage[] {
  const all: Outage[] = [];
  const open = new Map<string, Outage>();
  for (const { at, notReady } of samples) {
    for (const [node, problem] of notReady) {
      open.set(node, { node, from: at, problem, ...open.get(node), until: at });
    }
    for (const [node, outage] of open) {
      if (notReady.has(node)) continue;
      all.push({ ...outage, until: at });
      open.delete(node);
    }
  }
  return [...all, ...open.values()].toSorted((a, b) => a.from.getTime() - b.from.getTime());
}

/** `312 looks, the slowest took 812 ms`, and each outage on a line of its own. */
export function tellOutages(samples: readonly Sample[]): string {
  const slowest = Math.max(...samples.map(({ took }) => took));
  const lines = outages(samples).map(({ node, from, until, problem }) => {
    const seconds = ((until.getTime() - from.getTime()) / 1000).toFixed(0).padStart(4);
    return `  ${node} not ready for ${seconds} s from ${from.toISOString()} to ${until.toISOString()}: ${problem}`;
  });
  return [`${samples.length} looks, the slowest took ${slowest} ms`, ...lines].join('\n');
}
