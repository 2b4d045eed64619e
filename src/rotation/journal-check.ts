// How far a journal that lies on a host is believed (R17), and what is done with one that is not.
import { posix } from 'node:path';
import type { Component, Location } from '../catalogue/ids.ts';
import { CertError, describeError } from '../errors.ts';
import { readBundle } from '../formats/pem.ts';
import { keyFits, readPrivateKey } from '../pki/keys.ts';
import type { RotationNode } from './types.ts';
import { makeDirectories, toBytes } from './bytes.ts';
import type { Journal, JournalCertificate, JournalFile, JournalStage } from './journal.ts';
import { journalPath, removeSuperseded, withStage, writeJournal } from './journal.ts';
import { describeLocation, readLive } from './material.ts';
import { stageRules } from './stages.ts';
import { liveState, swap, sweep } from './swap.ts';

export interface Identity {
  readonly nodeUID?: string;
  readonly rotationUID?: string;
}

/** Why a journal is not to be resumed; empty when it is. Pure but for reading. */
export function whyForeign(node: RotationNode, journal: Journal, identity: Identity): string {
  if (journal.machineId !== node.machineId) return `it is of machine ${journal.machineId}`;
  if (differ(journal.nodeUID, identity.nodeUID)) return `it is of node ${journal.nodeUID ?? ''}`;
  const foreign = underWay(journal)
    .flatMap(({ files }) => files)
    .find((file) => isForeign(node, file));
  return foreign === undefined ? '' : `${foreign.path} was changed by somebody else`;
}

/** A rotation that was interrupted is taken to its end by whoever comes next; one that touched nothing gives way. */
export const isOfAnother = (journal: Journal, identity: Identity): boolean =>
  differ(journal.rotationUID, identity.rotationUID);

/** Both sides must know it to differ: cert-renew knows neither. */
const differ = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && a !== b;

const isForeign = ({ files }: RotationNode, file: JournalFile): boolean =>
  file.kind === 'replace' && liveState(files, file) === 'foreign';

/** A link of the kubelet that leads elsewhere is the kubelet's own work (R2). */
export const isKubeletsOwn = ({ files }: RotationNode, file: JournalFile): boolean =>
  file.kind === 'kubelet-link' && liveState(files, file) === 'foreign';

/** Stages in which files may be of either side. */
export const underWay = ({ stages }: Journal): readonly JournalStage[] =>
  stages.filter(({ state }) => ['swapping', 'swapped', 'restoring', 'restored', 'unproved'].includes(state));

/** Components that may still run with other certificates than lie on the disk: only a restart tells. */
export function mustRestart(journal: Journal): Component[] {
  return underWay(journal).flatMap(({ name, state, swappedAt }) => {
    const { component, steps } = stageRules[name];
    const restarts = steps.includes('annotate') || steps.includes('restart');
    // The old files are back and nothing had been restarted: what runs has never seen others.
    return restarts && !(state === 'restored' && swappedAt === undefined) ? [component] : [];
  });
}

const day = 86_400_000;

/** An old certificate that ends within a day is no place to return to (R14). */
export const endsSoon = (notAfter: Date, now: Date): boolean => notAfter.getTime() <= now.getTime() + day;

export const endingSoon = (
  certificates: readonly JournalCertificate[],
  now: Date,
): JournalCertificate | undefined =>
  certificates.find(({ oldNotAfter }) => endsSoon(new Date(oldNotAfter), now));

/** On its way back when it was cut off, or just there, and meanwhile the old state has ended: it goes forward (R14). */
export const mayNotReturn = ({ state, certificates }: JournalStage, now: Date): boolean =>
  (state === 'restoring' || state === 'restored') && endingSoon(certificates, now) !== undefined;

export interface ResumeReport {
  /** Nothing to do, all fits, or what does not. */
  readonly kind: 'none' | 'fits' | 'stuck';
  readonly messages: readonly string[];
}

/**
 * Makes key and certificate fit in every stage that was cut off in its renames: on the way that it was on, unless that
 * leads back to what has ended (R14), and the other way where bytes are missing. What somebody else has replaced meanwhile
 * stays as it is, where it fits (R17). Restarts nothing, proves nothing, needs no network. The journal says afterwards what
 * was done.
 */
export function makePairsFit(node: RotationNode, start: Journal): { journal: Journal; report: ResumeReport } {
  let journal = start;
  const messages: string[] = [];
  let stuck = false;
  const cutOff = start.stages.filter(
    (stage) => stage.state === 'swapping' || stage.state === 'restoring' || mayNotReturn(stage, node.now()),
  );
  for (const stage of cutOff) {
    const { change, message } = settle(node, start.id, stage);
    messages.push(`${stage.name}: ${message}`);
    if (change === undefined) {
      stuck = true;
      continue;
    }
    journal = withStage(journal, stage.name, change);
    writeJournal(node.files, node.layout, journal);
  }
  const kind = messages.length === 0 ? 'none' : 'fits';
  return { journal, report: { kind: stuck ? 'stuck' : kind, messages } };
}

export function swappedNow({ now, processes }: RotationNode): Partial<JournalStage> {
  const moment = processes.now();
  return { swappedAt: now().toISOString(), ...(moment === undefined ? {} : { swappedMoment: moment }) };
}

export function restoredNow({ now, processes }: RotationNode): Partial<JournalStage> {
  const moment = processes.now();
  return { restoredAt: now().toISOString(), ...(moment === undefined ? {} : { restoredMoment: moment }) };
}

function settle(
  node: RotationNode,
  id: string,
  stage: JournalStage,
): { change: Partial<JournalStage> | undefined; message: string } {
  const forward = { direction: 'forward', state: 'swapped', now: swappedNow } as const;
  const back = { direction: 'back', state: 'restored', now: restoredNow } as const;
  const failures: string[] = [];
  // What the kubelet has made by itself meanwhile is newer than both sides (R2).
  const files = stage.files.filter((file) => file.role !== 'manifest' && !isKubeletsOwn(node, file));
  const goesOn = stage.state === 'swapping' || mayNotReturn(stage, node.now());
  for (const way of goesOn ? [forward, back] : [back, forward]) {
    try {
      swap(node.files, files, way.direction, id);
      return {
        change: { state: way.state, ...way.now(node) },
        message: way.direction === 'forward' ? 'the new files are in place' : 'the old files are back',
      };
    } catch (error) {
      if (!(error instanceof CertError)) throw error;
      failures.push(describeError(error));
    }
  }
  const unfit = unfitOf(node, stage.certificates);
  const replaced = files.filter((file) => isForeign(node, file)).map(({ path }) => path);
  // Repaired by hand (kubeadm certs renew): the journal has nothing left to do here.
  if (replaced.length > 0 && unfit.length === 0)
    return {
      change: {},
      message: `${replaced.join(', ')} replaced by somebody else; keys and certificates fit`,
    };
  return { change: undefined, message: [...failures, ...unfit].join('; ') };
}

/** Why each pair that does not fit does not. */
export function unfitOf(
  { files }: RotationNode,
  certificates: readonly { readonly location: Location }[],
): string[] {
  return certificates.flatMap(({ location }) => {
    const where = describeLocation(location);
    try {
      const { certificate, key } = readLive(files, location);
      const leaf = readBundle(toBytes(certificate)).certificate;
      if (leaf === undefined) return [`${where} holds no certificate`];
      return keyFits(leaf, readPrivateKey(key).key) ? [] : [`the key of ${where} does not fit`];
    } catch (error) {
      if (!(error instanceof CertError)) throw error;
      return [describeError(error)];
    }
  });
}

/** Journals that are kept for a person to look at. */
const setAsideKept = 5;

/** Moves a journal out of the way; its backups stay. */
export function setAside(node: RotationNode, path: string): string {
  const { files, layout } = node;
  makeDirectories(files, layout.setAside);
  const stamp = node.now().toISOString().replaceAll(/[:.]/g, '-');
  const target = `${layout.setAside}/${stamp}-${posix.basename(path)}`;
  files.rename(path, target);
  files.syncDirectory(layout.setAside);
  files.syncDirectory(posix.dirname(path));
  // Their names begin with the time.
  for (const name of files.readdir(layout.setAside).toSorted().toReversed().slice(setAsideKept))
    files.unlink(`${layout.setAside}/${name}`);
  return target;
}

/** As setAside, by journal; what of it waits beside targets is removed. */
export function setJournalAside(node: RotationNode, journal: Journal): string {
  for (const file of journal.stages.flatMap(({ files }) => files)) {
    try {
      sweep(node.files, file, journal.id);
    } catch (error) {
      // A dot file that cannot be removed now does no harm; the journal in the way does.
      if (!(error instanceof CertError)) throw error;
    }
  }
  removeSuperseded(node.files, node.layout, journal);
  return setAside(node, journalPath(node.layout, journal.id));
}
