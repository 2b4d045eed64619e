// kubectl certrot approve NODE
import { Command } from 'commander';
import { writeOf } from '../view/actions.ts';
import { planOf } from '../view/plan.ts';
import { send } from './act.ts';
import {
  called,
  noSuchNode,
  print,
  withCluster,
  withDryRun,
  type ClusterOptions,
  type Surroundings,
} from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { lookAt } from './picture.ts';

interface Options extends ClusterOptions {
  readonly dryRun?: boolean;
}

export function command(): Command {
  const made = new Command('kubectl certrot approve')
    .description('In mode manual: let the rotation of a node that waits for it begin, once it is due.')
    .argument('<NODE>', 'name of the node');
  return withCluster(withDryRun(made));
}

export async function run(words: readonly string[], surroundings: Surroundings): Promise<number> {
  return await called<Options>(command(), words, surroundings, async (call) => {
    const { options, kubectl, reader, node: name = '' } = call;
    const { seen } = await lookAt(kubectl, options.namespace, surroundings.now());
    if (!seen.byName.has(name)) throw noSuchNode(name);
    const waits = planOf(seen).find(({ node, approvable }) => node === name && approvable);
    const write = waits && writeOf({ action: 'approve', rotation: waits.name }, seen);
    if (write === undefined) {
      print([reader.w('approve.none', { name })]);
      return exitCodes.nothingDone;
    }
    const dryRun = options.dryRun ?? false;
    const rotation = await send(kubectl, write, { dryRun });
    print([dryRun ? reader.w('dry.rotate') : reader.w('act.done.approve', { name: rotation })]);
    return exitCodes.done;
  });
}
