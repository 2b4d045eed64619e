// One certificate with its key as it lies on a node, in any of the forms, and the same files with a successor in them.
import type { KeyObject } from 'node:crypto';
import { posix } from 'node:path';
import { CertError, withAdvice } from '../errors.ts';
import type { CertificateId, Location } from '../catalogue/ids.ts';
import { parseKubeconfig, replaceUserData } from '../formats/kubeconfig.ts';
import { pem, readBundle, replaceCertificate, replaceKey } from '../formats/pem.ts';
import type { FileStat, Files } from '../host/files.ts';
import { checkTarget } from '../host/safe-target.ts';
import type { Certificate } from '../pki/certificate.ts';
import { keyFits, readPrivateKey, writePrivateKey } from '../pki/keys.ts';
import { toBytes, toText } from './bytes.ts';
import type { JournalFile } from './journal.ts';
import { certificateFile } from '../catalogue/discover.ts';

/** A file that would be replaced, as it was read. */
export interface LiveFile {
  readonly role: JournalFile['role'];
  readonly kind: JournalFile['kind'];
  /** Links resolved, but for the kubelet's own link. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly stat: FileStat;
}

export interface Material {
  readonly id: CertificateId | undefined;
  readonly location: Location;
  readonly certificate: Certificate;
  readonly key: KeyObject;
  /** Key before certificate: the order of the renames. */
  readonly files: readonly LiveFile[];
}

export interface Successor {
  readonly certificate: Certificate;
  /** Absent: the key stays. */
  readonly key?: KeyObject;
}

/**
 * Reads and checks what a target is made of.
 *
 * @throws CertError NotFound, KeyMismatch, those of checkTarget and of the formats
 */
export function readMaterial(
  files: Files,
  target: { readonly id: CertificateId | undefined; readonly location: Location },
): Material {
  const { id, location } = target;
  const list = liveFiles(files, location);
  const { certificate, key } = readCredential(location, list);
  if (!keyFits(certificate, key)) {
    throw new CertError(
      'KeyMismatch',
      `${describeLocation(location)}: the key does not fit the certificate; put back the two that belong together`,
      {
        file: certificateFile(location),
      },
    );
  }
  return { id, location, certificate, key, files: list };
}

export const describeLocation = (location: Location): string =>
  location.form === 'kubeconfig' ? `${location.path} (user ${location.user})` : certificateFile(location);

function liveFiles(files: Files, location: Location): LiveFile[] {
  if (location.form === 'pair') {
    return [liveFile(files, location.keyPath, 'key'), liveFile(files, location.certPath, 'certificate')];
  }
  return [liveFile(files, location.path, location.form === 'combined' ? 'combined' : 'kubeconfig')];
}

/** Errors: those of checkTarget. */
export function liveFile(files: Files, path: string, role: JournalFile['role']): LiveFile {
  const target = checkTarget(files, path);
  const bytes = files.read(target.realPath);
  const isLink = files.lstat(path)?.kind === 'symlink';
  if (role === 'combined' && isLink && posix.basename(path) === 'kubelet-client-current.pem')
    return { role, kind: 'kubelet-link', path, bytes, stat: target.stat };
  return { role, kind: 'replace', path: target.realPath, bytes, stat: target.stat };
}

function readCredential(
  location: Location,
  list: readonly LiveFile[],
): { certificate: Certificate; key: KeyObject } {
  const text = credentialText(location, (role) => list.find((file) => file.role === role)?.bytes);
  const certificate = inFile(certificateFile(location), 'put back one that is whole', () => {
    const { certificate } = readBundle(toBytes(text.certificate));
    if (certificate === undefined) throw new CertError('MalformedPem', 'holds no certificate');
    return certificate;
  });
  const { key } = inFile(keyFile(location), 'put back the key that belongs to the certificate', () =>
    readPrivateKey(text.key),
  );
  return { certificate, key };
}

/** The file in which the private key of a location lies. */
const keyFile = (location: Location): string => (location.form === 'pair' ? location.keyPath : location.path);

/** The PEM texts of certificate and key, wherever they are. */
function credentialText(
  location: Location,
  bytesOf: (role: JournalFile['role']) => Uint8Array | undefined,
): { certificate: string; key: string } {
  const text = (role: JournalFile['role']): string => toText(bytesOf(role) ?? new Uint8Array());
  if (location.form === 'pair') return { certificate: text('certificate'), key: text('key') };
  if (location.form === 'combined') return { certificate: text('combined'), key: text('combined') };
  const { path, user } = location;
  // YAML is UTF-8: a user's name is compared with what was read so.
  const yaml = Buffer.from(bytesOf('kubeconfig') ?? new Uint8Array()).toString('utf8');
  const found = parseKubeconfig(yaml, path).users.find(({ name }) => name === user);
  if (found?.certificate?.kind !== 'data' || found.key?.kind !== 'data')
    throw new CertError('Unsupported', `${path}: user ${user} holds no certificate and key as data`, {
      file: path,
    });
  return { certificate: found.certificate.pem, key: found.key.pem };
}

/** What lies at a location now, without judging the files: for proofs. */
export function readLive(
  files: Pick<Files, 'read' | 'realpath'>,
  location: Location,
): { certificate: string; key: string } {
  const read = (path: string): Uint8Array => files.read(files.realpath(path));
  return credentialText(location, (role) => {
    if (location.form !== 'pair') return read(location.path);
    return read(role === 'key' ? location.keyPath : location.certPath);
  });
}

/** The bytes of a file with the successor in it. Other certificates, comments and line ends stay. */
export function withSuccessor(
  role: JournalFile['role'],
  bytes: Uint8Array,
  material: Material,
  successor: Successor,
): Uint8Array {
  const { location } = material;
  const file = role === 'key' ? keyFile(location) : certificateFile(location);
  return inFile(file, 'leave it out, or renew it by kubeadm', () => {
    if (role === 'key') return successor.key === undefined ? bytes : replaceKey(bytes, successor.key);
    if (role === 'certificate') return replaceLeaf(bytes, material.certificate, successor.certificate);
    if (role === 'combined') {
      const leaf = replaceLeaf(bytes, material.certificate, successor.certificate);
      return successor.key === undefined ? leaf : replaceKey(leaf, successor.key);
    }
    if (location.form !== 'kubeconfig')
      throw new CertError('Unsupported', 'no user of a kubeconfig is named');
    return kubeconfigWith(bytes, location, successor);
  });
}

/**
 * With the first CERTIFICATE block replaced. When another CA signs now, the chain of the old one is left out: kubelet.crt
 * as the kubelet makes it carries its own throw-away CA, which would be served along (R3).
 */
function replaceLeaf(bytes: Uint8Array, old: Certificate, next: Certificate): Uint8Array {
  const { chain, key } = readBundle(bytes);
  const sameIssuer = Buffer.compare(old.issuer.der, next.issuer.der) === 0;
  if (sameIssuer || chain.length === 0 || key !== undefined) return replaceCertificate(bytes, next);
  return toBytes(pem('CERTIFICATE', next.der));
}

function kubeconfigWith(
  bytes: Uint8Array,
  location: Location & { form: 'kubeconfig' },
  { certificate, key }: Successor,
): Uint8Array {
  const text = Buffer.from(bytes).toString('utf8');
  const user = parseKubeconfig(text, location.path).users.find(({ name }) => name === location.user);
  if (user?.certificate?.kind !== 'data' || user.key?.kind !== 'data')
    throw new CertError('Unsupported', `user ${location.user} holds no certificate and key as data`);
  const credential = {
    certificatePem: toText(replaceCertificate(toBytes(user.certificate.pem), certificate)),
    ...(key === undefined ? {} : { keyPem: writePrivateKey(key, readPrivateKey(user.key.pem)) }),
  };
  const edited = replaceUserData(text, location.user, credential, location.path);
  return new Uint8Array(Buffer.from(edited, 'utf8'));
}

/**
 * Errors of the formats know neither their file nor what to do about it. The text names the file itself, since it travels
 * alone to the controller (agent/message.ts); no line, which in a kubeconfig would be that of the PEM inside.
 */
function inFile<T>(file: string, advice: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CertError) || error.place.file !== undefined) throw error;
    throw new CertError(error.code, withAdvice(`${file}: ${error.message}`, advice), { file, cause: error });
  }
}
