// One stage: a transaction of its own. Every state is written before what it announces is done, and whatever is done
// may be done again, so that any moment is a good one to die at.
//
//   pending ──check──▶ swapping ──files in──▶ swapped ──annotate, restart, prove──▶ proved
//      │                  │ (a file changed,      │ not proved in time
//      │ check says no    │  no room, …)          ├─ the old state served (R14) ─▶ restoring ─▶ restored ──▶ rolled-back
//      ▼                  ▼                       │                                                └──────▶ failed
//   not-begun          restoring                  └─ it did not ─────────────────▶ kept
//
// Taken up again in restoring or restored when the old state has ended meanwhile (R14), it is in swapping.
import { CertError, describeError } from '../errors.ts';
import { checkStage, keepKubeletRotated } from './stage-check.ts';
import { endingSoon, isKubeletsOwn, mayNotReturn, restoredNow, swappedNow } from './journal-check.ts';
import { backUp, removeLinkedPem, swap } from './swap.ts';
import { componentOf, note, saveStage, setStage, stageOfJournal, type Context } from './context.ts';
import type { JournalFile, JournalStage } from './journal.ts';
import { bootRecovery, installRecoverUnit } from './recover-unit.ts';
import { lastPatience, patienceFor, type Patience } from './patience.ts';
import { needsStart } from './prove.ts';
import { aliveAtAll, sinceOf } from './prove-process.ts';
import { putManifest, restartIfDue } from './restart.ts';
import { stageRules } from './stages.ts';
import { startAnew } from './start-anew.ts';
import { notBegun } from './supersede.ts';
import { waitForProof } from './wait.ts';

/** A stage that was cut off more often is looked at like any other, but nothing is restarted again for it. */
const resumeLimit = 5;
/** And it is waited for no longer than what was started a moment ago needs to show itself. */
const wornOutPatience: Patience = { timeoutMs: 10_000 };

/** Takes a stage from wherever it is to one of its ends. Errors: Aborted, and Io when the journal cannot be written. */
export async function runStage(context: Context, start: JournalStage): Promise<JournalStage> {
  let stage = start;
  if (mayNotReturn(stage, context.node.now())) stage = saveStage(context, stage.name, { state: 'swapping' });
  if (stage.state === 'swapping' || stage.state === 'swapped' || stage.state === 'restoring')
    stage = saveStage(context, stage.name, { resumes: stage.resumes + 1 });
  if (stage.state === 'pending') stage = await begin(context, stage);
  if (stage.state === 'swapping') stage = swapIn(context, stage);
  // What a person left unproved has its turn after all others only when a person stands there again.
  const isTurn = stage.state === 'swapped' || (stage.state === 'unproved' && context.attended !== true);
  if (isTurn) stage = await prove(context, stage);
  if (stage.state === 'restoring') stage = restore(context, stage);
  if (stage.state === 'restored') stage = await proveOld(context, stage, context.cold !== true);
  return stage;
}

/** A key and its certificate are two renames. */
const needsRecovery = (files: readonly JournalFile[]): boolean => files.some(({ role }) => role === 'key');

/** Nothing is touched yet: whatever is wrong ends it here. */
async function begin(context: Context, stage: JournalStage): Promise<JournalStage> {
  const startedAt = context.node.now();
  const { node } = context;
  try {
    const checked = await checkStage(context, stage);
    if (checked.files.length === 0) {
      note(context, startedAt, { name: `${stage.name}: check`, result: 'skipped', message: checked.why });
      return saveStage(context, stage.name, { ...checked.change, files: [], state: 'proved' });
    }
    const recovery = needsRecovery(checked.files) ? bootRecovery(node.files, node.layout) : undefined;
    if (recovery?.possible === false)
      throw new CertError('Unsupported', `the boot could not recover new keys any more: ${recovery.why}`);
    backUp(node.files, checked.files);
    if (recovery !== undefined) installRecoverUnit(node.files, node.layout);
    note(context, startedAt, { name: `${stage.name}: check`, result: 'done', message: checked.why });
    const change = { ...checked.change, files: checked.files, waiting: undefined };
    return saveStage(context, stage.name, { ...change, state: 'swapping' });
  } catch (error) {
    if (!(error instanceof CertError) || error.code === 'Aborted') throw error;
    const message = describeError(error);
    note(context, startedAt, { name: `${stage.name}: check`, result: 'failed', message });
    return saveStage(context, stage.name, { ...notBegun(stage), failure: message });
  }
}

/** The certificates and keys; the manifest comes after them, since it is what restarts. */
function swapIn(context: Context, stage: JournalStage): JournalStage {
  const { node, journal } = context;
  const startedAt = node.now();
  const files = stage.files.filter(({ role }) => role !== 'manifest');
  try {
    swap(node.files, files, 'forward', journal.id);
    note(context, startedAt, { name: `${stage.name}: swap`, result: 'done' });
    const swapped = swappedNow(node);
    if (stageRules[stage.name].steps.includes('prove'))
      return saveStage(context, stage.name, { state: 'swapped', ...swapped });
    // Files that a person named: nobody is restarted, nothing but the files is proved, and no stage follows. Until the
    // caller ends the journal, swapping says enough: the next one finds all in place.
    return setStage(context, stage.name, { state: 'proved', ...swapped });
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    const left = leaveKubeletRotated(context, stage);
    if (left !== undefined) return left.state === 'swapping' ? swapIn(context, left) : left;
    const failure = describeError(error);
    note(context, startedAt, { name: `${stage.name}: swap`, result: 'failed', message: failure });
    return saveStage(context, stage.name, { state: 'restoring', failure });
  }
}

/** What the kubelet has renewed by itself since the check (R2), or while we were dead. Undefined: nothing. */
function leaveKubeletRotated(context: Context, stage: JournalStage): JournalStage | undefined {
  const { node } = context;
  const { files, certificates } = keepKubeletRotated(node, stage);
  if (files.length === stage.files.length) return undefined;
  for (const file of stage.files) if (!files.includes(file)) removeLinkedPem(node.files, file);
  const state = files.length === 0 ? 'proved' : 'swapping';
  const message = 'the kubelet has renewed its client certificate by itself';
  note(context, node.now(), { name: `${stage.name}: swap`, result: 'skipped', message });
  return saveStage(context, stage.name, { files, certificates, state });
}

async function prove(
  context: Context,
  stage: JournalStage,
  patience: Patience = patienceFor(context, stage),
): Promise<JournalStage> {
  const startedAt = context.node.now();
  const isWornOut = stage.resumes > resumeLimit;
  const failed = (why: string, offline = why): JournalStage => {
    const failure = isWornOut ? `${why}; it was interrupted ${stage.resumes} times while it was proved` : why;
    note(context, startedAt, { name: `${stage.name}: prove`, result: 'failed', message: failure });
    // What is missing is not this stage's own: its old files would miss it as well.
    const isHeldUp = patience.offlineIsEnough === true && offline === '';
    // Looked at again: the machine may have been off for weeks since the stage began.
    const mayReturn = stage.mayReturn === true && !endingSoon(stage.certificates, context.node.now());
    if (mayReturn && !isHeldUp) return saveStage(context, stage.name, { state: 'restoring', failure });
    if (context.attended === true || stage.state === 'unproved')
      return saveStage(context, stage.name, { state: 'unproved', failure, offline });
    return saveStage(context, stage.name, { state: 'kept', failure });
  };
  if (!stageRules[stage.name].steps.includes('prove'))
    return saveStage(context, stage.name, { state: 'proved' });
  try {
    putManifest(context, stage, 'forward');
    if (stage.state === 'swapped' && context.cold === true)
      return saveStage(context, stage.name, { state: 'unproved', offline: 'it was not started yet' });
    const since = sinceOf(stage, 'new', context.node.now());
    const { reloaded } = await restartIfDue(context, stage, since, { side: 'new', mayRestart: !isWornOut });
    const mustBeNew = needsStart(stage.name) && !reloaded;
    const proof = await waitForProof(
      context,
      stage,
      { side: 'new', since: mustBeNew ? since : undefined },
      isWornOut && stage.state === 'swapped' ? wornOutPatience : patience,
    );
    if (!proof.proved) return failed(proof.message, proof.offline);
    note(context, startedAt, { name: `${stage.name}: prove`, result: 'done' });
    return saveStage(context, stage.name, { state: 'proved', certificates: proof.certificates });
  } catch (error) {
    if (!(error instanceof CertError) || error.code === 'Aborted') throw error;
    return failed(describeError(error));
  }
}

/**
 * Looks again at what could not be proved in its turn: by now everything that it needs has had its own. After one that
 * still shows nothing those that need it are not waited for. Errors: Aborted.
 */
export async function proveWaiting(context: Context): Promise<void> {
  let isMissing = false;
  for (const { name } of context.journal.stages) {
    let stage = stageOfJournal(context.journal, name);
    if (stage.state !== 'unproved' && stage.state !== 'restored') continue;
    if (stage.state === 'unproved')
      stage = await prove(context, stage, lastPatience(context, stage, isMissing));
    if (stage.state === 'restoring') stage = restore(context, stage);
    if (stage.state === 'restored') stage = await proveOld(context, stage, true);
    isMissing ||= stage.state !== 'proved' && stage.state !== 'rolled-back';
  }
}

/** The old files, then the old manifest. */
function restore(context: Context, stage: JournalStage): JournalStage {
  const { node, journal } = context;
  const startedAt = node.now();
  // What the kubelet has made by itself meanwhile is newer than both sides (R2).
  const files = stage.files.filter((file) => file.role !== 'manifest' && !isKubeletsOwn(node, file));
  try {
    swap(node.files, files, 'back', journal.id);
    const restored = restoredNow(node);
    note(context, startedAt, { name: `${stage.name}: restore`, result: 'rolled-back' });
    return saveStage(context, stage.name, { state: 'restored', ...restored });
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    const why = describeError(error);
    const failure = `${stage.failure ?? ''}; and the old files could not be put back: ${why}`;
    note(context, startedAt, { name: `${stage.name}: restore`, result: 'failed', message: why });
    // It stays where it is: the next apply, or the boot, tries again.
    return saveStage(context, stage.name, { state: 'restoring', failure });
  }
}

/**
 * Only a state that serves is a state that was returned to.
 *
 * @param isTurn false: on a dead node, where all is started together at the end
 */
async function proveOld(context: Context, stage: JournalStage, isTurn: boolean): Promise<JournalStage> {
  const startedAt = context.node.now();
  const end = (state: 'rolled-back' | 'failed', message: string): JournalStage => {
    note(context, startedAt, {
      name: `${stage.name}: prove the old state`,
      result: state === 'failed' ? 'failed' : 'rolled-back',
      message,
    });
    const failure = state === 'failed' ? `${stage.failure ?? ''}; ${message}` : (stage.failure ?? '');
    return saveStage(context, stage.name, { state, failure });
  };
  // Nothing was restarted when the swap itself failed: what runs has never seen the new files.
  if (stage.swappedAt === undefined || !stageRules[stage.name].steps.includes('prove'))
    return end('rolled-back', 'the old files are back; nothing was restarted');
  try {
    putManifest(context, stage, 'back');
    if (!isTurn) return stage;
    await startAnew(context);
    const since = sinceOf(stage, 'old', context.node.now());
    await restartIfDue(context, stage, since, { side: 'old', mayRestart: true });
    const proof = await waitForProof(context, stage, { side: 'old', since: aliveAtAll }, {});
    return proof.proved
      ? end('rolled-back', 'the old state serves')
      : end(
          'failed',
          `${componentOf(stage.name)} does not serve its old certificates either: ${proof.message}`,
        );
  } catch (error) {
    if (!(error instanceof CertError) || error.code === 'Aborted') throw error;
    return end('failed', describeError(error));
  }
}
