// The node as the rotation's procedure wants it, seen from a container of the rotate Pod.
import { randomBytes } from 'node:crypto';
import { hostLayout } from '../host/layout.ts';
import { withLock } from '../host/lock.ts';
import { readMachineId } from '../host/machine.ts';
import { realNode, sleep } from '../rotation/real-node.ts';
import { requestRestart } from '../rotation/restart-request.ts';
import type { RotationNode } from '../rotation/types.ts';
import { needed, type Environment, type SeenNode } from './face.ts';
import { env } from './protocol.ts';

/** Another rotation, or an operator's cert-renew, may hold the node for as long as its restarts take. */
const lockTimeoutMs = 300_000;
/** systemctl's own limit, its retry, and a servant that is just starting. */
const restartTimeoutMs = 300_000;

export function rotationNode(environment: Environment, { files, root }: SeenNode): RotationNode {
  const layout = hostLayout();
  return realNode({
    root,
    procRoot: under(root, '/proc'),
    layout,
    machineId: environment[env.machineID] || readMachineId(files),
    restartKubelet: async (signal) => {
      const id = `${needed(environment, env.rotationUID)}-${randomBytes(6).toString('hex')}`;
      await requestRestart(files, layout, { id, timeoutMs: restartTimeoutMs, sleep }, signal);
    },
  });
}

/** Runs `work` with the lock of the node, the same file that `cert-renew` on the host locks. */
export async function locked<T>({ root }: SeenNode, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const { lock } = hostLayout();
  return await withLock(under(root, lock), { timeoutMs: lockTimeoutMs, signal }, work);
}

/** Where a path of the node is seen by this process. */
export function under(root: string, path: string): string {
  return root === '/' ? path : `${root}${path}`;
}
