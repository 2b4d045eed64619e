// From DER to a Certificate. Strict: what this accepts, Go and openssl accept too.
import { createHash } from 'node:crypto';
import { readKeyAlgorithm } from './algorithms.ts';
import type { Certificate } from './certificate.ts';
import type { DerNode } from './der.ts';
import {
  contextTag,
  equalBytes,
  expectTag,
  malformed,
  readDer,
  readOctetAlignedBits,
  readUnsigned,
  tags,
} from './der.ts';
import type { Extension } from './extensions.ts';
import {
  oids,
  readAuthorityKeyId,
  readExtendedKeyUsages,
  readExtensions,
  readIsCa,
  readSans,
  readSubjectKeyId,
} from './extensions.ts';
import { readName } from './name.ts';
import { readTime } from './time.ts';

/** The parts of a Certificate as they lie in the file; splicing and checking signatures work on these. */
export interface CertificateParts {
  readonly tbs: Uint8Array;
  /** [0] version, as it is; empty for version 1. */
  readonly version: Uint8Array;
  readonly serial: DerNode;
  readonly signatureAlgorithm: DerNode;
  readonly issuer: DerNode;
  readonly validity: DerNode;
  readonly subject: DerNode;
  readonly spki: DerNode;
  readonly hasUniqueIds: boolean;
  readonly extensions: readonly Extension[];
  readonly signature: Uint8Array;
}

/** Parses one X.509 certificate (RFC 5280). Errors: MalformedDer, and nothing else. */
export function parseCertificate(der: Uint8Array): Certificate {
  const parts = readParts(der);
  const value = (id: string): Uint8Array | undefined => parts.extensions.find(({ oid }) => oid === id)?.value;
  const read = <T>(id: string, reader: (value: Uint8Array) => T): T | undefined => {
    const found = value(id);
    return found === undefined ? undefined : reader(found);
  };
  const [notBefore, notAfter] = parts.validity.children;
  return {
    der,
    serial: Buffer.from(readUnsigned(parts.serial, 'serial number')).toString('hex'),
    subject: readName(parts.subject, 'subject'),
    issuer: readName(parts.issuer, 'issuer'),
    notBefore: readTime(notBefore, 'notBefore'),
    notAfter: readTime(notAfter, 'notAfter'),
    sans: read(oids.subjectAltName, readSans) ?? [],
    extendedKeyUsages: read(oids.extendedKeyUsage, readExtendedKeyUsages) ?? [],
    isCa: read(oids.basicConstraints, readIsCa) ?? false,
    spki: parts.spki.bytes,
    keyAlgorithm: readKeyAlgorithm(parts.spki),
    subjectKeyId: read(oids.subjectKeyId, readSubjectKeyId),
    authorityKeyId: read(oids.authorityKeyId, readAuthorityKeyId),
    sha256: createHash('sha256').update(der).digest('hex'),
  };
}

/** Every question to a certificate takes it apart: once for the same bytes, which nobody changes. */
const known = new WeakMap<Uint8Array, CertificateParts>();

/** Takes a certificate apart. Errors: MalformedDer. */
export function readParts(der: Uint8Array): CertificateParts {
  const parts = known.get(der) ?? takeApart(der);
  known.set(der, parts);
  return parts;
}

function takeApart(der: Uint8Array): CertificateParts {
  const { children } = expectTag(readDer(der), tags.sequence, 'certificate');
  const [tbs, outerAlgorithm, signature] = children;
  if (children.length !== 3) throw malformed(`a certificate has 3 parts, not ${children.length}`);
  const parts = readTbs(expectTag(tbs, tags.sequence, 'certificate body'));
  const algorithm = expectTag(outerAlgorithm, tags.sequence, 'signature algorithm');
  if (!equalBytes(algorithm.bytes, parts.signatureAlgorithm.bytes)) {
    throw malformed('the signature algorithms inside and outside differ');
  }
  return { ...parts, signature: readOctetAlignedBits(signature, 'signature') };
}

function readTbs(tbs: DerNode): Omit<CertificateParts, 'signature'> {
  const fields = [...tbs.children];
  const version = fields[0]?.tag === contextTag(0, true) ? fields.shift() : undefined;
  const [serial, algorithm, issuer, validity, subject, spki, ...rest] = fields;
  const uniqueIds = rest.filter(({ tag }) => tag === contextTag(1, false) || tag === contextTag(2, false));
  const extensions = rest.filter(({ tag }) => tag === contextTag(3, true));
  if (uniqueIds.length + extensions.length !== rest.length || extensions.length > 1) {
    throw malformed('the certificate body has parts that do not belong there');
  }
  const times = expectTag(validity, tags.sequence, 'validity');
  if (times.children.length !== 2) throw malformed('validity has not two times');
  return {
    tbs: tbs.bytes,
    version: version?.bytes ?? new Uint8Array(),
    serial: expectTag(serial, tags.integer, 'serial number'),
    signatureAlgorithm: expectTag(algorithm, tags.sequence, 'signature algorithm'),
    issuer: expectTag(issuer, tags.sequence, 'issuer'),
    validity: times,
    subject: expectTag(subject, tags.sequence, 'subject'),
    spki: expectTag(spki, tags.sequence, 'public key'),
    hasUniqueIds: uniqueIds.length > 0,
    extensions: extensions[0] === undefined ? [] : readOnlyChild(extensions[0]),
  };
}

function readOnlyChild(wrapper: DerNode): Extension[] {
  const [list] = wrapper.children;
  if (list === undefined || wrapper.children.length !== 1) throw malformed('extensions are not one list');
  return readExtensions(list);
}
