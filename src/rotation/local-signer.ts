// A signer with the CA keys on the local disk: for cert-renew, offline.
import type { KeyObject } from 'node:crypto';
import { CertError } from '../errors.ts';
import type { Certificate } from '../pki/certificate.ts';
import { issueSuccessor, newSerial } from '../pki/issue.ts';
import { parseRequest } from '../pki/request.ts';
import { validity } from '../pki/time.ts';
import { isSignedBy } from '../pki/verify.ts';
import type { Signer, SigningRequest } from './types.ts';

export interface LocalCa {
  readonly certificate: Certificate;
  readonly key: KeyObject;
}

export interface LocalSignerOptions {
  readonly lifetimeMs: (request: SigningRequest) => number;
  readonly now: () => Date;
  /** Never more than an hour, nor a tenth of the lifetime (design §3, Time). */
  readonly backdateMs?: number;
  readonly random?: (size: number) => Uint8Array;
  /** This process holds the keys itself: nobody has to prove that he has them. */
  readonly keysAreOurs?: boolean;
}

const hour = 3_600_000;

/**
 * Signs with the CA that signed the old certificate.
 *
 * @throws CertError ForeignCertificate when none of them did, and those of issueSuccessor
 */
export function localSigner(cas: readonly LocalCa[], options: LocalSignerOptions): Signer {
  return async (requests, signal) => {
    const signed = requests.map(async (coming) => {
      const request = await coming;
      if (signal.aborted) throw new CertError('Aborted', 'interrupted before all was signed');
      return { key: request.key, certificate: signOne(cas, request, options) };
    });
    return await Promise.all(signed);
  };
}

function signOne(
  cas: readonly LocalCa[],
  request: SigningRequest,
  { lifetimeMs, now, backdateMs = hour, random, keysAreOurs = false }: LocalSignerOptions,
): Certificate {
  const { oldCertificate: old, path } = request;
  const ca = cas.find(({ certificate }) => isSignedBy(old, certificate));
  if (ca === undefined) {
    throw new CertError(
      'ForeignCertificate',
      `${path} was signed by ${old.issuer.text}, not by ${cas.map(({ certificate }) => certificate.subject.text).join(' or ')}; name the CA that signed it`,
      { file: path },
    );
  }
  const lifetime = lifetimeMs(request);
  const { notBefore, notAfter } = validity({
    now: now(),
    lifetimeMs: lifetime,
    backdateMs: Math.min(backdateMs, hour, lifetime / 10),
    ca: ca.certificate,
  });
  const { spki } = keysAreOurs ? request : parseRequest(request.requestDer);
  return issueSuccessor({
    ca: ca.certificate,
    caKey: ca.key,
    old,
    spki,
    notBefore,
    notAfter,
    serial: newSerial(random),
  });
}
