// The truth about a rotation that is under way, on the host's disk: written before anything is touched, and at every
// step. It is believed only as far as the files confirm it (R17): journal-check.ts.
import { CertError } from '../errors.ts';
import type { CertificateId, Location } from '../catalogue/ids.ts';
import type { Files } from '../host/files.ts';
import type { HostLayout } from '../host/layout.ts';
import type { BootMoment } from '../host/processes.ts';
import { makeDirectories, writeAtomically } from './bytes.ts';
import { isJournal } from './journal-shape.ts';
import type { StageName } from './stages.ts';
import { touch } from './touched.ts';
import type { NodeFacts, Outcome, OutcomeStep } from './types.ts';

export const journalSchema = 1;

export interface JournalFile {
  /** `kubelet-link`: a new dated pem, and the link kubelet-client-current.pem swapped to it (R2). */
  readonly kind: 'replace' | 'kubelet-link';
  readonly role: 'key' | 'certificate' | 'combined' | 'kubeconfig' | 'manifest';
  /** The file that is replaced, links resolved; of kubelet-link the link itself. */
  readonly path: string;
  /** The new bytes, in the host directory. */
  readonly preparedPath: string;
  /** The old bytes, in the host directory; written before the first rename. */
  readonly backupPath: string;
  readonly oldSha256: string;
  readonly newSha256: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of kubelet-link: what the link said, what it shall say, and the new pem's own path. */
  readonly link?: { readonly old: string; readonly new: string; readonly newPath: string };
}

export interface JournalCertificate {
  readonly id: CertificateId | undefined;
  readonly location: Location;
  readonly oldSerial: string;
  readonly newSerial: string;
  readonly oldNotAfter: string;
  readonly newNotAfter: string;
  /** How the live process was seen with the new one (R20). */
  readonly proof?: string;
  /** The kubelet had renewed it by itself (R2): left alone. */
  readonly rotatedByKubelet?: boolean;
}

/**
 * pending → swapping → swapped → proved, or → restoring → restored → rolled-back; ends that need a person: kept (new
 * files, not proved, R14) and failed (old files, not proved). not-begun: a check said no, nothing was touched. unproved: as
 * kept, before a person: the other stages go on, and the next call looks again (R15).
 */
export type StageState =
  | 'pending'
  | 'swapping'
  | 'swapped'
  | 'proved'
  | 'restoring'
  | 'restored'
  | 'rolled-back'
  | 'kept'
  | 'unproved'
  | 'failed'
  | 'not-begun';

export interface JournalStage {
  readonly name: StageName;
  readonly state: StageState;
  readonly files: readonly JournalFile[];
  readonly certificates: readonly JournalCertificate[];
  /** Why it did not serve when the rotation started; empty when it did. Absent in journals of earlier versions. */
  readonly notServing?: string;
  /** The old state served when the rotation started, and is valid for more than 24 h (R14). */
  readonly mayReturn?: boolean;
  /** When the last of the certificates' files was in its place; what started later has read them. RFC 3339. */
  readonly swappedAt?: string;
  readonly restoredAt?: string;
  /** The same moments as the node counts them since its boot; absent in journals of earlier versions. */
  readonly swappedMoment?: BootMoment;
  readonly restoredMoment?: BootMoment;
  /** How often it was taken up again. */
  readonly resumes: number;
  /** Of an unproved one: what is wrong as far as this node alone can tell; empty when all of that holds. */
  readonly offline?: string;
  /** Why it is not proved. */
  readonly failure?: string;
  /** Of one that renews what waits to be proved, until it has begun: the stage whose place it takes. */
  readonly waiting?: JournalStage | undefined;
}

export interface Journal {
  readonly schema: typeof journalSchema;
  readonly id: string;
  readonly machineId: string;
  readonly nodeUID?: string;
  readonly rotationUID?: string;
  readonly origin: 'agent' | 'cli';
  readonly createdAt: string;
  readonly state: 'prepared' | 'applying' | 'done';
  /** The journal whose place it takes, by its id: it counts no more from the moment at which this one is written. */
  readonly supersedes?: string;
  readonly kubeletRestart: 'always' | 'auto';
  readonly facts: NodeFacts;
  readonly stages: readonly JournalStage[];
  readonly steps: readonly OutcomeStep[];
  readonly notes: readonly string[];
  readonly outcome?: Outcome;
}

export const journalPath = (layout: HostLayout, id: string): string => `${layout.journal}/${id}.json`;

/** Writes the journal so that a crash leaves the last one or this one. */
export function writeJournal(files: Files, layout: HostLayout, journal: Journal): void {
  if (journal.state === 'applying') touch();
  makeDirectories(files, layout.journal);
  const bytes = Buffer.from(`${JSON.stringify(journal, undefined, 1)}\n`, 'utf8');
  writeAtomically(files, journalPath(layout, journal.id), new Uint8Array(bytes));
}

/** What a death left of the journal whose place this one took. */
export function removeSuperseded(files: Files, layout: HostLayout, { supersedes }: Journal): void {
  if (supersedes !== undefined) removeJournal(files, layout, supersedes);
}

export function removeJournal(files: Files, layout: HostLayout, id: string): void {
  if (files.lstat(journalPath(layout, id)) === undefined) return;
  files.unlink(journalPath(layout, id));
  files.syncDirectory(layout.journal);
}

export type FoundJournal =
  | { readonly kind: 'none' }
  | { readonly kind: 'journal'; readonly journal: Journal }
  /** Not one of ours, or of a newer program. */
  | { readonly kind: 'unreadable'; readonly path: string; readonly why: string };

/** The journal of this node: at most one counts, since the lock is held from its making to its end. */
export function findJournal(files: Files, layout: HostLayout): FoundJournal {
  if (files.stat(layout.journal)?.kind !== 'directory') return { kind: 'none' };
  const names = files.readdir(layout.journal).filter((each) => !each.startsWith('.'));
  const all = names.map((name) => readJournal(files, layout, name));
  const journals = all.flatMap((found) => (found.kind === 'journal' ? [found.journal] : []));
  const superseded = new Set(journals.map(({ supersedes }) => supersedes));
  const counts = (found: FoundJournal): boolean =>
    found.kind !== 'journal' || !superseded.has(found.journal.id);
  return all.find(counts) ?? { kind: 'none' };
}

function readJournal(files: Files, layout: HostLayout, name: string): FoundJournal {
  const path = `${layout.journal}/${name}`;
  try {
    const journal: unknown = JSON.parse(Buffer.from(files.read(path)).toString('utf8'));
    if (isJournal(journal) && `${journal.id}.json` === name) return { kind: 'journal', journal };
    return { kind: 'unreadable', path, why: 'it is not a journal of this version' };
  } catch (error) {
    if (error instanceof CertError && error.code === 'Io') throw error;
    return { kind: 'unreadable', path, why: 'it is no JSON' };
  }
}

/** A copy with one stage changed. */
export function withStage(journal: Journal, name: StageName, change: Partial<JournalStage>): Journal {
  return {
    ...journal,
    stages: journal.stages.map((stage) => (stage.name === name ? { ...stage, ...change } : stage)),
  };
}
