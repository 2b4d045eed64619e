// The files of a backup in the places of the live ones, all or none, by the same journal and swap as a renewal; what lay
// there until now becomes a backup itself.
import type { Discovery } from '../catalogue/discover.ts';
import type { Location } from '../catalogue/ids.ts';
import { CertError, describeError } from '../errors.ts';
import { readBundle } from '../formats/pem.ts';
import type { Certificate } from '../pki/certificate.ts';
import type { Backup } from './backup-index.ts';
import { sha256, toBytes } from './bytes.ts';
import type { Journal, JournalFile } from './journal.ts';
import { journalSchema } from './journal.ts';
import { judgeBackup, refuseMissing, type RestoredCertificate } from './judge-backup.ts';
import { liveFile, readLive } from './material.ts';
import { journalFile, newJournalId, withLink, type Draft } from './prepare.ts';
import { settle } from './settle-earlier.ts';
import { swapAll } from './swap-files.ts';
import type { RotationNode } from './types.ts';

export interface RestoreReport {
  readonly end: 'done' | 'same' | 'restored' | 'partly';
  /** What failed. */
  readonly message: string;
  readonly certificates: readonly RestoredCertificate[];
  readonly notes: readonly string[];
  /** Where the files are that lay there until now. */
  readonly backup?: string;
}

export interface RestoreOptions {
  /** Also what ends within a day (R14), and what no CA of this node signed. */
  readonly force: boolean;
  readonly dryRun?: boolean;
}

/**
 * The caller holds the lock.
 *
 * @throws CertError before anything was touched: those of judgeBackup, refuseMissing and checkTarget, Usage for what needs force
 */
export async function restoreBackup(
  node: RotationNode,
  discovery: Discovery,
  backup: Backup,
  options: RestoreOptions,
  signal: AbortSignal,
): Promise<RestoreReport> {
  const first = draftOf(node, discovery, backup, options);
  const { certificates, notes } = first;
  if (first.draft.prepared.length === 0) return { end: 'same', message: '', certificates, notes };
  if (options.dryRun === true) return { end: 'done', message: '', certificates, notes };
  // None of the backups goes: it may be this one.
  const earlier = settle(node, Number.POSITIVE_INFINITY);
  if (earlier.stuck !== undefined && !earlier.changed) throw new CertError('JournalForeign', earlier.stuck);
  const failed = (message: string, isRestored: boolean): RestoreReport => {
    const end = isRestored && !earlier.changed ? 'restored' : 'partly';
    return { end, message, certificates: [], notes: earlier.notes };
  };
  if (earlier.stuck !== undefined) return failed(earlier.stuck, false);
  const made = earlier.changed ? judgeAgain(() => draftOf(node, discovery, backup, options)) : first;
  if (typeof made === 'string') return failed(made, true);
  const ended = await swapAll(node, made.draft, {}, signal);
  if (!ended.done) return failed(ended.message, ended.isRestored);
  const all = [...notes, ...earlier.notes, ...ended.problems];
  return { end: 'done', message: '', certificates: made.certificates, notes: all, ...ended.backup };
}

interface Made {
  readonly draft: Draft;
  readonly certificates: readonly RestoredCertificate[];
  readonly notes: readonly string[];
}

function draftOf(node: RotationNode, discovery: Discovery, backup: Backup, { force }: RestoreOptions): Made {
  const { certificates, doubts } = judgeBackup(node, discovery, backup);
  if (!force && doubts.length > 0)
    throw new CertError('Usage', `${doubts.join('; ')}; --force puts it back all the same`);
  refuseMissing(node.files, backup);
  const notes = doubts.map((doubt) => `${doubt}; --force wants it all the same`);
  return { draft: compose(node, backup, certificates), certificates, notes };
}

/** Files that an earlier rotation had changed were brought to one side meanwhile. Result: or why it is refused now. */
function judgeAgain(judge: () => Made): Made | string {
  try {
    return judge();
  } catch (error) {
    return describeError(error);
  }
}

/** Keys before certificates, as everywhere. */
function compose(node: RotationNode, backup: Backup, certificates: readonly RestoredCertificate[]): Draft {
  const { files } = node;
  const id = newJournalId(node);
  const changed = backup.files
    .toSorted((a, b) => Number(b.role === 'key') - Number(a.role === 'key'))
    .flatMap(({ name, path, role }) => {
      const bytes = files.read(`${backup.directory}/${name}`);
      const live = liveFile(files, path, role);
      return sha256(live.bytes) === sha256(bytes) ? [] : [{ live, bytes }];
    });
  const list = changed.map(({ live, bytes }, index): JournalFile =>
    withLink(node, journalFile(node, id, live, { index, bytes, now: node.now() })),
  );
  return {
    journal: journalOf(node, { id, files: list, certificates }),
    prepared: list.map(({ preparedPath }, index) => ({
      path: preparedPath,
      bytes: changed[index]?.bytes ?? new Uint8Array(),
    })),
    renewed: [],
  };
}

/** Undefined where what lies there is broken: that is what it is replaced for. */
function certificateNow({ files }: RotationNode, location: Location): Certificate | undefined {
  try {
    return readBundle(toBytes(readLive(files, location).certificate)).certificate;
  } catch (error) {
    if (error instanceof CertError) return undefined;
    throw error;
  }
}

function journalOf(
  node: RotationNode,
  made: {
    readonly id: string;
    readonly files: readonly JournalFile[];
    readonly certificates: readonly RestoredCertificate[];
  },
): Journal {
  const certificates = made.certificates.map(({ location, certificate: { serial, notAfter } }) => {
    const old = certificateNow(node, location);
    return {
      id: undefined,
      location,
      oldSerial: old?.serial ?? '',
      newSerial: serial,
      oldNotAfter: (old?.notAfter ?? notAfter).toISOString(),
      newNotAfter: notAfter.toISOString(),
    };
  });
  return {
    schema: journalSchema,
    id: made.id,
    machineId: node.machineId,
    origin: 'cli',
    createdAt: node.now().toISOString(),
    state: 'prepared',
    kubeletRestart: 'always',
    facts: { manifests: {} },
    stages: [{ name: 'files', state: 'pending', files: made.files, certificates, resumes: 0 }],
    steps: [],
    notes: [],
  };
}
