// Gather: what the named files hold. Reads only.
import { posix } from 'node:path';
import { CertError } from '../errors.ts';
import { parseKubeconfig } from '../formats/kubeconfig.ts';
import { readBundle, readCertificates } from '../formats/pem.ts';
import type { Files } from '../host/files.ts';
import { checkTarget } from '../host/safe-target.ts';
import type { Certificate } from '../pki/certificate.ts';
import type { PrivateKey } from '../pki/keys.ts';
import { keyFits, readPrivateKey } from '../pki/keys.ts';

/** A CA and its key, both from the local disk. */
export interface LocalCa {
  readonly certificate: Certificate;
  readonly key: PrivateKey;
}

/** One certificate inside a named file. */
export interface FoundCertificate {
  readonly certificate: Certificate;
  /** Absent: no key was found (a pair whose key lies elsewhere). */
  readonly key: PrivateKey | undefined;
  /** In a kubeconfig: whose it is. */
  readonly user?: string;
}

/** A named file that can be renewed. */
export interface FoundFile {
  readonly path: string;
  readonly realPath: string;
  readonly form: 'pair' | 'combined' | 'kubeconfig';
  /** Only of a pair. */
  readonly keyPath: string | undefined;
  readonly certificates: readonly FoundCertificate[];
}

/** Errors: all that reading can give; KeyMismatch when no certificate in the CA's file belongs to the key. */
export function readLocalCa(files: Files, certPath: string, keyPath: string): LocalCa {
  const certificates = readAt(certPath, () => readCertificates(files.read(files.realpath(certPath))));
  if (certificates.length === 0) {
    throw new CertError('MalformedPem', `${certPath} holds no certificate; name the CA's certificate`, {
      file: certPath,
    });
  }
  const key = readAt(keyPath, () => readPrivateKey(latin1(files.read(files.realpath(keyPath)))));
  // A bundle may hold an old and a new CA: the one of this key signs.
  const certificate = certificates.find((each) => keyFits(each, key.key));
  if (certificate === undefined) {
    throw new CertError(
      'KeyMismatch',
      `${keyPath} is not the key of ${certPath}; name the two that belong together`,
      {
        file: keyPath,
      },
    );
  }
  return { certificate, key };
}

/** Errors: those of checkTarget and of the parsers, each with its file. */
export function inspectFile(files: Files, path: string): FoundFile {
  const { realPath } = checkTarget(files, path);
  const bytes = files.read(realPath);
  const text = latin1(bytes);
  return readAt(path, () =>
    /^-----BEGIN /m.test(text)
      ? inspectPem(files, path, realPath, bytes)
      : inspectKubeconfig(path, realPath, bytes),
  );
}

function inspectPem(files: Files, path: string, realPath: string, bytes: Uint8Array): FoundFile {
  const { certificate, key } = readBundle(bytes);
  if (certificate === undefined) {
    const what =
      key === undefined ? 'holds no certificate' : 'holds a private key alone: name its certificate';
    throw new CertError('MalformedPem', what, { file: path });
  }
  if (key !== undefined) {
    return { path, realPath, form: 'combined', keyPath: undefined, certificates: [{ certificate, key }] };
  }
  const keyPath = keyBeside(files, path, realPath);
  const pairKey =
    keyPath === undefined
      ? undefined
      : readAt(keyPath, () => readPrivateKey(latin1(files.read(files.realpath(keyPath)))));
  return { path, realPath, form: 'pair', keyPath, certificates: [{ certificate, key: pairKey }] };
}

/** `x.crt` has its key in `x.key`, as kubeadm and the kubelet name them; `x.pem` in `x-key.pem` or `x.key`. */
function keyBeside(files: Files, path: string, realPath: string): string | undefined {
  const candidates = [path, realPath].flatMap((each) => {
    const { dir, name } = posix.parse(each);
    return [posix.join(dir, `${name}.key`), posix.join(dir, `${name}-key.pem`)];
  });
  return candidates.find((candidate) => files.stat(candidate)?.kind === 'file');
}

function inspectKubeconfig(path: string, realPath: string, bytes: Uint8Array): FoundFile {
  const { users } = parseKubeconfig(Buffer.from(bytes).toString('utf8'), path);
  const certificates: FoundCertificate[] = [];
  const elsewhere: string[] = [];
  for (const { name, certificate, key } of users) {
    if (certificate?.kind === 'file') elsewhere.push(certificate.path);
    if (certificate?.kind !== 'data') continue;
    const bundle = readBundle(Buffer.from(certificate.pem, 'latin1'));
    if (bundle.certificate === undefined) {
      throw new CertError('MalformedPem', `the certificate of user ${name} is none`, { file: path });
    }
    const read = key?.kind === 'data' ? readPrivateKey(key.pem) : undefined;
    certificates.push({ certificate: bundle.certificate, key: read, user: name });
  }
  if (certificates.length > 0)
    return { path, realPath, form: 'kubeconfig', keyPath: undefined, certificates };
  const why =
    elsewhere.length > 0
      ? `holds no certificate but refers to ${elsewhere.join(', ')}: name that file`
      : 'holds no client certificate: nothing to renew';
  throw new CertError('Unsupported', why, { file: path });
}

/** Errors of parsers know no file; the operator must. */
function readAt<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof CertError) || error.place.file !== undefined) throw error;
    throw new CertError(error.code, error.message, { ...error.place, file, cause: error });
  }
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
