// The plugin's grammar: which command, and how its end becomes output and an exit code.
import type { Command } from 'commander';
import { complain, say } from '../cli/output.ts';
import { CertError, describeError } from '../errors.ts';
import { printable } from '../formats/text.ts';
import * as approve from './approve.ts';
import type { Surroundings } from './command.ts';
import * as completion from './completion.ts';
import { exitCodeHelp, exitCodes } from './exit-codes.ts';
import * as explain from './explain.ts';
import { commandFor } from './pause.ts';
import * as plan from './plan.ts';
import * as rotate from './rotate.ts';
import * as status from './status.ts';
import * as supportBundle from './support-bundle.ts';
import * as version from './version.ts';

interface Entry extends completion.Completable {
  readonly usage: string;
  readonly command: () => Command;
  readonly run: (words: readonly string[], surroundings: Surroundings) => Promise<number>;
}

export const commands: Readonly<Record<string, Entry>> = {
  status: { ...status, usage: 'status', summary: 'whether the cluster is safe, and what needs you' },
  plan: { ...plan, usage: 'plan', summary: 'what is renewed in which order, and what holds it' },
  explain: {
    ...explain,
    usage: 'explain NODE',
    summary: 'every certificate of a node, and why it stands so',
  },
  rotate: { ...rotate, usage: 'rotate NODE', summary: 'renew everything on a node now' },
  pause: { ...commandFor('pause'), usage: 'pause [NODE]', summary: 'begin nothing new on it, or on any' },
  resume: { ...commandFor('resume'), usage: 'resume [NODE]', summary: 'let it go on, or all' },
  approve: { ...approve, usage: 'approve NODE', summary: 'in mode manual: let its rotation begin' },
  'support-bundle': {
    ...supportBundle,
    usage: 'support-bundle',
    summary: 'an archive for whoever is to help, without secrets',
  },
  completion: { ...completion, usage: 'completion', summary: 'how kubectl completes all this' },
  version: { ...version, usage: 'version', summary: 'what this plugin is' },
};

/** Runs one command line; resolves with the exit code. Never rejects for an expected failure. */
export async function runPlugin(words: readonly string[], surroundings: Surroundings): Promise<number> {
  try {
    return await dispatch(words, surroundings);
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    complain(`kubectl-certrot: ${printable(describeError(error))}\n`);
    return refusals.has(error.code) ? exitCodes.refused : exitCodes.failed;
  }
}

const refusals: ReadonlySet<CertError['code']> = new Set(['Usage', 'NotFound', 'BadConfiguration']);

async function dispatch(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const [first = '', ...rest] = words;
  if (first === '__complete') return await completion.complete(rest, commands, surroundings);
  const entry = entryOf(first === '--version' ? 'version' : first);
  if (entry !== undefined) return await entry.run(rest, surroundings);
  if (words.length === 0) {
    complain(helpText());
    return exitCodes.refused;
  }
  if (first === 'help' || first === '--help' || first === '-h') {
    const about = entryOf(rest[0] ?? '');
    if (about !== undefined) return await about.run(['--help'], surroundings);
    say(helpText());
    return exitCodes.done;
  }
  const names = Object.keys(commands).join(', ');
  const known = rest.find((word) => entryOf(word) !== undefined);
  const text =
    first.startsWith('-') && known !== undefined
      ? `the command comes first: kubectl certrot ${known} ${first}`
      : `${JSON.stringify(first)} is no command: there are ${names}`;
  throw new CertError('Usage', `${text}; see kubectl certrot --help`);
}

const entryOf = (name: string): Entry | undefined =>
  Object.hasOwn(commands, name) ? commands[name] : undefined;

/** One screen. */
export function helpText(): string {
  const lines = Object.values(commands).map(
    ({ usage, summary }) => `  kubectl certrot ${usage.padEnd(16)}  ${summary}`,
  );
  return [
    'kubectl certrot: the certificates of this cluster, in the words of the dashboard of cluster-cert-rotator.',
    '',
    ...lines,
    '',
    'The options of each: kubectl certrot COMMAND --help. It reads the kubeconfig as kubectl does, and acts by your rights.',
    exitCodeHelp,
    '',
  ].join('\n');
}
