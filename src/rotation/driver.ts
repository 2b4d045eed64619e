// The one driver of every rotation on a node. It may die at any moment and be called again: the journal says where it was.
//
//              prepare                       apply                            forget
//   nothing ───────────▶ journal: prepared ─────────▶ applying ──▶ done ────────────▶ nothing
//      ▲   keys, signer,        │            stage by stage  ▲ │    │
//      │   new files in the     │ another one comes:         │ │    └─ apply again: the same outcome
//      │   host directory       │ nothing was touched        └─┘ died: apply resumes the stage it was in (stage.ts)
//      └────────────────────────┘
//   applying ──boot──▶ applying, with keys and certificates that fit (resumeAtBoot); apply goes on from there
//
// Callers hold the node's lock around every call.
import { CertError } from '../errors.ts';
import { removeFlatDirectory } from './bytes.ts';
import { save, stageOfJournal, type Circumstances, type Context } from './context.ts';
import { orRefused, tryDraft } from './draft-all.ts';
import { endedBefore, outcomeOf } from './outcome.ts';
import { findJournal, journalPath, removeJournal, removeSuperseded } from './journal.ts';
import type { Journal, JournalStage } from './journal.ts';
import { isOfAnother, makePairsFit, mustRestart } from './journal-check.ts';
import { setJournalAside, whyForeign } from './journal-check.ts';
import type { Identity, ResumeReport } from './journal-check.ts';
import { writeDraft } from './prepare.ts';
import { removeRecoverUnit } from './recover-unit.ts';
import { forgetRestarts } from './restart-request.ts';
import { proveWaiting, runStage } from './stage.ts';
import { startAnew } from './start-anew.ts';
import { lookAtStart } from './stage-check.ts';
import { notBegun, withWaiting } from './supersede.ts';
import { settleUnreadable } from './unreadable.ts';
import { defaultTimeouts } from './types.ts';
import type { Outcome, Prepared, RotationNode, RotationOrder, Signer, Timeouts } from './types.ts';

export type { Identity, ResumeReport };

/** Backups of so many rotations are kept on a node. */
export const backupsKept = 5;

/**
 * Makes keys, has certificates signed, and lays all in the host directory. Touches nothing else.
 *
 * @throws CertError Unreachable when the signer cannot be asked now, Aborted; what is wrong for good is an outcome
 */
export async function prepare(
  node: RotationNode,
  order: RotationOrder,
  signer: Signer,
  signal: AbortSignal,
  circumstances: Circumstances = {},
): Promise<Prepared> {
  const notes: string[] = [...(order.notes ?? [])];
  const earlier = settlePrepared(node, order, notes);
  if (earlier !== undefined) return earlier;
  return await orRefused(async (): Promise<Prepared> => {
    const made = await tryDraft(node, order, signer, { ...circumstances, notes }, signal);
    if ('outcome' in made) return { kind: 'outcome', outcome: made.outcome };
    const superseded = supersededBy(node, order);
    const journal = superseded === undefined ? made.journal : withWaiting(made.journal, superseded);
    writeDraft(node, { ...made, journal });
    return { kind: 'prepared', journalId: journal.id, notes: journal.notes };
  });
}

/** What an earlier call left: the same order again is done already; one that touched nothing gives way. */
function settlePrepared(node: RotationNode, order: RotationOrder, notes: string[]): Prepared | undefined {
  const found = findJournal(node.files, node.layout);
  if (found.kind === 'none') return undefined;
  if (found.kind === 'unreadable') {
    const { kind, message } = settleUnreadable(node, found);
    if (kind === 'stays')
      return { kind: 'outcome', outcome: endedBefore('needs-manual', 'Interrupted', message) };
    notes.push(message);
    return undefined;
  }
  const { journal } = found;
  if (journal.state === 'applying')
    return journal.id === order.supersedes ? undefined : { kind: 'unfinished', journalId: journal.id };
  const isSame = order.rotationUID !== undefined && journal.rotationUID === order.rotationUID;
  if (journal.state === 'prepared' && isSame && journal.machineId === node.machineId)
    return { kind: 'prepared', journalId: journal.id, notes: journal.notes };
  forget(node);
  return undefined;
}

function supersededBy({ files, layout }: RotationNode, { supersedes }: RotationOrder): Journal | undefined {
  const found = findJournal(files, layout);
  return found.kind === 'journal' && found.journal.id === supersedes ? found.journal : undefined;
}

export interface ApplyOptions extends Identity, Circumstances {
  readonly timeouts?: Timeouts;
  /** Told of every state of the journal, for whoever shows how far it is. */
  readonly told?: (journal: Journal) => void;
}

/**
 * Takes the journal that lies on the host to its end: swaps, restarts, proves, rolls back. Called again after the end it
 * gives the same outcome, until `forget`.
 *
 * @throws CertError Aborted; NoSpace, ReadOnly, … only when the journal itself cannot be written
 */
export async function apply(
  node: RotationNode,
  options: ApplyOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const found = findJournal(node.files, node.layout);
  if (found.kind === 'none')
    return endedBefore('refused', 'Interrupted', 'no prepared rotation lies on this node');
  if (found.kind === 'unreadable') {
    const { kind, message } = settleUnreadable(node, found);
    return endedBefore(kind === 'stays' ? 'needs-manual' : 'refused', 'Interrupted', message);
  }
  const { journal } = found;
  const foreign = whyForeign(node, journal, options);
  if (foreign !== '') return refuseForeign(node, journal, foreign);
  if (!isOfAnother(journal, options)) return await toItsEnd(node, journal, options, signal);
  const whose = `it is of rotation ${journal.rotationUID ?? ''}`;
  if (journal.state === 'prepared') return refuseForeign(node, journal, whose);
  // Files may be swapped and their component not restarted: left like that, the next restart would be the surprise.
  return anothersEnd(node, journal, await toItsEnd(node, journal, options, signal));
}

async function toItsEnd(
  node: RotationNode,
  journal: Journal,
  options: ApplyOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  if (journal.state === 'done' && journal.outcome !== undefined) return journal.outcome;
  const { timeouts = defaultTimeouts, told, attended = false, cold = false } = options;
  const means = { node, timeouts, signal, attended, cold, ...(told === undefined ? {} : { told }) };
  const context: Context = { ...means, journal };
  save(context, { ...journal, state: 'applying' });
  removeSuperseded(node.files, node.layout, journal);
  await lookAtStart(context);
  await runStages(context);
  return finish(context);
}

/** The caller's own rotation was not begun; its certificates are another's, or still due. */
function anothersEnd(node: RotationNode, { id, rotationUID }: Journal, earlier: Outcome): Outcome {
  const end = `rotation ${rotationUID ?? ''}, which was interrupted here, was taken to its end first: ${earlier.message}`;
  if (earlier.outcome === 'needs-manual') {
    const where = `${journalPath(node.layout, id)}, ${node.layout.backups}/${id}`;
    return { ...endedBefore('needs-manual', earlier.reason, `${end} (${where})`), steps: earlier.steps };
  }
  // A success opens no breaker: what is still due gets a rotation of its own.
  const kind = earlier.outcome === 'succeeded' ? 'nothing-to-do' : 'refused';
  return endedBefore(kind, 'Interrupted', `${end}; nothing else was touched, try again`, earlier.steps);
}

async function runStages(context: Context): Promise<void> {
  const { attended, cold, journal } = context;
  for (const { name } of journal.stages) {
    if (context.signal.aborted) throw new CertError('Aborted', 'interrupted between two stages');
    const stage = stageOfJournal(context.journal, name);
    const ended = await runStage(context, stage);
    const goesOn = ended.state === 'proved' || (ended.state === 'unproved' && attended === true);
    // On a dead node what can be mended is mended: nothing later leans on a stage that keeps its old files.
    if (!goesOn && cold !== true) break;
  }
  if (attended !== true) return;
  await startAnew(context);
  await proveWaiting(context);
}

/** Later stages were not begun. The journal keeps the outcome until it is told. */
function finish(context: Context): Outcome {
  const { journal } = context;
  const stages = journal.stages.map((stage): JournalStage =>
    stage.state === 'pending' ? { ...stage, ...notBegun(stage) } : stage,
  );
  const ended: Journal = { ...journal, stages };
  const outcome = outcomeOf(ended);
  // What is not proved yet waits in the journal for the next call.
  const isStuck = stages.some(({ state }) => ['swapping', 'restoring', 'unproved'].includes(state));
  save(context, isStuck ? ended : { ...ended, state: 'done', outcome });
  return outcome;
}

function refuseForeign(node: RotationNode, journal: Journal, why: string): Outcome {
  const { report, journal: settled } = makePairsFit(node, journal);
  if (report.kind === 'stuck') {
    const path = journalPath(node.layout, journal.id);
    const message = `${path} is not resumed (${why}), and keys and certificates do not fit: ${report.messages.join('; ')}; make them fit (kubeadm certs renew, or the files in ${node.layout.backups}/${journal.id}) and try again`;
    return endedBefore('needs-manual', 'Interrupted', message);
  }
  const path = setJournalAside(node, journal);
  removeRecoverUnit(node.files);
  const did = report.messages.length === 0 ? '' : ` (${report.messages.join('; ')})`;
  const message = `a journal was moved to ${path}: ${why}${did}`;
  const components = mustRestart(settled);
  if (components.length === 0) return endedBefore('refused', 'Interrupted', message);
  const restart = `restart ${components.join(', ')}, which may run with other certificates than lie on the disk`;
  return endedBefore('needs-manual', 'Interrupted', `${message}; ${restart}`);
}

/** After the outcome was told: leaves nothing of the rotation but its backups. The journal goes last but one. */
export function forget(node: RotationNode, keep: number = backupsKept): void {
  const { files, layout } = node;
  const found = findJournal(files, layout);
  if (found.kind === 'journal') {
    const { journal } = found;
    // Keys and certificates may not fit: the next apply, or the boot, tries again.
    if (journal.state === 'applying') return;
    removeFlatDirectory(files, `${layout.staging}/${journal.id}`);
    if (journal.state === 'prepared') removeFlatDirectory(files, `${layout.backups}/${journal.id}`);
    removeRecoverUnit(files);
    removeSuperseded(files, layout, journal);
    removeJournal(files, layout, journal.id);
  }
  sweepHostDirectory(node, keep);
}

/** What a crash at the very end may have left: nothing there counts without a journal. */
function sweepHostDirectory({ files, layout }: RotationNode, keep: number): void {
  for (const directory of [layout.journal, layout.staging, layout.backups])
    if (files.stat(directory)?.kind !== 'directory') return;
  for (const name of files.readdir(layout.journal))
    if (name.startsWith('.')) files.unlink(`${layout.journal}/${name}`);
  for (const name of files.readdir(layout.staging)) removeFlatDirectory(files, `${layout.staging}/${name}`);
  for (const name of files.readdir(layout.backups).toSorted().toReversed().slice(keep))
    removeFlatDirectory(files, `${layout.backups}/${name}`);
  forgetRestarts(files, layout);
}

/** For the boot unit: before the kubelet starts, keys and certificates fit. No network, no waiting. */
export function resumeAtBoot(node: RotationNode): ResumeReport {
  const found = findJournal(node.files, node.layout);
  if (found.kind === 'none') return { kind: 'none', messages: [] };
  if (found.kind === 'unreadable')
    return { kind: 'stuck', messages: [`${found.path} cannot be read: ${found.why}`] };
  return makePairsFit(node, found.journal).report;
}

/** prepare, apply and forget: for callers that are all in one process. Resumes first what it finds unfinished. */
export async function rotate(
  node: RotationNode,
  order: RotationOrder,
  signer: Signer,
  options: ApplyOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  let prepared = await prepare(node, order, signer, signal, options);
  if (prepared.kind === 'unfinished') {
    const earlier = await apply(node, options, signal);
    forget(node);
    if (earlier.outcome !== 'succeeded') return earlier;
    prepared = await prepare(node, order, signer, signal, options);
  }
  if (prepared.kind === 'outcome') return prepared.outcome;
  const outcome = await apply(node, options, signal);
  forget(node);
  return outcome;
}
