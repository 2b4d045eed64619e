// kubectl certrot status
import { Command } from 'commander';
import { nodeRows } from '../view/nodes.ts';
import { summaryOf } from '../view/summary.ts';
import {
  called,
  print,
  printJson,
  withCluster,
  withJson,
  type ClusterOptions,
  type Surroundings,
} from './command.ts';
import { lookAt } from './picture.ts';
import { statusCode, statusLines } from './render-status.ts';

interface Options extends ClusterOptions {
  readonly json?: boolean;
  readonly all?: boolean;
}

export function command(): Command {
  const made = new Command('kubectl certrot status')
    .description('Say whether the cluster is safe and until when, what happens next, and what needs you.')
    .option('--all', 'every node, also those that need nothing');
  return withCluster(withJson(made));
}

export async function run(words: readonly string[], surroundings: Surroundings): Promise<number> {
  return await called<Options>(command(), words, surroundings, async ({ options, kubectl, reader }) => {
    const { seen, blind } = await lookAt(kubectl, options.namespace, surroundings.now());
    const summary = summaryOf(seen);
    const rows = nodeRows(seen);
    if (options.json === true) printJson({ summary, nodes: rows, blind }, reader);
    else print(statusLines({ summary, rows, blind, all: options.all ?? false }, reader));
    return statusCode(summary);
  });
}
