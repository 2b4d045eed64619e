// The node on which the operator's command runs.
import process from 'node:process';
import { CertError } from '../errors.ts';
import { errnoOf } from '../host/errno.ts';
import type { HostLayout } from '../host/layout.ts';
import { hostLayout } from '../host/layout.ts';
import { readMachineId } from '../host/machine.ts';
import { nodeFiles } from '../host/node-files.ts';
import { restartUnit } from '../host/systemd.ts';
import { realNode } from '../rotation/real-node.ts';
import type { RotationNode } from '../rotation/types.ts';

/** @param layout where the product keeps its own things; the backups may lie elsewhere */
export function localNode(layout: HostLayout = hostLayout()): RotationNode {
  return realNode({
    layout,
    machineId: machineIdOf(nodeFiles('/')),
    restartKubelet: (signal) => restartUnit('kubelet', signal),
    endProcess,
  });
}

/** One that has ended by itself meanwhile is what was wanted. */
function endProcess(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

/** A rescue system may have none; a journal that is made there is resumed only where there is none either. */
function machineIdOf(files: RotationNode['files']): string {
  try {
    return readMachineId(files);
  } catch (error) {
    if (error instanceof CertError && error.code === 'NotFound') return 'none';
    throw error;
  }
}
