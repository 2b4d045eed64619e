// What lies in a backup and where it belongs: names of the old files alone do not say it once the journal is gone.
import * as v from 'valibot';
import { certificateIds } from '../catalogue/ids.ts';
import type { CertificateId, Location } from '../catalogue/ids.ts';
import { CertError } from '../errors.ts';
import type { Files } from '../host/files.ts';
import type { HostLayout } from '../host/layout.ts';
import { hashOf } from './bytes.ts';
import type { Journal } from './journal.ts';
import { certificateFile } from '../catalogue/discover.ts';

const indexName = 'index.json';
const text = v.string();
const path = v.pipe(text, v.startsWith('/'));
const small = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const shape = v.looseObject({
  schema: v.literal(1),
  createdAt: text,
  files: v.array(
    v.looseObject({
      name: v.pipe(text, v.regex(/^[^/]+$/u)),
      path,
      role: v.picklist(['key', 'certificate', 'combined', 'kubeconfig']),
      sha256: text,
      access: v.optional(v.looseObject({ mode: small, uid: small, gid: small })),
    }),
  ),
  certificates: v.array(
    v.looseObject({
      id: v.optional(v.picklist(certificateIds)),
      location: v.variant('form', [
        v.looseObject({ form: v.literal('pair'), certPath: path, keyPath: path }),
        v.looseObject({ form: v.literal('combined'), path }),
        v.looseObject({ form: v.literal('kubeconfig'), path, user: text }),
      ]),
    }),
  ),
});

export interface BackupFile {
  readonly name: string;
  /** Where it lay. */
  readonly path: string;
  readonly role: 'key' | 'certificate' | 'combined' | 'kubeconfig';
  readonly sha256: string;
  /** Of the file where it lay. Absent: the backup is older than this field. */
  readonly access?: { readonly mode: number; readonly uid: number; readonly gid: number } | undefined;
}

export interface Backup {
  readonly directory: string;
  /** As it was written; for people. */
  readonly createdAt: string;
  /** Those that are there, whole. */
  readonly files: readonly BackupFile[];
  /** Where those that it should hold lay and are not there, or were changed. */
  readonly lost: readonly string[];
  /** Of which any file is there. */
  readonly certificates: readonly IndexedCertificate[];
}

export interface IndexedCertificate {
  readonly id?: CertificateId | undefined;
  readonly location: Location;
}

/** Beside the old files; their directory is synced by the caller. Manifests are left out: nothing of them is worth putting back. */
export function writeBackupIndex(files: Files, { backups }: HostLayout, journal: Journal): void {
  const list = new Map(
    journal.stages
      .flatMap((stage) => stage.files)
      .map(({ backupPath, path, role, oldSha256, mode, uid, gid }) => [
        path,
        {
          name: backupPath.slice(backupPath.lastIndexOf('/') + 1),
          path,
          role,
          sha256: oldSha256,
          access: { mode, uid, gid },
        },
      ]),
  );
  const index = {
    schema: 1,
    createdAt: journal.createdAt,
    files: [...list.values()],
    certificates: journal.stages.flatMap(({ certificates }) =>
      certificates.map(({ id, location }) => ({ id, location })),
    ),
  };
  const bytes = Buffer.from(`${JSON.stringify(index, undefined, 1)}\n`, 'utf8');
  const directory = `${backups}/${journal.id}`;
  files.create(`${directory}/${indexName}`, new Uint8Array(bytes), { mode: 0o600, uid: 0, gid: 0 });
}

/** @throws CertError NotFound, Unsupported when nobody can tell any more where its files belong */
export function readBackup(files: Files, directory: string): Backup {
  if (files.stat(directory)?.kind !== 'directory')
    throw new CertError('NotFound', `${directory} is no backup; cert-renew restore lists them`);
  const index = readIndex(files, `${directory}/${indexName}`);
  if (index === undefined) {
    throw new CertError(
      'Unsupported',
      `${directory} does not say where its files belong (no ${indexName} of this version); copy them back by hand`,
    );
  }
  const there = index.files.filter(({ name, sha256 }) => hashOf(files, `${directory}/${name}`) === sha256);
  const paths = new Set(there.map((file) => file.path));
  const lost = index.files.map((file) => file.path).filter((each) => !paths.has(each));
  const certificates = index.certificates.filter(
    ({ location }) => touchedFiles(files, location, paths).length > 0,
  );
  return { directory, createdAt: index.createdAt, files: there, lost, certificates };
}

/** Those of a location that are among `paths`: there files are named by what they are, links resolved; the kubelet's own link by itself. */
export function touchedFiles(
  files: Pick<Files, 'stat' | 'realpath'>,
  location: Location,
  paths: ReadonlySet<string>,
): ('certificate' | 'key')[] {
  const isTouched = (name: string): boolean =>
    paths.has(name) || (files.stat(name) !== undefined && paths.has(files.realpath(name)));
  const certificate = isTouched(certificateFile(location)) ? (['certificate'] as const) : [];
  if (location.form !== 'pair') return certificate.length === 0 ? [] : ['certificate', 'key'];
  return isTouched(location.keyPath) ? [...certificate, 'key'] : [...certificate];
}

function readIndex(files: Files, path: string): v.InferOutput<typeof shape> | undefined {
  if (files.lstat(path)?.kind !== 'file') return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(files.read(path)).toString('utf8'));
    return v.is(shape, value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Those that can be put back, the newest first. */
export function listBackups(files: Files, { backups }: HostLayout): Backup[] {
  if (files.stat(backups)?.kind !== 'directory') return [];
  const names = files.readdir(backups).toSorted().toReversed();
  return names.flatMap((name) => {
    try {
      const backup = readBackup(files, `${backups}/${name}`);
      return backup.files.length === 0 ? [] : [backup];
    } catch (error) {
      if (error instanceof CertError) return [];
      throw error;
    }
  });
}
