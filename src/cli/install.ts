// cert-renew install RESPONSE: on the node that asked. Its answer is checked, swapped in, the kubelet restarted, and proved,
// by the driver that does it everywhere. Killed at any moment it is called again, with the same end.
import { resolve } from 'node:path';
import process from 'node:process';
import { Command } from 'commander';
import type { Discovery } from '../catalogue/discover.ts';
import { discoverNode } from '../host/discovery.ts';
import { withLock } from '../host/lock.ts';
import { apply, forget, rotate, type ApplyOptions } from '../rotation/driver.ts';
import { factsOf } from '../rotation/facts.ts';
import { findJournal, type Journal } from '../rotation/journal.ts';
import { endedBefore } from '../rotation/outcome.ts';
import { draft } from '../rotation/prepare.ts';
import { proveInPlace } from '../rotation/prove-in-place.ts';
import { isInterrupted } from '../rotation/settle-earlier.ts';
import { defaultTimeouts, type Outcome, type RotationNode, type RotationOrder } from '../rotation/types.ts';
import { CertError, describeError } from '../errors.ts';
import { lookAtCluster } from './all-node.ts';
import { endOf } from './call-end.ts';
import { lockTimeoutOption, parse, unlessHelp } from './grammar.ts';
import { inFile } from './local-ca.ts';
import { localNode } from './local-node.ts';
import {
  answeringSigner,
  ownResponse,
  readAnswers,
  sortAnswers,
  type Answer,
  type Sorted,
} from './offline/answer.ts';
import { largestFile, readResponses, type ResponseBlock } from './offline/block.ts';
import { exitOf, renderInstalled, type Installed } from './offline/installed.ts';
import { forgetWaiting, readWaiting, type Waiting } from './offline/waiting.ts';
import { showProgress } from './progress.ts';
import { takeUp } from './take-up.ts';
import { complain, say } from './output.ts';
import { ownCall } from './own-call.ts';

export interface InstallOptions {
  /** Absolute path. */
  readonly file: string;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly lockTimeoutMs: number;
}

interface RawOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly lockTimeout: number;
}

export function command(): Command {
  return new Command('cert-renew install')
    .description(
      'On the node that asked: put the answer to its request in place, restart what uses it, and prove it. May be called again at any time.',
    )
    .argument('<RESPONSE>', 'what cert-renew sign wrote; answers for other nodes in it are passed over')
    .option('--dry-run', 'check the answer, say what would be done, change nothing')
    .option('--json', 'print one JSON object')
    .addOption(lockTimeoutOption());
}

export async function run(arguments_: readonly string[], signal: AbortSignal): Promise<number> {
  return await unlessHelp(parse<RawOptions>(command(), arguments_), async ({ options, operands }) => {
    const { dryRun = false, json = false, lockTimeout } = options;
    const file = resolve(operands[0] ?? '');
    return await install({ file, dryRun, json, lockTimeoutMs: lockTimeout }, signal);
  });
}

/** Resolves with the exit code. @throws CertError before anything was touched */
export async function install(
  options: InstallOptions,
  signal: AbortSignal,
  node: RotationNode = localNode(),
  apply: ApplyOptions = { timeouts: defaultTimeouts },
): Promise<number> {
  const { files } = node;
  const responses = inFile(options.file, 'name what cert-renew sign wrote', () =>
    readResponses(Buffer.from(files.read(files.realpath(options.file), largestFile)).toString('latin1')),
  );
  const progress = showProgress(process.stderr);
  const seen: Means['seen'] = { journal: undefined };
  const told = (journal: Journal): void => progress.told((seen.journal = journal));
  const means = { node, apply: { ...apply, told, attended: true }, signal, seen };
  const work = (): Promise<Installed> => installLocked(means, options, responses);
  const lock = { timeoutMs: options.lockTimeoutMs, signal };
  try {
    const installed = options.dryRun ? await work() : await withLock(node.layout.lock, lock, work);
    progress.end();
    const { text, isError } = renderInstalled(installed, options);
    (isError ? complain : say)(text);
    return exitOf(installed);
  } finally {
    progress.end();
  }
}

interface Means {
  readonly node: RotationNode;
  readonly apply: ApplyOptions;
  readonly signal: AbortSignal;
  /** The journal as it was last written; undefined: this call has begun nothing. */
  readonly seen: { journal: Journal | undefined };
}

/** Once something was begun, whatever is thrown is no refusal any more. */
async function installLocked(
  means: Means,
  options: InstallOptions,
  responses: readonly ResponseBlock[],
): Promise<Installed> {
  try {
    return await installHere(means, options, responses);
  } catch (error) {
    if (!(error instanceof CertError) || means.seen.journal === undefined) throw error;
    const outcome = endedBefore('needs-manual', 'Interrupted', describeError(error));
    return ended(means, { notes: [], outcome });
  }
}

async function installHere(
  means: Means,
  { file, dryRun }: InstallOptions,
  responses: readonly ResponseBlock[],
): Promise<Installed> {
  const { node, seen } = means;
  const waiting = readWaiting(node);
  const response = inFile(file, askAgain(), () => ownResponse(responses, waiting, node));
  const notes: string[] = [];
  const found = findJournal(node.files, node.layout);
  const isEnded = found.kind === 'journal' && found.journal.state === 'done';
  const isOurs = found.kind === 'journal' && found.journal.rotationUID === response.id;
  // Killed before it could say how it ended.
  if (isEnded && isOurs && !dryRun) {
    seen.journal = found.journal;
    return ended(means, { notes, outcome: await sayAgain(means) });
  }
  const interrupted = isInterrupted(node);
  if (interrupted) notes.push('an interrupted rotation lies on this node: it is taken to its end first');
  const earlier = interrupted && !dryRun ? await takeUp(node, means.apply, means.signal) : undefined;
  // An earlier call of just this installation is this one, as far as its journal tells.
  if (earlier !== undefined && isOurs && seen.journal !== undefined)
    return ended(means, { notes, outcome: earlier });
  if (earlier !== undefined && earlier.outcome !== 'succeeded')
    return ended(means, { notes, outcome: earlier, earlier });
  const discovery = discoverNode(node.files);
  const answers = inFile(file, askAgain(), () => readAnswers(node, discovery, response));
  const sorted = sortAnswers(answers, waiting?.block);
  const all = [...notes, ...sorted.notes];
  if (dryRun) return await tryOut(means, { discovery, sorted, waiting, response, notes: all });
  const outcome = await putInPlace(means, { discovery, sorted, waiting, response, notes: [] });
  return ended(means, { notes: all, outcome, earlier });
}

const askAgain = (): string => `run ${ownCall()} request again, and have it signed`;

async function sayAgain({ node, apply: options, signal }: Means): Promise<Outcome> {
  const outcome = await apply(node, options, signal);
  forget(node);
  return outcome;
}

interface Work {
  readonly discovery: Discovery;
  readonly sorted: Sorted;
  readonly waiting: Waiting | undefined;
  readonly response: ResponseBlock;
  readonly notes: readonly string[];
}

async function putInPlace({ node, apply: options, signal }: Means, work: Work): Promise<Outcome> {
  const { due, inPlace, notes } = work.sorted;
  if (due.length > 0) {
    const order = orderOf(work);
    const cold = (await lookAtCluster(node, order.facts, signal)) !== 'alive';
    return await rotate(node, order, answeringSigner(due), { ...options, cold }, signal);
  }
  if (inPlace.length === 0) return endedBefore('nothing-to-do', 'KubeletRotated', notes.join('; '));
  const materials = inPlace.map(({ id, live }) => ({ ...live, id }));
  return await proveInPlace(node, factsOf(work.discovery), materials, options, signal);
}

function orderOf({ discovery, sorted, waiting, response }: Work): RotationOrder {
  return {
    targets: sorted.due.map(({ target }) => target),
    facts: factsOf(discovery),
    keyPolicy: 'keep',
    madeKey: (id) => waiting?.keys.get(id),
    kubeletRestart: 'always',
    origin: 'cli',
    rotationUID: response.id,
  };
}

/** All checks, no write. @throws CertError as the signer's answer deserves */
async function tryOut({ node, signal }: Means, work: Work): Promise<Installed> {
  const { due, inPlace } = work.sorted;
  const materials = due.map(({ live }) => live);
  await draft(node, orderOf(work), materials, answeringSigner(due), signal);
  return { kind: 'dry-run', due: due.map(planned), inPlace: inPlace.map(({ id }) => id), notes: work.notes };
}

const planned = ({ id, live, certificate }: Answer) => ({
  id,
  oldSerial: live.certificate.serial,
  newSerial: certificate.serial,
  oldNotAfter: live.certificate.notAfter.toISOString(),
  newNotAfter: certificate.notAfter.toISOString(),
});

interface Told {
  readonly notes: readonly string[];
  readonly outcome: Outcome;
  /** Of another's rotation, which was taken to its end first. */
  readonly earlier?: Outcome | undefined;
}

function ended({ node, seen: { journal } }: Means, { notes, outcome, earlier }: Told): Installed {
  if (outcome.outcome === 'succeeded') forgetWaiting(node);
  const end = endOf({ earlier, outcome, journal });
  return { kind: 'ended', outcome, end, journal, notes, backups: node.layout.backups, call: ownCall() };
}
