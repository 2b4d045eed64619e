// A certificate authority for a cluster that has none yet: made in memory, P-256 keys.
import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { signerFor } from '../../pki/algorithms.ts';
import type { Certificate, ExtendedKeyUsage, San } from '../../pki/certificate.ts';
import { bitString, context, sequence, time, trueBoolean, unsignedInteger } from '../../pki/der.ts';
import { oids, writeExtension, writeSubjectKeyId } from '../../pki/extensions.ts';
import { issueFromIdentity, newSerial } from '../../pki/issue.ts';
import { generateLike } from '../../pki/keys.ts';
import { writeName } from '../../pki/name.ts';
import { parseCertificate } from '../../pki/parse.ts';
import { pem } from '../../pki/pem.ts';

/** A leaf and its key, PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface LeafWish {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly sans?: readonly San[];
  readonly usage: ExtendedKeyUsage;
  /** Milliseconds; a day when absent, never past the CA's end. */
  readonly lifetime?: number;
}

const day = 86_400_000;

export class Authority {
  readonly certificate: Certificate;
  readonly key: KeyObject;

  constructor(certificate: Certificate, key: KeyObject) {
    this.certificate = certificate;
    this.key = key;
  }

  get caPem(): string {
    return pem('CERTIFICATE', this.certificate.der);
  }

  /** A new key and a certificate for it, valid from a minute ago. Errors: CaExpired. */
  issue(wish: LeafWish): Pair {
    const { commonName, organizations = [], sans = [], usage, lifetime = day } = wish;
    const { key, spki } = generateLike({ keyAlgorithm: 'P-256' });
    const now = Date.now();
    const leaf = issueFromIdentity({
      ca: this.certificate,
      caKey: this.key,
      spki,
      serial: newSerial(),
      notBefore: whole(Math.max(now - 60_000, this.certificate.notBefore.getTime())),
      notAfter: whole(Math.min(now + lifetime, this.certificate.notAfter.getTime())),
      identity: { commonName, organizations, sans, extendedKeyUsages: [usage] },
    });
    return {
      cert: pem('CERTIFICATE', leaf.der),
      key: key.export({ type: 'pkcs8', format: 'pem' }).toString(),
    };
  }
}

const whole = (milliseconds: number): Date => new Date(Math.floor(milliseconds / 1000) * 1000);

/** digitalSignature, keyCertSign, cRLSign (RFC 5280 4.2.1.3). */
const caUsage = bitString(Uint8Array.of(0x86), 1);

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A CA that has signed itself, with a new P-256 key where none is given. */
export function selfSigned(
  commonName: string,
  { notBefore, notAfter }: Validity,
  key: KeyObject = generateLike({ keyAlgorithm: 'P-256' }).key,
): { readonly certificate: Certificate; readonly key: KeyObject } {
  const spki = new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }));
  const { identifier, hash } = signerFor(key);
  const name = writeName({ commonName });
  const extensions = [
    writeExtension(oids.keyUsage, caUsage, true),
    writeExtension(oids.basicConstraints, sequence(trueBoolean()), true),
    writeExtension(oids.subjectKeyId, writeSubjectKeyId(keyIdOf(spki))),
  ];
  const tbs = sequence(
    context(0, true, unsignedInteger(Uint8Array.of(2))),
    unsignedInteger(newSerial()),
    identifier,
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    spki,
    context(3, true, sequence(...extensions)),
  );
  const der = sequence(tbs, identifier, bitString(sign(hash, tbs, key)));
  return { certificate: parseCertificate(der), key };
}

/** RFC 7093 2.1: what is signed by a key is signed by every certificate over it. */
const keyIdOf = (spki: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(spki).digest()).subarray(0, 20);

/** For a cluster of its own, ten years. */
export function createAuthority(commonName = 'kubernetes'): Authority {
  const now = Date.now();
  const validity = { notBefore: whole(now - 3_600_000), notAfter: whole(now + 3650 * day) };
  const { certificate, key } = selfSigned(commonName, validity);
  return new Authority(certificate, key);
}
