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
  const entry = entryOf(arguments_);
  if (entry !== renewEntry) return await (await entry.load()).run(arguments_.slice(1), signal);
  const [first] = arguments_;
  if (first === undefined) {
    complain(helpText());
    return exitCodes.refused;
  }
  if (first === 'help' || first === '--help' || first === '-h') {
    say(helpText());
    return exitCodes.done;
  }
  return await (await entry.load()).run(arguments_, signal);
}

/** With --ca-cert every operand is a FILE, also one that has the name of a command (design §3). */
function entryOf([first = '', ...rest]: readonly string[]): CommandEntry {
  const namesCa = [first, ...rest].some((each) => each === '--ca-cert' || each.startsWith('--ca-cert='));
  if (namesCa) return renewEntry;
  const name = first === '--version' ? 'version' : first;
  return Object.hasOwn(commands, name) ? (commands[name] ?? renewEntry) : renewEntry;
}
