// The controller's program in a process of its own, as the image has it.
import { spawn, type ChildProcess } from 'node:child_process';
import * as fs from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { allocator } from '../../deploy/image/allocator.ts';
import { bundle } from '../../scripts/bundle.ts';
import { freePort } from '../../test/free-port.ts';
import type { ScaleCluster } from './cluster.ts';

export const programs = resolve(import.meta.dirname, '../../dist/bench');

export async function bundlePrograms(): Promise<void> {
  for (const name of ['controller', 'web']) await bundle(`src/${name}.ts`, join(programs, `${name}.mjs`));
}

export interface RunningController {
  readonly child: ChildProcess;
  readonly startedAt: number;
  /** Undefined: it does not answer. */
  readonly scrape: () => Promise<string | undefined>;
}

/** @param flags of Node.js, for who looks for the reason of a figure */
export async function startController(
  cluster: ScaleCluster,
  name: string,
  flags: readonly string[] = [],
): Promise<RunningController> {
  const port = await freePort();
  const log = fs.openSync(join(cluster.directory, `${name}.log`), 'a');
  const startedAt = performance.now();
  const heap = heapOf(cluster.memoryLimits.controller);
  const child = spawn(process.execPath, [...heap, ...flags, join(programs, 'controller.mjs')], {
    env: {
      ...allocator,
      PATH: process.env['PATH'],
      CONFIG_FILE: cluster.configuration,
      KUBECONFIG: cluster.controllerKubeconfig,
      LISTEN: `127.0.0.1:${port}`,
      METRICS_LISTEN: `127.0.0.1:${await freePort()}`,
      POD_NAME: name,
    },
    stdio: ['ignore', log, log],
  });
  fs.closeSync(log);
  const scrape = async (): Promise<string | undefined> => {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(20_000) });
      return await answer.text();
    } catch {
      // Not yet, or no more.
      return undefined;
    }
  };
  return { child, startedAt, scrape };
}

/** As V8 sets itself in a container with this limit: half of it, and a small place for what is young. */
export const heapOf = (memoryLimit: number): readonly string[] => [
  `--max-old-space-size=${memoryLimit / 2}`,
  '--max-semi-space-size=1',
];

/** A value of the metrics; NaN where there is none. */
export function valueOf(metrics: string | undefined, series: string): number {
  const line = metrics?.split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? Number.NaN);
}

/** Leads, and has decided over all nodes and carried it out. */
export const isAtWork = (metrics: string | undefined): boolean =>
  valueOf(metrics, 'cert_rotator_leader') === 1 &&
  valueOf(metrics, 'cert_rotator_passes_total{result="ok"}') >= 1;

export async function until(ask: () => Promise<boolean>, what: string, seconds: number): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await ask())) {
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await wait(250);
  }
}
