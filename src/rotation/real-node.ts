// The real node behind the procedure; tests make their own.
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { CertError } from '../errors.ts';
import { hostLayout, type HostLayout } from '../host/layout.ts';
import { nodeFiles } from '../host/node-files.ts';
import { nodeProbes } from '../host/probes.ts';
import { nodeProcesses } from '../host/processes.ts';
import type { RotationNode } from './types.ts';

export interface RealNodeOptions {
  /** Where the node's root directory is seen; '/' on the node itself. */
  readonly root?: string;
  /** Where the node's /proc is seen. */
  readonly procRoot?: string;
  readonly layout?: HostLayout;
  readonly machineId: string;
  readonly restartKubelet: (signal: AbortSignal) => Promise<void>;
  readonly endProcess?: RotationNode['endProcess'];
}

export function realNode(options: RealNodeOptions): RotationNode {
  return {
    files: nodeFiles(options.root ?? '/'),
    layout: options.layout ?? hostLayout(),
    machineId: options.machineId,
    probes: nodeProbes(),
    processes: nodeProcesses(options.procRoot ?? '/proc'),
    restartKubelet: options.restartKubelet,
    ...(options.endProcess === undefined ? {} : { endProcess: options.endProcess }),
    now: () => new Date(),
    random: (size) => new Uint8Array(randomBytes(size)),
    sleep,
  };
}

/** Errors: Aborted. */
export async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(milliseconds, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new CertError('Aborted', 'interrupted while waiting', { cause: error });
  }
}
