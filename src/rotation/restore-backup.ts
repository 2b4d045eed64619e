// The files of a backup in the places of the live ones, all or none, by the same journal and swap as a renewal; what lay
// there until now becomes a backup itself.
import type { Location } from '../catalogue/ids.ts';
import { CertError } from '../errors.ts';
import { readBundle } from '../formats/pem.ts';
import type { Files } from '../host/files.ts';
import type { Certificate } from '../pki/certificate.ts';
import { keyFits, readPrivateKey } from '../pki/keys.ts';
import type { Backup } from './backup-index.ts';
import { sha256, toBytes } from './bytes.ts';
import type { Journal, JournalFile } from './journal.ts';
import { journalSchema } from './journal.ts';
import { describeLocation, liveFile, readLive } from './material.ts';
import { journalFile, newJournalId, withLink, type Draft } from './prepare.ts';
import { settle } from './settle-earlier.ts';
import { swapAll } from './swap-files.ts';
import type { RotationNode } from './types.ts';

export interface RestoredCertificate {
  readonly location: Location;
  readonly certificate: Certificate;
}

export interface RestoreReport {
  readonly end: 'done' | 'same' | 'restored' | 'partly';
  /** What failed. */
  readonly message: string;
  readonly certificates: readonly RestoredCertificate[];
  readonly notes: readonly string[];
  /** Where the files are that lay there until now. */
  readonly backup?: string;
}

/**
 * The caller holds the lock.
 *
 * @param options.force also certificates that have expired
 * @throws CertError before anything was touched: KeyMismatch, Usage for what has expired, those of checkTarget
 */
export async function restoreBackup(
  node: RotationNode,
  backup: Backup,
  options: { readonly force: boolean; readonly dryRun?: boolean },
  signal: AbortSignal,
): Promise<RestoreReport> {
  const certificates = checkBackup(node, backup, options.force);
  const first = draftOf(node, backup, certificates);
  if (first.prepared.length === 0) return { end: 'same', message: '', certificates, notes: [] };
  if (options.dryRun === true) return { end: 'done', message: '', certificates, notes: [] };
  const earlier = settle(node);
  if (earlier.stuck !== undefined) throw new CertError('JournalForeign', earlier.stuck);
  const made = earlier.changed ? draftOf(node, backup, certificates) : first;
  const ended = await swapAll(node, made, {}, signal);
  if (!ended.done) {
    const end = ended.isRestored && !earlier.changed ? 'restored' : 'partly';
    return { end, message: ended.message, certificates: [], notes: earlier.notes };
  }
  const notes = [...earlier.notes, ...ended.problems];
  return { end: 'done', message: '', certificates, notes, ...ended.backup };
}

/** What would lie in the places of the live files. Errors: KeyMismatch, Usage for what has expired. */
export function checkBackup(node: RotationNode, backup: Backup, force = false): RestoredCertificate[] {
  const certificates = backup.certificates.map(({ location }) => readRestored(node, backup, location));
  if (!force) for (const each of certificates) refuseExpired(each, backup, node.now());
  return certificates;
}

/** As it will lie there: the backup's files over the live ones, since a key that was kept is in no backup. */
function readRestored({ files }: RotationNode, backup: Backup, location: Location): RestoredCertificate {
  const text = readLive(over(files, backup), location);
  const { certificate } = readBundle(toBytes(text.certificate));
  const where = describeLocation(location);
  if (certificate === undefined)
    throw new CertError('MalformedPem', `${backup.directory} holds no certificate for ${where}`);
  if (!keyFits(certificate, readPrivateKey(text.key).key)) {
    throw new CertError(
      'KeyMismatch',
      `the certificate for ${where} in ${backup.directory} does not fit the key that would lie beside it; a later backup holds the key of its time: restore that first`,
    );
  }
  return { location, certificate };
}

function over(files: Files, backup: Backup): Pick<Files, 'read' | 'realpath'> {
  const names = new Map(backup.files.map(({ path, name }) => [path, `${backup.directory}/${name}`]));
  return {
    realpath: (path) => (names.has(path) ? path : files.realpath(path)),
    read: (path) => files.read(names.get(path) ?? path),
  };
}

function refuseExpired(
  { location, certificate }: RestoredCertificate,
  { directory }: Backup,
  now: Date,
): void {
  if (certificate.notAfter > now) return;
  const [where, end] = [describeLocation(location), certificate.notAfter.toISOString()];
  throw new CertError(
    'Usage',
    `the certificate for ${where} in ${directory} expired at ${end}; --force puts it back all the same`,
  );
}

/** Keys before certificates, as everywhere. */
function draftOf(node: RotationNode, backup: Backup, certificates: readonly RestoredCertificate[]): Draft {
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

function journalOf(
  node: RotationNode,
  made: {
    readonly id: string;
    readonly files: readonly JournalFile[];
    readonly certificates: readonly RestoredCertificate[];
  },
): Journal {
  const certificates = made.certificates.map(({ location, certificate: { serial, notAfter } }) => {
    const old = readBundle(toBytes(readLive(node.files, location).certificate)).certificate;
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
