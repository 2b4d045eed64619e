// The CA from the local disk, and what it gives to the files that a person names.
import { posix } from 'node:path';
import { CertError } from '../errors.ts';
import { readCertificates } from '../formats/pem.ts';
import type { Files } from '../host/files.ts';
import { keyFits, readPrivateKey } from '../pki/keys.ts';
import { checkCa } from '../pki/verify.ts';
import type { LocalCa } from '../rotation/local-signer.ts';

/**
 * Reads a CA and its key.
 *
 * @throws CertError KeyMismatch, those of reading and parsing with their file, those of checkCa
 */
export function readLocalCa(files: Files, certPath: string, keyPath: string): LocalCa {
  const certificates = inFile(certPath, () => readCertificates(files.read(files.realpath(certPath))));
  if (certificates.length === 0) {
    throw new CertError('MalformedPem', `${certPath} holds no certificate; name the CA's certificate`, {
      file: certPath,
    });
  }
  const { key } = inFile(keyPath, () => readPrivateKey(latin1(files.read(files.realpath(keyPath)))));
  // A bundle may hold an old and a new CA: the one of this key signs.
  const certificate = certificates.find((each) => keyFits(each, key));
  if (certificate === undefined) {
    throw new CertError(
      'KeyMismatch',
      `${keyPath} is not the key of ${certPath}; name the two that belong together`,
      { file: keyPath },
    );
  }
  inFile(certPath, () => checkCa(certificate));
  return { certificate, key };
}

/** Errors of parsers know no file; the operator must. */
function inFile<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CertError) || error.place.file !== undefined) throw error;
    throw new CertError(error.code, error.message, { ...error.place, file, cause: error });
  }
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** R24: 91 days for what the kubelet uses, 365 for all else. */
export function defaultDays(path: string): 91 | 365 {
  return posix.basename(path).startsWith('kubelet') ? 91 : 365;
}
