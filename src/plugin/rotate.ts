// kubectl certrot rotate NODE
import { Command } from 'commander';
import { complain } from '../cli/output.ts';
import { usage } from '../cli/grammar.ts';
import { writeOf, type NewRotation } from '../view/actions.ts';
import { gateMessage, type Message } from '../view/messages/message.ts';
import type { Seen, SeenNode } from '../view/picture.ts';
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
import { restartsLine } from './render-plan.ts';
import { linesText } from './text.ts';
import type { Reader } from './words.ts';

interface Options extends ClusterOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
}

export function command(): Command {
  const made = new Command('kubectl certrot rotate')
    .description('Renew everything on a node now, due or not: it joins the queue and passes the same gates.')
    .argument('<NODE>', 'name of the node')
    .option('-y, --yes', 'do not ask');
  return withCluster(withDryRun(made));
}

export async function run(words: readonly string[], surroundings: Surroundings): Promise<number> {
  return await called<Options>(command(), words, surroundings, async (call) => {
    const { options, kubectl, reader, node: name = '' } = call;
    const dryRun = options.dryRun ?? false;
    const isSure = dryRun || options.yes === true;
    const { ask, signal } = surroundings;
    if (!isSure && ask === undefined)
      throw usage('nobody is there to be asked: give --yes, or --dry-run', command());
    const { seen } = await lookAt(kubectl, options.namespace, surroundings.now());
    const node = seen.byName.get(name);
    if (node === undefined) throw noSuchNode(name);
    const write = writeOf({ action: 'rotate', node: name }, seen);
    if (write?.verb !== 'create') {
      print([reader.w('rotate.nothing', { name })]);
      return exitCodes.nothingDone;
    }
    const question = [...aheadLines(write.object, seen, node, reader)];
    if (isSure) print(question);
    else {
      complain(linesText([...question, reader.w('act.confirm.rotate', { name })]) + reader.w('ask.sure'));
      if ((await ask?.('', signal)) !== true) {
        print([reader.w('ask.not')]);
        return exitCodes.nothingDone;
      }
    }
    const made = await send(kubectl, write, { dryRun });
    const { w } = reader;
    print(
      dryRun
        ? [w('dry.rotate')]
        : [w('act.done.rotate', { name }), w('rotate.made', { name: made, node: name })],
    );
    return exitCodes.done;
  });
}

/** What will happen. */
function aheadLines({ spec }: NewRotation, seen: Seen, node: SeenNode, reader: Reader): readonly string[] {
  const { w, list, say } = reader;
  return [
    w('rotate.what', { list: list(spec.certificates) }),
    restartsLine(spec.certificates, reader),
    ...waitsFor(seen, node).map((why) => w('rotate.waits', { why: say(why) })),
  ];
}

/** What will hold it for as long as a person does nothing. */
function waitsFor({ picture }: Seen, { paused }: SeenNode): readonly Message[] {
  const { mode, paused: isAllPaused } = picture.configuration.settings;
  return [
    ...(mode === 'observe' ? [gateMessage('ModeObserve')] : []),
    ...(mode === 'manual' ? [gateMessage('AwaitingApproval')] : []),
    ...(paused || isAllPaused ? [gateMessage('Paused')] : []),
  ];
}
