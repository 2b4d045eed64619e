// What an earlier rotation left on this node, of the agent or of cert-renew, before a person's own call: brought to fit
// and out of the way. A person who works on the node by hand goes first (R17).
import { posix } from 'node:path';
import type { Location } from '../catalogue/ids.ts';
import { readBundle } from '../formats/pem.ts';
import { CertError } from '../errors.ts';
import { keyFits, readPrivateKey } from '../pki/keys.ts';
import { toBytes } from './bytes.ts';
import { componentOf } from './context.ts';
import { backupsKept, forget } from './driver.ts';
import { findJournal, writeJournal, type Journal } from './journal.ts';
import { makePairsFit, setJournalAside, underWay } from './journal-check.ts';
import { readLive } from './material.ts';
import { sinceOf, startedAfter } from './prove-process.ts';
import { removeRecoverUnit } from './recover-unit.ts';
import { stageRules } from './stages.ts';
import type { RotationNode } from './types.ts';
import { settleUnreadable } from './unreadable.ts';
import { certificateFile } from '../catalogue/discover.ts';

export interface Settled {
  /** What a person should know of it. */
  readonly notes: readonly string[];
  /** Whether live files were brought to one side. */
  readonly changed: boolean;
  /** Certificates whose readers may still hold what was there before. */
  readonly restart: readonly string[];
  /** Why keys and certificates cannot be made to fit, and what to do; the journal stays. */
  readonly stuck?: string;
}

const nothing: Settled = { notes: [], changed: false, restart: [] };

/** Whether files of this node may be of both sides. */
export function isInterrupted({ files, layout }: RotationNode): boolean {
  const found = findJournal(files, layout);
  return found.kind === 'journal' && found.journal.state === 'applying';
}

/** @param keep how many backups stay in the layout's directory */
export function settle(node: RotationNode, keep: number = backupsKept): Settled {
  const found = findJournal(node.files, node.layout);
  if (found.kind === 'none') return nothing;
  if (found.kind === 'unreadable') {
    const { kind, message } = settleUnreadable(node, found);
    return kind === 'moved' ? { ...nothing, notes: [message] } : { ...nothing, stuck: message };
  }
  const { journal } = found;
  if (journal.state === 'applying') return settleInterrupted(node, journal, keep);
  forget(node, keep);
  if (journal.state === 'done') return nothing;
  return { ...nothing, notes: [`a prepared ${whose(journal)}, which had touched nothing, was dropped`] };
}

/**
 * As settle, for those who only tell.
 *
 * @throws CertError JournalForeign when keys and certificates cannot be made to fit
 */
export function settleEarlier(node: RotationNode): readonly string[] {
  const { notes, stuck } = settle(node);
  if (stuck !== undefined) throw new CertError('JournalForeign', stuck);
  return notes;
}

const whose = ({ origin }: Journal): string =>
  origin === 'cli' ? 'call of cert-renew' : 'rotation of the controller';

function settleInterrupted(node: RotationNode, journal: Journal, keep: number): Settled {
  if (journal.machineId !== node.machineId && unfitting(node, journal).length === 0) {
    const path = putAside(node, journal);
    return { ...nothing, notes: [`an interrupted rotation of another machine was moved to ${path}`] };
  }
  const { report, journal: settled } = makePairsFit(node, journal);
  const changed = settled !== journal;
  if (report.kind === 'stuck') return settleRepaired(node, settled, changed);
  const restart = toRestart(node, settled);
  const did = report.messages.join('; ') || 'its files fit';
  if (settled.origin === 'agent') {
    const path = putAside(node, settled);
    const text = `an interrupted rotation of the controller was moved to ${path}: ${did}`;
    return { notes: [text], changed, restart };
  }
  writeJournal(node.files, node.layout, { ...settled, state: 'done' });
  forget(node, keep);
  return { notes: [`an interrupted call was finished first: ${did}`], changed, restart };
}

/** Files that are neither old nor new were written by a person since: good as long as every key fits. */
function settleRepaired(node: RotationNode, journal: Journal, changed: boolean): Settled {
  const bad = unfitting(node, journal);
  if (bad.length === 0) {
    const path = putAside(node, journal);
    const text = `an interrupted ${whose(journal)} was moved to ${path}: its files were changed by somebody else since, and every key fits its certificate`;
    return { notes: [text], changed, restart: [] };
  }
  const backup = journal.stages
    .flatMap(({ files }) => files)
    .map((file) => posix.dirname(file.backupPath))[0];
  const stuck = `an interrupted ${whose(journal)} left ${bad.join(', ')} with a key that does not fit, and it was changed by somebody else since; put both back from ${backup ?? node.layout.backups}, or renew it with kubeadm certs renew, then run this again`;
  return { notes: [], changed, restart: [], stuck };
}

function putAside(node: RotationNode, journal: Journal): string {
  const path = setJournalAside(node, journal);
  removeRecoverUnit(node.files);
  return path;
}

/** Certificates of the stages under way that do not fit their keys as they lie there now. */
function unfitting(node: RotationNode, journal: Journal): string[] {
  return underWay(journal)
    .flatMap(({ certificates }) => certificates.map(({ location }) => location))
    .filter((location) => !fitsNow(node, location))
    .map(certificateFile);
}

function fitsNow({ files }: RotationNode, location: Location): boolean {
  try {
    const live = readLive(files, location);
    const { certificate } = readBundle(toBytes(live.certificate));
    return certificate !== undefined && keyFits(certificate, readPrivateKey(live.key).key);
  } catch (error) {
    if (error instanceof CertError) return false;
    throw error;
  }
}

/** A rotation restarts by itself what it swaps, so only what it did not come to; a call with named files restarts nothing. */
function toRestart(node: RotationNode, { stages }: Journal): string[] {
  return stages
    .filter((stage) => {
      if (stage.name === 'files') return stage.state === 'swapped' || stage.state === 'proved';
      const { steps } = stageRules[stage.name];
      if (!steps.includes('annotate') && !steps.includes('restart')) return false;
      const side = readSide(stage);
      if (side === undefined) return false;
      return startedAfter(node, componentOf(stage.name), sinceOf(stage, side, node.now())).length === 0;
    })
    .flatMap(({ certificates }) => certificates.map(({ location }) => certificateFile(location)));
}

/** The side whose files a component must have been started after. What was never swapped was never read. */
function readSide({ state, swappedAt }: Journal['stages'][number]): 'new' | 'old' | undefined {
  if (state === 'swapped' || state === 'unproved') return 'new';
  return state === 'restored' && swappedAt !== undefined ? 'old' : undefined;
}
