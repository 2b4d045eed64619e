// What all faces share: the node as this container sees it, the environment, and the one message at the end.
import * as fs from 'node:fs';
import process from 'node:process';
import { certificateIds, type CertificateId } from '../catalogue/ids.ts';
import { CertError, describeError } from '../errors.ts';
import { nodeFiles } from '../host/node-files.ts';
import { reachUnder } from '../host/discovery.ts';
import type { SeenFiles } from '../rotation/inventory.ts';
import { encodeError } from './message.ts';
import { env } from './protocol.ts';

export type Environment = NodeJS.ProcessEnv;

export interface SeenNode extends SeenFiles {
  readonly root: string;
}

export function seenNode(environment: Environment): SeenNode {
  const root = environment[env.hostRoot] ?? '/';
  return { root, files: nodeFiles(root), isReachable: reachUnder(root) };
}

/**
 * Runs a face and leaves its message, an error's too. An error ends with `exitOnError`: 0 where the controller reads the
 * message and makes another Pod, 1 where the kubelet shall start the container again and the journal be resumed.
 */
export async function say(
  environment: Environment,
  work: () => string | Promise<string>,
  exitOnError: 0 | 1 = 0,
): Promise<number> {
  // Opened first: restart-kubelet leaves this root for the host's.
  const log = fs.openSync(environment[env.terminationLog] ?? '/dev/termination-log', 'w');
  try {
    fs.writeSync(log, await work());
    return 0;
  } catch (error) {
    process.stderr.write(`cert-renew: ${describeError(error)}\n`);
    fs.writeSync(log, encodeError(error));
    return exitOnError;
  } finally {
    fs.closeSync(log);
  }
}

/** @throws CertError Usage when the variable is missing or empty */
export function needed(environment: Environment, name: string): string {
  const value = environment[name];
  if (value !== undefined && value !== '') return value;
  throw new CertError('Usage', `the environment variable ${name} is missing; the controller sets it`);
}

/** A whole number of at least `least`, or what holds when the variable is absent. @throws CertError Usage */
export function whole(environment: Environment, name: string, otherwise: number, least = 0): number {
  const text = environment[name];
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new CertError('Usage', `${name}=${text} is not a whole number of at least ${least}`);
}

/** @throws CertError Usage for an id that is not of the catalogue */
export function certificateIdsOf(environment: Environment): readonly CertificateId[] {
  return needed(environment, env.certificates)
    .split(',')
    .map((text) => {
      const id = certificateIds.find((each) => each === text.trim());
      if (id !== undefined) return id;
      throw new CertError('Usage', `${env.certificates}: the catalogue has no ${JSON.stringify(text)}`);
    });
}
