// cert-renew completion bash|zsh: made from the grammar that parses, so that it knows what the program knows.
import { Argument, Command } from 'commander';
import { commands, renewEntry } from './commands.ts';
import { bashScript, zshScript, type Completed } from './completion-scripts.ts';
import { exitCodes } from './exit-codes.ts';
import { parse, unlessHelp } from './grammar.ts';
import { say } from './output.ts';

const scripts: Readonly<Record<string, (all: readonly Completed[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
};

export function command(): Command {
  return new Command('cert-renew completion')
    .description('Print a script that completes the commands, options and files of cert-renew.')
    .addArgument(new Argument('<SHELL>', 'whose script').choices(Object.keys(scripts)))
    .addHelpText(
      'after',
      `
bash: cert-renew completion bash > /etc/bash_completion.d/cert-renew
      or: eval "$(cert-renew completion bash)"
zsh:  cert-renew completion zsh > "\${fpath[1]}/_cert-renew", then start zsh anew`,
    );
}

export async function run(arguments_: readonly string[]): Promise<number> {
  return await unlessHelp(parse(command(), arguments_), async ({ operands: [shell = ''] }) => {
    const script = scripts[shell];
    if (script !== undefined) say(script(await completed()));
    return exitCodes.done;
  });
}

/** Every command that is in the help; the manual's own, which has no name, first. */
export async function completed(): Promise<Completed[]> {
  const shown = Object.entries(commands).filter(([, { summary }]) => summary !== undefined);
  const entries = [['', renewEntry] as const, ...shown];
  return await Promise.all(
    entries.map(async ([name, { load, summary = '' }]) => {
      const { command } = await load();
      return { name, summary, command: command() };
    }),
  );
}
