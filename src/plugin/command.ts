// What the commands of the plugin share: which cluster, which language, which node; and how they print.
import { Option, type Command } from 'commander';
import type { Ask } from '../cli/question.ts';
import { parse, usage, type HelpText } from '../cli/grammar.ts';
import { say } from '../cli/output.ts';
import { CertError } from '../errors.ts';
import { withPrintableTexts } from '../formats/text.ts';
import { longestName, namePattern } from '../view/actions.ts';
import { languages, say as sayMessage, type Language, type Message } from '../view/messages/message.ts';
import { exitCodes } from './exit-codes.ts';
import { createKubectl, type ClusterFlags, type Kubectl } from './kubectl.ts';
import type { Run } from './process.ts';
import { linesText } from './text.ts';
import { languageOf, readerOf, type Reader } from './words.ts';

/** The world as a command meets it. */
export interface Surroundings {
  readonly run: Run;
  readonly env: NodeJS.ProcessEnv;
  readonly now: () => Date;
  /** Undefined where nobody could answer. */
  readonly ask: Ask | undefined;
  readonly signal: AbortSignal;
}

/** The options of every command that asks the cluster. */
export interface ClusterOptions extends ClusterFlags {
  readonly namespace?: string;
  readonly lang?: Language;
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

/** The options that most of them share, as on every kubectl. */
export function withCluster(command: Command): Command {
  return command
    .option('-n, --namespace <name>', 'where the inventories are (default: as configured, cpaas-system)')
    .option('--kubeconfig <path>', 'as of kubectl, like the five that follow')
    .option('--context <name>', 'which context of the kubeconfig')
    .option('--cluster <name>', 'which cluster of the kubeconfig')
    .option('--user <name>', 'which user of the kubeconfig')
    .option('--as <name>', 'whom to impersonate')
    .option('--as-group <name>', 'with which group; may be given more than once', collect)
    .addOption(
      new Option(
        '--lang <language>',
        'of the sentences (default: as LC_ALL, LC_MESSAGES or LANG says)',
      ).choices(languages),
    );
}

export const withJson = (command: Command): Command => command.option('--json', 'print one JSON object');
export const withDryRun = (command: Command): Command =>
  command.option('--dry-run', 'have the API server check it, change nothing');

export interface Call<T> {
  readonly options: T;
  readonly node: string | undefined;
  readonly kubectl: Kubectl;
  readonly reader: Reader;
  readonly surroundings: Surroundings;
}

export type Work<T> = (call: Call<T>) => Promise<number>;

/** Reads the words, or prints the help that was asked for. Errors: Usage. */
export async function called<T extends ClusterOptions>(
  command: Command,
  words: readonly string[],
  surroundings: Surroundings,
  work: Work<T>,
): Promise<number> {
  const parsed = parse<T>(command, words);
  if (isHelp(parsed)) {
    say(parsed.help);
    return exitCodes.done;
  }
  const { options, operands } = parsed;
  const [node] = operands;
  if (node !== undefined && (node.length > longestName || !namePattern.test(node)))
    throw usage(`${JSON.stringify(node)} is no name of a node`, command);
  return await work({
    options,
    node,
    kubectl: createKubectl(surroundings.run, flagsOf(options)),
    reader: readerOf(languageOf(options.lang, surroundings.env)),
    surroundings,
  });
}

const isHelp = (parsed: object): parsed is HelpText => 'help' in parsed;

function flagsOf({ kubeconfig, context, cluster, user, as, asGroup }: ClusterOptions): ClusterFlags {
  return {
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(user === undefined ? {} : { user }),
    ...(as === undefined ? {} : { as }),
    ...(asGroup === undefined ? {} : { asGroup }),
  };
}

export function noSuchNode(name: string): CertError {
  return new CertError('NotFound', `there is no node ${name}: kubectl get nodes lists them`, { node: name });
}

export function print(lines: readonly string[]): void {
  say(linesText(lines));
}

/** Each message with its sentence beside it: scripts read the key, people the text. Schema 1. */
export function printJson(value: object, { language }: Reader): void {
  const told: unknown = JSON.parse(
    JSON.stringify({ schema: 1, ...value }, (_, each: unknown) =>
      isMessage(each) ? { ...each, text: sayMessage(each, { language }) } : each,
    ),
  );
  say(`${JSON.stringify(withPrintableTexts(Object(told)), null, 2)}\n`);
}

function isMessage(value: unknown): value is Message {
  return (
    typeof value === 'object' &&
    value !== null &&
    'key' in value &&
    typeof value.key === 'string' &&
    !('text' in value)
  );
}
