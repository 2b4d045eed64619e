// cert-renew's grammar: which command, and how its end becomes output and an exit code.
import process from 'node:process';
import { Command, CommanderError } from 'commander';
import { CertError, describeError } from '../errors.ts';
import { exitCodes } from './exit-codes.ts';
import { readRenewOptions, renewCommand } from './options.ts';
import { resume } from './resume.ts';
import { renew } from './renew.ts';
import { version } from './version.ts';

/** Runs one command line; resolves with the exit code. Never rejects for an expected failure. */
export async function runCli(arguments_: readonly string[], signal: AbortSignal): Promise<number> {
  try {
    return await dispatch(arguments_, signal);
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    // Commands throw before they touch anything; what fails afterwards is in their exit code.
    process.stderr.write(`cert-renew: ${describeError(error)}\n`);
    return exitCodes.refused;
  }
}

async function dispatch(arguments_: readonly string[], signal: AbortSignal): Promise<number> {
  const namesCa = arguments_.some((each) => each === '--ca-cert' || each.startsWith('--ca-cert='));
  const [first] = arguments_;
  if (first === 'resume' && !namesCa) return await resume(signal);
  if (!namesCa && isCommand(first)) return showCommand(arguments_);
  const options = readRenewOptions(arguments_, process.cwd());
  if (!('help' in options)) return await renew(options, signal);
  process.stdout.write(options.help);
  return exitCodes.done;
}

const isCommand = (word: string | undefined): boolean =>
  word === undefined || ['version', '--version', '--help', '-h', 'help'].includes(word);

function showCommand(arguments_: readonly string[]): number {
  const command = new Command('cert-renew')
    .usage('--ca-cert P --ca-key P [--days N] [options] FILE...\n       cert-renew version')
    .version(version)
    .exitOverride()
    .addHelpText('after', `\n${renewCommand().helpInformation()}`);
  command.command('version').action(() => {
    process.stdout.write(`cert-renew ${version}\n`);
  });
  try {
    command.parse(arguments_, { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 && arguments_.length > 0 ? exitCodes.done : exitCodes.refused;
  }
}
