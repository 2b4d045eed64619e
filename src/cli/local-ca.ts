// The CA from the local disk, and what it gives to the files that a person names.
import { posix } from 'node:path';
import { CertError, withAdvice } from '../errors.ts';
import { readCertificates } from '../formats/pem.ts';
import type { Files } from '../host/files.ts';
import type { Certificate } from '../pki/certificate.ts';
import { keyFits, readPrivateKey } from '../pki/keys.ts';
import { validity } from '../pki/time.ts';
import { checkCa } from '../pki/verify.ts';
import type { LocalCa } from '../rotation/local-signer.ts';

const dayMs = 86_400_000;

/**
 * Reads a CA and its key. A bundle may hold the CA before and after its own renewal, both of this key: all that can sign
 * now are returned, that with the latest end first, so that the signer takes the first that verifies the old certificate.
 *
 * @throws CertError KeyMismatch, CaExpired, those of reading and parsing with their file, those of checkCa
 */
export function readLocalCas(
  files: Files,
  certPath: string,
  keyPath: string,
  now: Date,
): readonly [LocalCa, ...LocalCa[]] {
  const certificates = inFile(certPath, 'name the certificate of the CA', () =>
    readCertificates(files.read(files.realpath(certPath))),
  );
  if (certificates.length === 0) {
    throw new CertError('MalformedPem', `${certPath} holds no certificate; name the CA's certificate`, {
      file: certPath,
    });
  }
  const { key } = inFile(keyPath, noKeyHere, () =>
    readPrivateKey(latin1(files.read(files.realpath(keyPath)))),
  );
  const ofKey = certificates
    .filter((each) => keyFits(each, key))
    .toSorted((a, b) => b.notAfter.getTime() - a.notAfter.getTime());
  const [latest] = ofKey;
  if (latest === undefined) {
    throw new CertError(
      'KeyMismatch',
      `${keyPath} is not the key of ${certPath}; name the two that belong together`,
      { file: keyPath },
    );
  }
  const [first, ...others] = ofKey.filter((each) => whyUnusable(each, now) === undefined);
  if (first === undefined) return inFile(certPath, 'name another CA', () => refuse(whyUnusable(latest, now)));
  return [{ certificate: first, key }, ...others.map((certificate) => ({ certificate, key }))];
}

const noKeyHere =
  'name the key of the CA; where there is none, a node that has it signs (cert-renew request)';

function whyUnusable(ca: Certificate, now: Date): CertError | undefined {
  try {
    checkCa(ca);
    validity({ now, lifetimeMs: dayMs, backdateMs: 0, ca });
    return undefined;
  } catch (error) {
    if (error instanceof CertError) return error;
    throw error;
  }
}

function refuse(error: CertError | undefined): never {
  throw error ?? new CertError('NotACertificateAuthority', 'it cannot sign');
}

/**
 * Errors of parsers know no file, and those of files not what was wanted there; the operator must. A disk that fails is no
 * wrong name.
 */
export function inFile<T>(file: string, advice: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    const message = error.code === 'Io' ? error.message : withAdvice(error.message, advice);
    throw new CertError(error.code, message, { file, ...error.place, cause: error });
  }
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

/** R24: 91 days for what the kubelet uses, 365 for all else. */
export function defaultDays(path: string): 91 | 365 {
  return posix.basename(path).startsWith('kubelet') ? 91 : 365;
}
