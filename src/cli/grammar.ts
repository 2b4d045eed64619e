// What the commands of cert-renew share in their grammar: one way to parse, to show help, to refuse.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { CertError } from '../errors.ts';
import { exitCodes } from './exit-codes.ts';
import { say } from './output.ts';

/** A command of cert-renew, as the table in commands.ts names it. */
export interface CommandModule {
  /** Its grammar: what parses it, helps with it and completes it. */
  readonly command: () => Command;
  /**
   * @param arguments_ what follows the command's name
   * @returns the exit code
   * @throws CertError before anything was touched; it becomes one line and exit 2
   */
  run(arguments_: readonly string[], signal: AbortSignal): Promise<number>;
}

/** Text to print and be done with: help that was asked for. */
export interface HelpText {
  readonly help: string;
}

export interface Parsed<T> {
  readonly options: T;
  readonly operands: readonly string[];
}

/** Prints the help that was asked for, or does the work; resolves with the exit code. */
export async function unlessHelp<T extends object>(
  asked: T | HelpText,
  work: (asked: T) => number | Promise<number>,
): Promise<number> {
  if (!isHelp(asked)) return await work(asked);
  say(asked.help);
  return exitCodes.done;
}

const isHelp = (asked: object): asked is HelpText => 'help' in asked;

/** @throws CertError Usage, in one line */
export function parse<T extends object>(
  command: Command,
  arguments_: readonly string[],
): Parsed<T> | HelpText {
  const output: string[] = [];
  command
    .exitOverride()
    .configureOutput({ writeOut: (text) => output.push(text), writeErr: (text) => output.push(text) });
  // Asked for help one gets it, whatever stands before: also where an option still wants its value.
  if (asksForHelp(arguments_)) {
    command.outputHelp();
    return { help: output.join('') };
  }
  try {
    command.parse(arguments_, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw usage(error.message.replace(/^error: /, ''), command);
  }
  return { options: command.opts<T>(), operands: command.args };
}

function asksForHelp(arguments_: readonly string[]): boolean {
  const end = arguments_.indexOf('--');
  const words = end < 0 ? arguments_ : arguments_.slice(0, end);
  return words.includes('--help') || words.includes('-h');
}

/** One line: it is what a script logs. */
export function usage(message: string, command?: Command): CertError {
  const line = message
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  return new CertError('Usage', `${line}; see ${command?.name() ?? 'cert-renew'} --help`);
}

export function readDays(text: string): number {
  const days = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (days < 1 || days > 36_500) throw new InvalidArgumentError('It must be a whole number from 1 to 36500.');
  return days;
}

/** A path as it was typed: an unset variable of a script must not become the working directory. */
export function readPath(text: string): string {
  if (text === '') throw new InvalidArgumentError('It must not be empty.');
  return text;
}

const units: Readonly<Record<string, number>> = { '': 1000, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds. */
export function readDuration(text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,5})([smh]?)$/.exec(text) ?? [];
  if (number === '') throw new InvalidArgumentError('It must be like 30, 30s, 5m or 1h.');
  return Number(number) * (units[unit] ?? 0);
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export function readServer(text: string): HostPort {
  const [, six, name, digits = ''] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const [host, port] = [six ?? name, Number(digits)];
  if (host === undefined || port < 1 || port > 65_535)
    throw new InvalidArgumentError('It must be like 10.0.0.1:6443, name:6443 or [fd00::1]:6443.');
  return { host, port };
}

export const daysHelp = 'lifetime, 1 to 36500 (default: 91 for kubelet files, 365 for others)';

/** For every command that takes the lock of the node. */
export const lockTimeoutOption = (): Option =>
  new Option('--lock-timeout <duration>', 'how long to wait for another rotation: 30, 30s, 5m, 1h')
    .argParser(readDuration)
    .default(30_000, '30s');
