// kubectl certrot pause [NODE], resume [NODE]: one node by its annotation, all of them by the configuration.
import { Command } from 'commander';
import { configurationRef } from '../controller/configuration.ts';
import { resources } from '../kube/resources.ts';
import { writeOf } from '../view/actions.ts';
import { pauseAllPatch } from '../view/pause-all.ts';
import { asOperator, send } from './act.ts';
import {
  called,
  noSuchNode,
  print,
  withCluster,
  withDryRun,
  type Call,
  type ClusterOptions,
  type Surroundings,
} from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { lookAt } from './picture.ts';

interface Options extends ClusterOptions {
  readonly dryRun?: boolean;
}

type Wish = 'pause' | 'resume';

const about: Readonly<Record<Wish, string>> = {
  pause: 'Begin nothing new on a node, or without NODE on any. What is at work comes to its end.',
  resume: 'Let a paused node go on, or without NODE all that are not paused by themselves.',
};

function commandOf(wish: Wish): Command {
  const made = new Command(`kubectl certrot ${wish}`)
    .description(about[wish])
    .argument('[NODE]', 'name of the node (default: everything)');
  return withCluster(withDryRun(made));
}

/** The two commands as the table has them. */
export const commandFor = (wish: Wish) => ({
  command: () => commandOf(wish),
  run: async (words: readonly string[], surroundings: Surroundings): Promise<number> =>
    await called<Options>(commandOf(wish), words, surroundings, async (call) =>
      call.node === undefined ? await everything(wish, call) : await oneNode(wish, call.node, call),
    ),
});

async function oneNode(wish: Wish, name: string, call: Call<Options>): Promise<number> {
  const { options, kubectl, reader, surroundings } = call;
  const { seen } = await lookAt(kubectl, options.namespace, surroundings.now());
  const write = writeOf({ action: wish, node: name }, seen);
  if (!seen.byName.has(name) || write === undefined) throw noSuchNode(name);
  const dryRun = options.dryRun ?? false;
  await send(kubectl, write, { dryRun });
  const { w } = reader;
  if (dryRun) print([w('dry.rotate')]);
  else {
    const isStill = wish === 'resume' && seen.picture.configuration.settings.paused;
    print([w(`act.done.${wish}`, { name }), ...(isStill ? [w('resume.still', { name })] : [])]);
  }
  return exitCodes.done;
}

async function everything(wish: Wish, call: Call<Options>): Promise<number> {
  const { options, kubectl, reader, surroundings } = call;
  const { w, list } = reader;
  const map = await asOperator(async () => await kubectl.get(resources.configMaps, configurationRef));
  const patch = pauseAllPatch(map, wish === 'pause');
  if (patch === undefined) {
    print([w(`${wish}.allBefore`)]);
    return exitCodes.nothingDone;
  }
  const dryRun = options.dryRun ?? false;
  await asOperator(
    async () => await kubectl.patch(resources.configMaps, configurationRef, patch, { dryRun }),
  );
  if (dryRun) {
    print([w('dry.rotate')]);
    return exitCodes.done;
  }
  print([w(`act.done.${wish}-all`), w('pause.soon'), w('pause.helm')]);
  if (wish === 'pause') return exitCodes.done;
  const { seen } = await lookAt(kubectl, options.namespace, surroundings.now());
  const paused = seen.nodes.filter(({ paused }) => paused).map(({ name }) => name);
  if (paused.length > 0) print([w('resume.nodes', { count: paused.length, list: list(paused) })]);
  return exitCodes.done;
}
