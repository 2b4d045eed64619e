// Copies of credentials in other users' kubeconfigs (R27): told, never written. Their owners may put anything there.
import { posix } from 'node:path';
import type { Target } from '../../catalogue/ids.ts';
import { certificateFile } from '../../catalogue/discover.ts';
import { CertError, describeError } from '../../errors.ts';
import { parseKubeconfig, type KubeconfigUser } from '../../formats/kubeconfig.ts';
import { readCertificates } from '../../formats/pem.ts';
import type { Files } from '../../host/files.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { isSignedBy } from '../../pki/verify.ts';
import { readLive } from '../../rotation/material.ts';
import type { SeenCopy } from './picture.ts';
import { rfc3339 } from '../../pki/time.ts';

export interface CopyQuestion {
  /** What the node itself uses: no copies. */
  readonly targets: readonly Target[];
  readonly kubeletKubeconfig: string | undefined;
  /** The cluster's CA as it lies here. */
  readonly authorities: readonly Certificate[];
  /** Places of other machines, which may never answer: not looked into. */
  readonly remoteMounts: readonly string[];
}

export interface Copies {
  readonly copies: readonly SeenCopy[];
  readonly notes: readonly string[];
}

export function findCopies(files: Files, question: CopyQuestion): Copies {
  const managed = question.targets.filter(({ location }) => location.form === 'kubeconfig');
  const own = new Set(managed.map(({ location }) => realOf(files, certificateFile(location))));
  if (question.kubeletKubeconfig !== undefined) own.add(realOf(files, question.kubeletKubeconfig));
  const isRemote = (path: string): boolean =>
    question.remoteMounts.some((mount) => path === mount || path.startsWith(`${mount}/`));
  const copies: SeenCopy[] = [];
  const notes: string[] = [];
  const seen = new Set(own);
  for (const path of candidates(files, isRemote, notes)) {
    try {
      if (files.stat(path)?.kind !== 'file') continue;
      const real = files.realpath(path);
      if (seen.has(real) || isRemote(real)) continue;
      seen.add(real);
      copies.push(...copiesIn(files, path, question, managed));
    } catch (error) {
      if (!(error instanceof CertError)) throw error;
      notes.push(`not looked into: ${describeError(error)}`);
    }
  }
  return { copies, notes };
}

/** The users' own places, and what lies beside admin.conf. */
function candidates(files: Files, isRemote: (path: string) => boolean, notes: string[]): readonly string[] {
  const homes = new Set(['/root', ...passwdHomes(files)]);
  if (isRemote('/home')) notes.push('/home is of another machine: not looked into');
  else for (const name of namesIn(files, '/home')) homes.add(`/home/${name}`);
  const beside = namesIn(files, '/etc/kubernetes').filter((name) => /\.conf\b/u.test(name));
  return [
    ...beside.map((name) => `/etc/kubernetes/${name}`),
    ...[...homes].filter((home) => !isRemote(home)).map((home) => posix.join(home, '.kube/config')),
  ];
}

function passwdHomes(files: Files): readonly string[] {
  try {
    const text = Buffer.from(files.read(files.realpath('/etc/passwd'))).toString('utf8');
    return text.split('\n').flatMap((line) => {
      const home = line.split(':')[5];
      return home !== undefined && posix.isAbsolute(home) && home !== '/' ? [posix.normalize(home)] : [];
    });
  } catch (error) {
    if (error instanceof CertError) return [];
    throw error;
  }
}

function namesIn(files: Files, directory: string): readonly string[] {
  try {
    return files.readdir(directory);
  } catch (error) {
    if (error instanceof CertError) return [];
    throw error;
  }
}

function copiesIn(
  files: Files,
  path: string,
  { authorities }: CopyQuestion,
  managed: readonly Target[],
): readonly SeenCopy[] {
  const text = Buffer.from(files.read(files.realpath(path))).toString('utf8');
  const mode = files.stat(path)?.mode ?? 0;
  return parseKubeconfig(text, path).users.flatMap((user): readonly SeenCopy[] => {
    const certificate = certificateOf(files, user);
    if (certificate === undefined) return [];
    return [
      {
        path,
        user: user.name,
        subject: certificate.subject.text,
        serial: certificate.serial,
        notBefore: rfc3339(certificate.notBefore),
        notAfter: rfc3339(certificate.notAfter),
        isOurs: authorities.some((authority) => isSignedBy(certificate, authority)),
        of: originalOf(files, certificate, managed),
        isReadableByOthers: (mode & 0o044) !== 0,
      },
    ];
  });
}

function certificateOf(files: Files, { certificate }: KubeconfigUser): Certificate | undefined {
  if (certificate === undefined) return undefined;
  const bytes =
    certificate.kind === 'data'
      ? new Uint8Array(Buffer.from(certificate.pem, 'latin1'))
      : files.read(files.realpath(certificate.path));
  return readCertificates(bytes)[0];
}

/** The administrator's kubeconfig of the same subject that the node keeps. */
function originalOf(files: Files, copy: Certificate, managed: readonly Target[]): SeenCopy['of'] {
  for (const { location } of managed) {
    const original = leafOf(files, location);
    if (original?.subject.text !== copy.subject.text) continue;
    return { path: certificateFile(location), isRenewed: original.notAfter > copy.notAfter };
  }
  return undefined;
}

function leafOf(files: Files, location: Target['location']): Certificate | undefined {
  try {
    return readCertificates(new Uint8Array(Buffer.from(readLive(files, location).certificate, 'latin1')))[0];
  } catch (error) {
    if (error instanceof CertError) return undefined;
    throw error;
  }
}

function realOf(files: Files, path: string): string {
  try {
    return files.realpath(path);
  } catch (error) {
    if (error instanceof CertError) return path;
    throw error;
  }
}

const remoteKinds = /^(?:nfs|nfs4|cifs|smb3|smbfs|autofs|ceph|9p|afs|glusterfs|lustre|fuse\..*)$/u;

/** Mount points whose files lie on other machines: a dead one of them answers never. Of /proc/self/mountinfo. */
export function remoteMountsOf(mountinfo: string): readonly string[] {
  return mountinfo.split('\n').flatMap((line) => {
    const [fields = '', after = ''] = line.split(' - ');
    const point = fields.split(' ')[4];
    const kind = after.split(' ')[0] ?? '';
    return point !== undefined && remoteKinds.test(kind) ? [unescapeMount(point)] : [];
  });
}

const unescapeMount = (point: string): string =>
  point.replaceAll(/\\([0-7]{3})/gu, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));
