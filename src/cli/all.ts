// cert-renew all: everything that is due on this node, with the CAs that lie here, restarted and proved in order.
import process from 'node:process';
import { Command } from 'commander';
import { certificateFile } from '../catalogue/discover.ts';
import type { CertificateId, Target } from '../catalogue/ids.ts';
import { entryOf } from '../catalogue/table.ts';
import { CertError, describeError } from '../errors.ts';
import { withLock } from '../host/lock.ts';
import { outcomeAhead } from '../rotation/draft-all.ts';
import { rotate } from '../rotation/driver.ts';
import { askEtcd } from '../rotation/etcd.ts';
import { findJournal, type Journal } from '../rotation/journal.ts';
import { localSigner } from '../rotation/local-signer.ts';
import { isInterrupted } from '../rotation/settle-earlier.ts';
import type { Outcome, RotationNode, RotationOrder, Signer } from '../rotation/types.ts';
import { lookAtCluster, seeNode, type SeenHere } from './all-node.ts';
import { planAll, type Decided } from './all-plan.ts';
import { exitOf, exitOfPlan, renderJson, renderPlan, renderPlanJson, renderText } from './all-render.ts';
import type { Ended } from './all-render.ts';
import { exitCodes } from './exit-codes.ts';
import { daysHelp, lockTimeoutOption, parse, readDays, unlessHelp } from './grammar.ts';
import { defaultDays } from './local-ca.ts';
import { localNode } from './local-node.ts';
import { complain, say } from './output.ts';
import { ownCall } from './own-call.ts';
import { showProgress } from './progress.ts';
import { takeUp } from './take-up.ts';

const dayMs = 86_400_000;

export interface AllOptions {
  readonly force?: boolean;
  readonly days?: number;
  readonly newKey?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly lockTimeout: number;
}

export async function run(arguments_: readonly string[], signal: AbortSignal): Promise<number> {
  return await unlessHelp(parse<AllOptions>(command(), arguments_), async ({ options }) =>
    all(options, signal),
  );
}

export const command = (): Command =>
  new Command('cert-renew all')
    .description('Renew all that is due on this node, restart what uses it, and prove that it is used.')
    .option('--force', 'everything that is managed, due or not')
    .option('--days <n>', daysHelp, readDays)
    .option('--new-key', 'make new private keys (default: keep the keys)')
    .option('--dry-run', 'say what would be done, change nothing')
    .option('--json', 'print one JSON object')
    .addOption(lockTimeoutOption())
    .allowExcessArguments(false);

/**
 * Resolves with the exit code.
 *
 * @throws CertError before anything was touched
 */
export async function all(
  options: AllOptions,
  signal: AbortSignal,
  node: RotationNode = localNode(),
): Promise<number> {
  if (options.dryRun === true) return await showPlan(node, options, signal);
  const lock = { timeoutMs: options.lockTimeout, signal };
  const progress = showProgress(process.stderr);
  try {
    const ended = await withLock(node.layout.lock, lock, async () => {
      const wasInterrupted = isInterrupted(node);
      try {
        return await renewAll(node, options, progress.told, signal);
      } catch (error) {
        if (!(error instanceof CertError)) throw error;
        const isNow = mayBeInterrupted(node);
        if (!wasInterrupted && !isNow) throw error;
        return { error, isNow };
      }
    });
    progress.end();
    if ('error' in ended) return interrupted(ended);
    say(options.json === true ? renderJson(ended) : renderText(ended));
    return exitOf(ended);
  } finally {
    progress.end();
  }
}

/** What cannot be seen may well be under way, and why is the first error's to say. */
function mayBeInterrupted(node: RotationNode): boolean {
  try {
    return isInterrupted(node);
  } catch {
    return true;
  }
}

/** No refusal: files were changed, by this call or by the end of an earlier one. The journal knows how far it came. */
function interrupted({ error, isNow }: { readonly error: CertError; readonly isNow: boolean }): number {
  const again = `run ${ownCall()} all again`;
  const next = isNow
    ? `${again}, it goes on where it was`
    : `what was begun before this call is at its end; ${again} for the rest`;
  complain(`cert-renew: ${describeError(error)}; ${next}\n`);
  return exitCodes.partlyDone;
}

async function showPlan(node: RotationNode, options: AllOptions, signal: AbortSignal): Promise<number> {
  const { seen, plan } = planOf(node, options);
  const cluster = await lookAtCluster(node, seen.facts, signal);
  const interrupted = isInterrupted(node);
  const targets = targetsOf(seen, plan, []);
  const ahead = async (): Promise<Outcome | undefined> => {
    // Until it is at its end keys and certificates need not fit.
    if (interrupted || targets.length === 0) return undefined;
    const order = orderOf(seen, { targets, options, supersedes: undefined });
    const cold = cluster !== 'alive';
    return await outcomeAhead(node, order, signerOf(node, seen, options), { attended: true, cold }, signal);
  };
  const shown = { plan, cluster, interrupted, ahead: await ahead(), notes: seen.notes, call: ownCall() };
  say(options.json === true ? renderPlanJson(shown) : renderPlan(shown));
  return exitOfPlan(shown);
}

function planOf(
  node: RotationNode,
  { force = false, days }: AllOptions,
): { readonly seen: SeenHere; readonly plan: readonly Decided[] } {
  const seen = seeNode(node);
  const { found, signing } = seen;
  return { seen, plan: planAll(found, { now: node.now(), force, days, signing, call: ownCall() }) };
}

async function renewAll(
  node: RotationNode,
  options: AllOptions,
  told: (journal: Journal) => void,
  signal: AbortSignal,
): Promise<Ended> {
  let journal: Journal | undefined;
  const follow = { told: (each: Journal) => told((journal = each)) };
  const again = renewedAgain(node, options);
  const provedBefore = provedIn(node);
  let earlier = again === undefined ? await takeUp(node, follow, signal) : undefined;
  let earlierJournal: Journal | undefined = journal;
  const ended = async (more: Pick<Ended, 'plan' | 'outcome' | 'notes'>): Promise<Ended> => ({
    ...more,
    earlier,
    earlierJournal,
    provedBefore,
    journal,
    backups: node.layout.backups,
    call: ownCall(),
    others: isInterrupted(node) ? await othersOf(node, signal) : [],
  });
  if (again === undefined && isInterrupted(node))
    return await ended({ plan: [], outcome: undefined, notes: [] });
  const { seen, plan } = planOf(node, options);
  const targets = targetsOf(seen, plan, again?.certificates ?? []);
  if (targets.length === 0) return await ended({ plan, outcome: undefined, notes: seen.notes });
  const cold = (await lookAtCluster(node, seen.facts, signal)) !== 'alive';
  const signer = signerOf(node, seen, options);
  const order = orderOf(seen, { targets, options, supersedes: again?.id });
  const outcome = await rotate(node, order, signer, { ...follow, attended: true, cold }, signal);
  // Nothing took its place: it is looked at like any other.
  if (again !== undefined && isUnderWay(node, again.id)) {
    earlier = await takeUp(node, follow, signal);
    earlierJournal = journal;
  }
  return await ended({ plan, outcome, notes: seen.notes });
}

interface Waiting {
  /** Of the journal. */
  readonly id: string;
  readonly certificates: readonly (CertificateId | undefined)[];
}

/**
 * What waits to be proved may wait for the very certificates that can be renewed only now (their CA's key was missing). Then
 * it is renewed once more along with them: one rotation proves it all, and its journal takes the place of the earlier one.
 */
function renewedAgain(node: RotationNode, options: AllOptions): Waiting | undefined {
  const found = findJournal(node.files, node.layout);
  if (found.kind !== 'journal' || found.journal.state !== 'applying') return undefined;
  const { id, stages } = found.journal;
  const unproved = stages.filter(({ state }) => state === 'unproved');
  const isMoving = stages.some(({ state }) => !['unproved', 'proved', 'not-begun'].includes(state));
  const { seen, plan } = planOf(node, options);
  if (unproved.length === 0 || isMoving || targetsOf(seen, plan, []).length === 0) return undefined;
  return { id, certificates: unproved.flatMap(({ certificates }) => certificates.map((each) => each.id)) };
}

function provedIn({ files, layout }: RotationNode): readonly CertificateId[] {
  const found = findJournal(files, layout);
  if (found.kind !== 'journal') return [];
  const proved = found.journal.stages.filter(({ state }) => state === 'proved');
  return proved.flatMap(({ certificates }) => certificates.flatMap(({ id }) => id ?? []));
}

const isUnderWay = ({ files, layout }: RotationNode, id: string): boolean => {
  const found = findJournal(files, layout);
  return found.kind === 'journal' && found.journal.id === id;
};

/** @param again those that are renewed although they are not due, where they can be */
const targetsOf = (
  { targets, signing }: SeenHere,
  plan: readonly Decided[],
  again: readonly (CertificateId | undefined)[],
): Target[] => {
  const isChosen = ({ action, id }: Decided): boolean =>
    action === 'renew' ||
    (action === 'leave' && again.includes(id) && !('cannot' in signing[entryOf(id).ca]));
  return targets.filter(({ id, location }) =>
    plan.some((each) => each.id === id && each.row.path === certificateFile(location) && isChosen(each)),
  );
};

const signerOf = ({ now }: RotationNode, { cas }: SeenHere, { days }: AllOptions): Signer =>
  localSigner(cas, { lifetimeMs: ({ path }) => (days ?? defaultDays(path)) * dayMs, now });

function orderOf(
  { facts }: SeenHere,
  {
    targets,
    options,
    supersedes,
  }: {
    readonly targets: readonly Target[];
    readonly options: AllOptions;
    readonly supersedes: string | undefined;
  },
): RotationOrder {
  return {
    targets,
    facts,
    ...(supersedes === undefined ? {} : { supersedes }),
    keyPolicy: options.newKey === true ? 'new' : 'keep',
    kubeletRestart: 'always',
    origin: 'cli',
  };
}

/** Names of the other members of etcd that are ill: where to go on. Empty when that cannot be told. */
async function othersOf(node: RotationNode, signal: AbortSignal): Promise<readonly string[]> {
  const { facts } = seeNode(node);
  const { members } = await askEtcd(node, facts, signal);
  return members.filter(({ own, healthy }) => !own && !healthy).map(({ name }) => name);
}
