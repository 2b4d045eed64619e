// Making certificates: a successor spliced from an existing one, and the few that have no predecessor of ours.
import type { KeyObject } from 'node:crypto';
import { createHash, randomBytes, sign } from 'node:crypto';
import { publicKeyBits, readKeyAlgorithm, signerFor } from './algorithms.ts';
import type { Certificate, ExtendedKeyUsage, San } from './certificate.ts';
import { context, equalBytes, readDer, sequence, bitString, time, unsignedInteger } from './der.ts';
import type { Extension } from './extensions.ts';
import {
  oids,
  writeAuthorityKeyId,
  writeCaBasicConstraints,
  writeCaKeyUsage,
  writeExtendedKeyUsages,
  writeExtension,
  writeLeafKeyUsage,
  writeSans,
  writeSubjectKeyId,
} from './extensions.ts';
import { writeName } from './name.ts';
import { parseCertificate, readParts } from './parse.ts';
import { checkCa, isSignedBy } from './verify.ts';
import type { KeyPair } from './keys.ts';
import { keyFits } from './keys.ts';
import { CertError } from '../errors.ts';

/** What every new certificate needs beside its identity. */
export interface Issue {
  readonly ca: Certificate;
  readonly caKey: KeyObject;
  /** SubjectPublicKeyInfo of the leaf, DER. */
  readonly spki: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly serial: Uint8Array;
}

/** Positive serial of 16 octets with 127 random bits; RFC 5280 allows 20, CA/Browser rules ask for 64 bits. */
export function newSerial(random: (size: number) => Uint8Array = randomBytes): Uint8Array {
  const serial = Uint8Array.from(random(16));
  // The first octet between 0x40 and 0x7f: never negative, never zero, always the same length.
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

/**
 * The successor of a certificate: same subject bytes, same extensions in the same order (unknown ones too). New are
 * serial, validity, key, and with a new key SKI; issuer, AKI and signature follow the CA.
 * Errors: those of checkCa, TargetIsCa, CaExpired, KeyMismatch, Unsupported.
 */
export function issueSuccessor(order: Issue & { readonly old: Certificate }): Certificate {
  const { old } = order;
  if (old.isCa) throw new CertError('TargetIsCa', `${old.subject.text} is a CA; only leaves are renewed`);
  const parts = readParts(old.der);
  if (parts.hasUniqueIds)
    throw new CertError('Unsupported', `${old.subject.text} has unique identifiers (RFC 5280 forbids them)`);
  const extensions = parts.extensions.flatMap((extension) => successorExtension(extension, order));
  return issue(order, { version: parts.version, subject: old.subject.der, extensions });
}

function successorExtension(extension: Extension, order: Issue & { old: Certificate }): Uint8Array[] {
  const { oid, critical, bytes } = extension;
  if (oid === oids.authorityKeyId) {
    const { subjectKeyId } = order.ca;
    return subjectKeyId === undefined
      ? []
      : [writeExtension(oid, writeAuthorityKeyId(subjectKeyId), critical)];
  }
  if (oid !== oids.subjectKeyId || equalBytes(order.spki, order.old.spki)) return [bytes];
  return [writeExtension(oid, writeSubjectKeyId(keyIdentifier(order.spki)), critical)];
}

/** RFC 7093, method 1: the leftmost 160 bits of SHA-256 over the key's bits. */
function keyIdentifier(spki: Uint8Array): Uint8Array {
  return createHash('sha256').update(publicKeyBits(spki)).digest().subarray(0, 20);
}

/** Who a certificate without a predecessor is for (R3). */
export interface Identity {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly sans: readonly San[];
  readonly extendedKeyUsages: readonly ExtendedKeyUsage[];
}

/** A fresh leaf with the standard extensions. Errors: as issueSuccessor. */
export function issueFromIdentity(order: Issue & { readonly identity: Identity }): Certificate {
  const { identity, spki, ca } = order;
  const isRsa = readKeyAlgorithm(readDer(spki)).startsWith('RSA-');
  const { subjectKeyId } = ca;
  const extensions = [
    writeExtension(oids.keyUsage, writeLeafKeyUsage(isRsa), true),
    writeExtension(oids.extendedKeyUsage, writeExtendedKeyUsages(identity.extendedKeyUsages)),
    writeExtension(oids.basicConstraints, sequence(), true),
    writeExtension(oids.subjectKeyId, writeSubjectKeyId(keyIdentifier(spki))),
    ...(subjectKeyId === undefined
      ? []
      : [writeExtension(oids.authorityKeyId, writeAuthorityKeyId(subjectKeyId))]),
    ...(identity.sans.length === 0 ? [] : [writeExtension(oids.subjectAltName, writeSans(identity.sans))]),
  ];
  return issue(order, { version: version3, subject: writeName(identity), extensions });
}

/** A CA that signed itself and may sign leaves only; for the product's own servers, never for a cluster (R9). */
export function issueRoot(
  order: Pick<Issue, 'notBefore' | 'notAfter' | 'serial'> & RootIdentity,
): Certificate {
  const { pair, commonName } = order;
  const subject = writeName({ commonName });
  const extensions = [
    writeExtension(oids.basicConstraints, writeCaBasicConstraints(), true),
    writeExtension(oids.keyUsage, writeCaKeyUsage(), true),
    writeExtension(oids.subjectKeyId, writeSubjectKeyId(keyIdentifier(pair.spki))),
  ];
  const validity = { ...order, spki: pair.spki, caKey: pair.key };
  const root = assemble(validity, { issuer: subject, version: version3, subject, extensions });
  checkCa(root);
  return verified(root, root);
}

interface RootIdentity {
  readonly pair: KeyPair;
  readonly commonName: string;
}

const version3 = context(0, true, unsignedInteger(Uint8Array.of(2)));

interface Body {
  readonly version: Uint8Array;
  readonly subject: Uint8Array;
  readonly extensions: readonly Uint8Array[];
}

function issue(order: Issue, body: Body): Certificate {
  checkOrder(order);
  const { ca } = order;
  return verified(assemble(order, { ...body, issuer: ca.subject.der }), ca);
}

function assemble(
  { caKey, spki, notBefore, notAfter, serial }: Omit<Issue, 'ca'>,
  { issuer, version, subject, extensions }: Body & { readonly issuer: Uint8Array },
): Certificate {
  const { identifier, hash } = signerFor(caKey);
  const tbs = sequence(
    version,
    unsignedInteger(serial),
    identifier,
    issuer,
    sequence(time(notBefore), time(notAfter)),
    subject,
    spki,
    ...(extensions.length === 0 ? [] : [context(3, true, sequence(...extensions))]),
  );
  const signature = sign(hash, tbs, caKey);
  return parseCertificate(sequence(tbs, identifier, bitString(signature)));
}

/** A wrong signature must never leave this file, whatever the library did. */
function verified(certificate: Certificate, ca: Certificate): Certificate {
  if (isSignedBy(certificate, ca)) return certificate;
  throw new CertError('KeyMismatch', 'the new certificate does not verify with its CA');
}

function checkOrder({ ca, caKey, notBefore, notAfter, serial }: Issue): void {
  checkCa(ca);
  if (!keyFits(ca, caKey)) {
    throw new CertError('KeyMismatch', `the CA key does not belong to CA ${ca.subject.text}`);
  }
  if (notBefore < ca.notBefore || notAfter > ca.notAfter || notAfter <= notBefore) {
    throw new CertError(
      'CaExpired',
      `validity ${notBefore.toISOString()} to ${notAfter.toISOString()} does not lie in the CA's, which ends ${ca.notAfter.toISOString()}`,
    );
  }
  if (serial.length < 8 || serial.length > 20 || (serial[0] ?? 0) >= 0x80) {
    throw new CertError('Unsupported', 'a serial number must be positive and have 8 to 20 octets');
  }
}
