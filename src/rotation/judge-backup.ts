// What a backup would make of a node, judged before anything is touched: every certificate of which it touches a file, as
// it would lie there afterwards. A key that was kept is in no backup, so what stays counts as much as what is put back.
import { posix } from 'node:path';
import type { Discovery } from '../catalogue/discover.ts';
import { certificateFile } from '../catalogue/discover.ts';
import type { Location } from '../catalogue/ids.ts';
import { entryOf } from '../catalogue/table.ts';
import { CertError } from '../errors.ts';
import { parseKubeconfig } from '../formats/kubeconfig.ts';
import { readBundle } from '../formats/pem.ts';
import { shellWord } from '../formats/text.ts';
import type { Files } from '../host/files.ts';
import type { Certificate } from '../pki/certificate.ts';
import { keyFits, readPrivateKey } from '../pki/keys.ts';
import { isSignedBy } from '../pki/verify.ts';
import { touchedFiles, type Backup, type BackupFile, type IndexedCertificate } from './backup-index.ts';
import { toBytes } from './bytes.ts';
import { readAuthorities, seenWhole, type Authorities } from './inventory.ts';
import { endsSoon } from './journal-check.ts';
import { describeLocation, readLive } from './material.ts';
import type { RotationNode } from './types.ts';

export interface RestoredCertificate {
  readonly location: Location;
  readonly certificate: Certificate;
}

export interface JudgedBackup {
  readonly certificates: readonly RestoredCertificate[];
  /** Why a person may not want it: sentences without an end. */
  readonly doubts: readonly string[];
}

type Located = Pick<Discovery, 'targets' | 'cas'>;

/**
 * @param discovery of the node as it is
 * @throws CertError KeyMismatch; Unsupported for a file that belongs to no certificate; those of the formats
 */
export function judgeBackup(node: RotationNode, discovery: Located, backup: Backup): JudgedBackup {
  const view = afterwards(node.files, backup);
  const paths = new Set(backup.files.map(({ path }) => path));
  refuseStrays(node.files, backup);
  for (const location of othersTouched(node.files, discovery, backup))
    read(node.files, view, backup, location);
  const authorities = readAuthorities(seenWhole(node.files), discovery.cas);
  const judged = backup.certificates.map((each) => {
    const { location } = each;
    const certificate = read(node.files, view, backup, location);
    const isPutBack = touchedFiles(node.files, location, paths).includes('certificate');
    const doubts = isPutBack
      ? [whyEnding(certificate, node.now()), whyUnsigned(certificate, idOf(discovery, each), authorities)]
      : [];
    const about = `the certificate for ${describeLocation(location)} in ${backup.directory}`;
    return {
      location,
      certificate,
      doubts: doubts.filter((why) => why !== '').map((why) => `${about} ${why}`),
    };
  });
  return {
    certificates: judged.map(({ location, certificate }) => ({ location, certificate })),
    doubts: judged.flatMap(({ doubts }) => doubts),
  };
}

type View = Pick<Files, 'read' | 'realpath'>;

/** The backup's files over the live ones. */
function afterwards(files: Files, backup: Backup): View {
  const names = new Map(backup.files.map(({ path, name }) => [path, `${backup.directory}/${name}`]));
  return {
    realpath: (path) => (names.has(path) ? path : files.realpath(path)),
    read: (path) => files.read(names.get(path) ?? path),
  };
}

function refuseStrays(files: Files, { directory, certificates, files: list }: Backup): void {
  for (const { name, path } of list) {
    const one = new Set([path]);
    if (certificates.some(({ location }) => touchedFiles(files, location, one).length > 0)) continue;
    throw new CertError(
      'Unsupported',
      `nobody can tell to which certificate ${directory}/${name} belongs; copy it back to ${path} by hand`,
      { file: `${directory}/${name}` },
    );
  }
}

/**
 * A swap replaces what is there, with owner, mode and labels. What is gone takes nothing away: a person lays it down. After
 * all other judgement: nobody is told to lay down what is refused then.
 *
 * @throws CertError NotFound
 */
export function refuseMissing(files: Files, backup: Backup): void {
  const gone = backup.files.filter(({ path }) => files.stat(path) === undefined);
  if (gone.length === 0) return;
  const paths = gone.map(({ path }) => path).join(', ');
  const commands = gone.map((file) => layingDown(backup.directory, file)).join(' && ');
  throw new CertError(
    'NotFound',
    `${paths} does not exist, and only what is there is replaced; lay it down by hand, then restore again: ${commands}`,
  );
}

/** The kubelet wants its own file to be a link. */
function layingDown(directory: string, { name, path, access }: BackupFile): string {
  const from = `${directory}/${name}`;
  const { dir, base } = posix.parse(path);
  const { mode, uid, gid } = access ?? { mode: 0o600, uid: 0, gid: 0 };
  const owner = uid === 0 && gid === 0 ? '' : ` -o ${uid} -g ${gid}`;
  const install = (to: string): string =>
    `install -D -m ${mode.toString(8)}${owner} ${shellWord(from)} ${shellWord(to)}`;
  if (base !== 'kubelet-client-current.pem') return install(path);
  const pem = `kubelet-client-${posix.basename(directory)}.pem`;
  return `${install(`${dir}/${pem}`)} && ln -sfn ${shellWord(pem)} ${shellWord(path)}`;
}

/** Of other certificates: one may share its key, and a kubeconfig may have users that were not renewed along. */
function othersTouched(files: Files, { targets }: Located, backup: Backup): Location[] {
  const paths = new Set(backup.files.map(({ path }) => path));
  const users = backup.files
    .filter(({ role }) => role === 'kubeconfig')
    .flatMap(({ name, path }) => usersOf(files.read(`${backup.directory}/${name}`), path));
  const shared = targets
    .map(({ location }) => location)
    .filter((location) => location.form === 'pair' && touchedFiles(files, location, paths).length > 0);
  return [...users, ...shared];
}

function usersOf(bytes: Uint8Array, path: string): Location[] {
  return parseKubeconfig(Buffer.from(bytes).toString('utf8'), path)
    .users.filter(({ certificate, key }) => certificate?.kind === 'data' && key?.kind === 'data')
    .map(({ name }) => ({ form: 'kubeconfig', path, user: name }));
}

function read(files: Files, view: View, backup: Backup, location: Location): Certificate {
  const text = readLive(view, location);
  const { certificate } = readBundle(toBytes(text.certificate));
  const where = describeLocation(location);
  if (certificate === undefined)
    throw new CertError(
      'MalformedPem',
      `after ${backup.directory} there would be no certificate at ${where}`,
    );
  if (!keyFits(certificate, readPrivateKey(text.key).key))
    throw new CertError('KeyMismatch', whyUnfit(files, backup, location), {
      file: certificateFile(location),
    });
  return certificate;
}

const orElse = 'restore another backup, or make a new pair (kubeadm certs renew)';

function whyUnfit(files: Files, { directory, files: list, lost }: Backup, location: Location): string {
  const where = describeLocation(location);
  const back = touchedFiles(files, location, new Set(list.map(({ path }) => path)));
  if (back.length > 1)
    return `certificate and key for ${where} in ${directory} do not fit each other; ${orElse}`;
  const isLost = touchedFiles(files, location, new Set(lost)).length > 0;
  const [what, other] = back.includes('key') ? ['key', 'certificate'] : ['certificate', 'key'];
  const text = `the ${what} for ${where} in ${directory} does not fit the ${other} that would lie beside it`;
  if (isLost)
    return `${text}, and the ${other} of its time is missing there, or was changed; put it back there as it was, ${orElse}`;
  return what === 'key'
    ? `${text}; ${orElse}`
    : `${text}; a later backup holds the key of its time: restore that first`;
}

function whyEnding({ notAfter }: Certificate, now: Date): string {
  if (!endsSoon(notAfter, now)) return '';
  const end = notAfter.toISOString();
  return notAfter <= now ? `expired at ${end}` : `ends within a day, at ${end}`;
}

/** Of a file that a person named it may be any CA of this node. */
function whyUnsigned(certificate: Certificate, id: IndexedCertificate['id'], all: Authorities): string {
  const ca = id === undefined ? undefined : entryOf(id).ca;
  const authorities = ca === undefined ? Object.values(all).flat() : all[ca];
  if (authorities.some((authority) => isSignedBy(certificate, authority))) return '';
  const whose = ca === undefined ? 'any CA of this node' : `the ${ca} CA of this node`;
  return authorities.length === 0
    ? `cannot be judged: ${whose} cannot be read`
    : `was not signed by ${whose}`;
}

/** Also of a file that a person named, where the catalogue knows it. */
function idOf({ targets }: Located, { id, location }: IndexedCertificate): IndexedCertificate['id'] {
  return id ?? targets.find((each) => describeLocation(each.location) === describeLocation(location))?.id;
}
