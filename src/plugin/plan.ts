// kubectl certrot plan
import { Command } from 'commander';
import { planOf } from '../view/plan.ts';
import {
  called,
  print,
  printJson,
  withCluster,
  withJson,
  type ClusterOptions,
  type Surroundings,
} from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { lookAt } from './picture.ts';
import { planLines } from './render-plan.ts';

interface Options extends ClusterOptions {
  readonly json?: boolean;
}

export const command = (): Command =>
  withCluster(
    withJson(
      new Command('kubectl certrot plan').description(
        'Show what is renewed in which order, what restarts with it, and which gate holds what waits.',
      ),
    ),
  );

export async function run(words: readonly string[], surroundings: Surroundings): Promise<number> {
  return await called<Options>(command(), words, surroundings, async ({ options, kubectl, reader }) => {
    const { seen } = await lookAt(kubectl, options.namespace, surroundings.now());
    const plan = planOf(seen);
    if (options.json === true) printJson({ mode: seen.picture.configuration.settings.mode, plan }, reader);
    else print(planLines(plan, reader));
    return exitCodes.done;
  });
}
