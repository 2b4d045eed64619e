// cert-renew version: which program this is, so that a person can compare it with what was published.
import process from 'node:process';
import { Command } from 'commander';
import { build } from '../build.ts';
import { ownSha256 } from '../host/executable.ts';
import { exitCodes } from './exit-codes.ts';
import { parse, unlessHelp } from './grammar.ts';
import { say } from './output.ts';

interface Options {
  readonly json?: boolean;
}

export const command = (): Command =>
  new Command('cert-renew version')
    .description('Print version, commit, date and platform of this program, and the sha256 of its file.')
    .option('--json', 'print one JSON object');

export async function run(arguments_: readonly string[]): Promise<number> {
  return await unlessHelp(parse<Options>(command(), arguments_), ({ options }) => {
    say(options.json === true ? renderJson() : renderText());
    return exitCodes.done;
  });
}

const platform = (): string => `${process.platform}-${process.arch}`;

function renderText(): string {
  const commit = build.commit ?? 'unknown';
  return `cert-renew ${build.version}
commit    ${build.modified ? `${commit}, with changes that are not in it` : commit}
built     ${build.date ?? 'unknown'}
platform  ${platform()}
sha256    ${ownSha256() ?? 'none: this is not the executable'}
`;
}

/** Schema 1. */
function renderJson(): string {
  const { version, commit, modified, date } = build;
  const sha256 = ownSha256() ?? null;
  const value = { schema: 1, version, commit: commit ?? null, modified, date: date ?? null };
  return `${JSON.stringify({ ...value, platform: platform(), sha256 })}\n`;
}
