// `cert-renew agent scan`: what certificates this node has. Reads only; its answer is the termination message (R7).
import { dirname } from 'node:path';
import process from 'node:process';
import type { Discovery } from '../catalogue/discover.ts';
import { notesBeside } from '../catalogue/missed.ts';
import { unseenNotes } from '../catalogue/unseen-notes.ts';
import { discoverNode } from '../host/discovery.ts';
import { hostLayout } from '../host/layout.ts';
import { readMachineId } from '../host/machine.ts';
import { say, seenNode, whole, type Environment, type SeenNode } from './face.ts';
import { encodeMessage } from './message.ts';
import { env, toolNotes, type InventoryRow, type ScanResult } from './protocol.ts';
import { caRow, rowContext, sortRows, targetRow } from '../rotation/inventory.ts';
import { toolOf } from './tool.ts';

export async function run(environment: Environment, _signal: AbortSignal): Promise<number> {
  return await say(environment, () => {
    const part = whole(environment, env.part, 0);
    const parts = whole(environment, env.parts, 1, 1);
    const node = seenNode(environment);
    const machineID = environment[env.machineID] || readMachineId(node.files);
    return encodeMessage(scan(node, { machineID, now: new Date() }), { part, parts });
  });
}

/** The inventory of a node, as far as it is seen from here. */
export function scan(
  node: SeenNode,
  about: { readonly machineID: string; readonly now: Date; readonly executable?: string },
): ScanResult {
  const discovery = discoverNode(node.files, node.isReachable);
  const tool = toolNote(node, about.executable ?? process.execPath);
  const notes = [
    ...notesBeside(discovery),
    ...unseenNotes(discovery.missed),
    ...discovery.restartNotes,
    ...tool,
  ];
  return {
    schema: 1,
    machineID: about.machineID,
    clock: about.now.toISOString(),
    certificates: sortRows([...targetRows(node, discovery, notes), ...caRows(node, discovery)]),
    notes: notes.toSorted(),
  };
}

function targetRows(node: SeenNode, discovery: Discovery, notes: string[]): readonly InventoryRow[] {
  const context = rowContext(node, discovery);
  return discovery.targets.flatMap((target) => {
    const row = targetRow(node, target, context);
    if (row !== undefined) return [row];
    // etcd's health checks do without it since kubeadm 1.29.
    if (target.id !== 'etcd/healthcheck-client.crt') notes.push(`${target.id} is not where it should be`);
    return [];
  });
}

function caRows(node: SeenNode, { cas }: Discovery): readonly InventoryRow[] {
  return cas.flatMap((ca) => caRow(node, ca) ?? []);
}

/** Whether an operator finds the tool on this node, should the cluster not be there (R18). */
function toolNote({ files, isReachable }: SeenNode, executable: string): readonly string[] {
  const { tool } = hostLayout();
  if (!isReachable(tool)) return [];
  if (files.stat(tool)?.kind !== 'file') return [toolNotes.absent];
  const own = toolOf(executable);
  const isHere = ({ name, sha256 }: { readonly name: string; readonly sha256: string }): boolean => {
    const path = `${dirname(tool)}/${name}`;
    return files.stat(path)?.kind === 'file' && files.sha256(files.realpath(path)) === sha256;
  };
  return [...own.files, own.checksums].every(isHere) ? [] : [toolNotes.stale];
}
