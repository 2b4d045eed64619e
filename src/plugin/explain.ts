// kubectl certrot explain NODE
import { Command } from 'commander';
import { nodePageOf } from '../view/node.ts';
import {
  called,
  noSuchNode,
  print,
  printJson,
  withCluster,
  withJson,
  type ClusterOptions,
  type Surroundings,
} from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { lookAt } from './picture.ts';
import { explainLines } from './render-explain.ts';

interface Options extends ClusterOptions {
  readonly json?: boolean;
}

export function command(): Command {
  const made = new Command('kubectl certrot explain')
    .description(
      'Show every certificate of a node, what is due and why, what holds it, and its last rotation.',
    )
    .argument('<NODE>', 'name of the node');
  return withCluster(withJson(made));
}

export async function run(words: readonly string[], surroundings: Surroundings): Promise<number> {
  return await called<Options>(command(), words, surroundings, async (call) => {
    const { options, kubectl, reader, node = '' } = call;
    const now = surroundings.now();
    const { seen } = await lookAt(kubectl, options.namespace, now);
    const page = nodePageOf(seen, node);
    if (page === undefined) throw noSuchNode(node);
    const { trigger } = seen.picture.configuration.settings;
    if (options.json === true) printJson(page, reader);
    else print(explainLines({ page, trigger, now: now.getTime() }, reader));
    return exitCodes.done;
  });
}
