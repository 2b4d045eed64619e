// cert-renew's grammar: which command, and how its end becomes output and an exit code.
import { CertError, describeError } from '../errors.ts';
import type { CommandEntry } from './commands.ts';
import { commands, renewEntry } from './commands.ts';
import { exitCodes } from './exit-codes.ts';
import { complain, say } from './output.ts';
import { helpText } from './help.ts';

/** Runs one command line; resolves with the exit code. Never rejects for an expected failure. */
export async function runCli(arguments_: readonly string[], signal: AbortSignal): Promise<number> {
  try {
    return await dispatch(arguments_, signal);
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    // Commands throw before they touch anything; what fails afterwards is in their exit code.
    complain(`cert-renew: ${describeError(error)}\n`);
    return exitCodes.refused;
  }
}

async function dispatch(arguments_: readonly string[], signal: AbortSignal): Promise<number> {
  const [first, second = ''] = arguments_;
  if (namesCa(arguments_) && commandOf(first ?? '')?.ownsCa !== true)
    return await (await renewEntry.load()).run(arguments_, signal);
  if (first === undefined) {
    complain(helpText());
    return exitCodes.refused;
  }
  const command = commandOf(first === '--version' ? 'version' : first);
  if (command !== undefined) return await (await command.load()).run(arguments_.slice(1), signal);
  if (first === 'help' || first === '--help' || first === '-h') {
    const about = commandOf(second);
    if (about !== undefined) return await (await about.load()).run(['--help'], signal);
    say(helpText());
    return exitCodes.done;
  }
  refuseOtherWords(arguments_);
  return await (await renewEntry.load()).run(arguments_, signal);
}

/** With --ca-cert every operand is a FILE, also one that has the name of a command (design §3). */
const namesCa = (arguments_: readonly string[]): boolean =>
  arguments_.some((each) => each === '--ca-cert' || each.startsWith('--ca-cert='));

const commandOf = (name: string): CommandEntry | undefined =>
  Object.hasOwn(commands, name) ? commands[name] : undefined;

/** What looks like a command and is none, or stands in the wrong place; all else may be meant for the manual's command. */
function refuseOtherWords([first = '', ...rest]: readonly string[]): void {
  const late = first.startsWith('-') ? rest.find((each) => commandOf(each) !== undefined) : undefined;
  if (late !== undefined)
    throw new CertError(
      'Usage',
      `the command comes first: cert-renew ${late} ${first}; see cert-renew --help`,
    );
  if (!/^[\w-]+$/.test(first) || first.startsWith('-')) return;
  const names = Object.keys(commands).filter((name) => commands[name]?.summary !== undefined);
  throw new CertError(
    'Usage',
    `"${first}" is no command (there are: ${names.join(', ')}), and a FILE needs its CA (--ca-cert); see cert-renew --help`,
  );
}
