// kubectl certrot completion: kubectl asks an executable `kubectl_complete-certrot` in PATH what may follow; this prints it.
import { Command } from 'commander';
import { parse, unlessHelp } from '../cli/grammar.ts';
import { say } from '../cli/output.ts';
import { CertError } from '../errors.ts';
import { resources } from '../kube/resources.ts';
import { printable } from '../formats/text.ts';
import type { Surroundings } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { createKubectl } from './kubectl.ts';

export const command = (): Command =>
  new Command('kubectl certrot completion')
    .description('Print the program by which kubectl completes commands, options and names of nodes.')
    .addHelpText(
      'after',
      `
Put it into PATH beside the plugin, once, where kubectl's own completion is at work:
  kubectl certrot completion > kubectl_complete-certrot && chmod +x kubectl_complete-certrot`,
    );

const script = `#!/bin/sh
# made by: kubectl certrot completion
exec kubectl certrot __complete "$@"
`;

export async function run(words: readonly string[]): Promise<number> {
  return await unlessHelp(parse(command(), words), () => {
    say(script);
    return exitCodes.done;
  });
}

/** What a command is to its completion. */
export interface Completable {
  readonly summary: string;
  readonly command: () => Command;
}

/** What may stand in the place of the last word, a line each, as kubectl wants it: its last line is a directive. */
export async function complete(
  words: readonly string[],
  commands: Readonly<Record<string, Completable>>,
  { run }: Pick<Surroundings, 'run'>,
): Promise<number> {
  const [name = '', ...rest] = words;
  const last = rest.at(-1);
  const offered =
    last === undefined
      ? Object.entries(commands).map(([each, { summary }]) => `${each}\t${summary}`)
      : await offeredTo(commands[name]?.command(), rest, run);
  const fitting = offered.filter((each) => each.startsWith(last ?? name));
  // 4: no names of files
  say(`${fitting.map((each) => `${each}\n`).join('')}:4\n`);
  return exitCodes.done;
}

async function offeredTo(
  command: Command | undefined,
  words: readonly string[],
  run: Surroundings['run'],
): Promise<readonly string[]> {
  if (command === undefined) return [];
  if (words.at(-1)?.startsWith('-') === true)
    return command.options.flatMap(({ long, description }) => (long ? [`${long}\t${description}`] : []));
  const isGiven = words.slice(0, -1).some((word) => !word.startsWith('-'));
  if (command.registeredArguments.length === 0 || isGiven) return [];
  try {
    const nodes = await createKubectl(run, {}).list(resources.nodes);
    return nodes.map(({ metadata }) => printable(metadata?.name ?? ''));
  } catch (error) {
    // Where the cluster does not answer there is nothing to offer, and nobody to tell.
    if (error instanceof CertError) return [];
    throw error;
  }
}
