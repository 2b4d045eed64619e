// kubectl certrot version
import process from 'node:process';
import { Command } from 'commander';
import { build } from '../build.ts';
import { parse, unlessHelp } from '../cli/grammar.ts';
import { say } from '../cli/output.ts';
import { exitCodes } from './exit-codes.ts';

interface Options {
  readonly json?: boolean;
}

export const command = (): Command =>
  new Command('kubectl certrot version')
    .description('Print version, commit, date and platform of this plugin.')
    .option('--json', 'print one JSON object');

export async function run(words: readonly string[]): Promise<number> {
  return await unlessHelp(parse<Options>(command(), words), ({ options }) => {
    const { version, commit, modified, date } = build;
    const platform = `${process.platform}-${process.arch}`;
    if (options.json === true) {
      const told = { schema: 1, version, commit: commit ?? null, modified, date: date ?? null, platform };
      say(`${JSON.stringify(told)}\n`);
    } else {
      const which = `${commit ?? 'unknown'}${modified ? ', with changes that are not in it' : ''}`;
      say(
        `kubectl-certrot ${version}\ncommit    ${which}\nbuilt     ${date ?? 'unknown'}\nplatform  ${platform}\n`,
      );
    }
    return exitCodes.done;
  });
}
