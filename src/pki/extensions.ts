// The extensions of a certificate that the product understands (RFC 5280 4.2); all others pass through unread.
import type { ExtendedKeyUsage, San } from './certificate.ts';
import { addressOctets, addressText } from './address.ts';
import type { DerNode } from './der.ts';
import {
  bitString,
  context,
  contextTag,
  expectTag,
  malformed,
  octetString,
  oid,
  readBoolean,
  readDer,
  readOid,
  sequence,
  tags,
  trueBoolean,
  unsignedInteger,
} from './der.ts';
import { CertError } from '../errors.ts';

export const oids = {
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** One extension: its exact bytes, and its value as the DER inside the OCTET STRING. */
export interface Extension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
  readonly bytes: Uint8Array;
}

export function readExtensions(node: DerNode): Extension[] {
  const { children } = expectTag(node, tags.sequence, 'list of extensions');
  const extensions = children.map(readExtension);
  const seen = new Set(extensions.map((extension) => extension.oid));
  if (seen.size !== extensions.length) throw malformed('an extension occurs twice');
  return extensions;
}

function readExtension(node: DerNode): Extension {
  const { children, bytes } = expectTag(node, tags.sequence, 'extension');
  const [id, second] = children;
  const hasCritical = children.length === 3;
  if (children.length !== 2 && !hasCritical) throw malformed('an extension has too few or too many parts');
  const value = expectTag(children.at(-1), tags.octetString, 'value of an extension');
  return {
    oid: readOid(id, 'type of an extension'),
    critical: hasCritical && readBoolean(second, 'critical flag of an extension'),
    value: value.content,
    bytes,
  };
}

export function writeExtension(id: string, value: Uint8Array, critical = false): Uint8Array {
  return sequence(oid(id), ...(critical ? [trueBoolean()] : []), octetString(value));
}

const generalNameKinds: Readonly<Record<string, San['kind']>> = {
  [contextTag(1, false)]: 'email',
  [contextTag(2, false)]: 'dns',
  [contextTag(6, false)]: 'uri',
};

export function readSans(value: Uint8Array): San[] {
  const { children } = expectTag(readDer(value), tags.sequence, 'subject alternative name');
  return children.map(readGeneralName);
}

function readGeneralName(node: DerNode): San {
  const kind = generalNameKinds[node.tag];
  if (kind !== undefined) {
    if (node.content.some((octet) => octet >= 0x80)) throw malformed('a name in the SAN is not ASCII');
    return { kind, value: Buffer.from(node.content).toString('latin1') };
  }
  if (node.tag !== contextTag(7, false))
    return { kind: 'other', value: Buffer.from(node.bytes).toString('hex') };
  const text = addressText(node.content);
  if (text === undefined) throw malformed(`an address in the SAN has ${node.content.length} octets`);
  return { kind: 'ip', value: text };
}

export function writeSans(sans: readonly San[]): Uint8Array {
  return sequence(...sans.map(writeGeneralName));
}

function writeGeneralName(san: San): Uint8Array {
  const octets = san.kind === 'ip' ? addressOctets(san.value) : Buffer.from(san.value, 'latin1');
  const number = { email: 1, dns: 2, uri: 6, ip: 7, other: undefined }[san.kind];
  const writable = number === 7 || /^[\x21-\x7e]+$/.test(san.value);
  if (octets === undefined || number === undefined || !writable) {
    throw new CertError('Unsupported', `subject alternative name ${san.kind}:${san.value} cannot be written`);
  }
  return context(number, false, octets);
}

const usageNames: Readonly<Record<string, ExtendedKeyUsage>> = {
  '1.3.6.1.5.5.7.3.1': 'serverAuth',
  '1.3.6.1.5.5.7.3.2': 'clientAuth',
};

export function readExtendedKeyUsages(value: Uint8Array): ExtendedKeyUsage[] {
  const { children } = expectTag(readDer(value), tags.sequence, 'extended key usage');
  if (children.length === 0) throw malformed('extended key usage is empty');
  return children.map((child): ExtendedKeyUsage => {
    const dotted = readOid(child, 'extended key usage');
    return usageNames[dotted] ?? `oid:${dotted}`;
  });
}

export function writeExtendedKeyUsages(usages: readonly ExtendedKeyUsage[]): Uint8Array {
  return sequence(...usages.map((usage) => oid(usageOid(usage))));
}

const usageOid = (usage: ExtendedKeyUsage): string =>
  Object.keys(usageNames).find((key) => usageNames[key] === usage) ?? usage.replace(/^oid:/, '');

/** The cA flag of basic constraints. */
export function readIsCa(value: Uint8Array): boolean {
  const { children } = expectTag(readDer(value), tags.sequence, 'basic constraints');
  const [first] = children;
  return first?.tag === tags.boolean && readBoolean(first, 'CA flag');
}

/** True when key usage allows signing certificates (bit 5). */
export function readMaySignCertificates(value: Uint8Array): boolean {
  const { content } = expectTag(readDer(value), tags.bitString, 'key usage');
  return ((content[1] ?? 0) & 0x04) !== 0;
}

/** digitalSignature, and keyEncipherment where the key can do that (RSA). */
export function writeLeafKeyUsage(keyEncipherment: boolean): Uint8Array {
  return keyEncipherment ? bitString(Uint8Array.of(0xa0), 5) : bitString(Uint8Array.of(0x80), 7);
}

/** keyCertSign. */
export const writeCaKeyUsage = (): Uint8Array => bitString(Uint8Array.of(0x04), 2);

/** A CA that signs leaves and no other CA: path length 0. */
export const writeCaBasicConstraints = (): Uint8Array =>
  sequence(trueBoolean(), unsignedInteger(Uint8Array.of(0)));

export function readSubjectKeyId(value: Uint8Array): Uint8Array {
  return expectTag(readDer(value), tags.octetString, 'subject key identifier').content;
}

/** keyIdentifier of an authority key identifier; issuer and serial forms alone have none. */
export function readAuthorityKeyId(value: Uint8Array): Uint8Array | undefined {
  const { children } = expectTag(readDer(value), tags.sequence, 'authority key identifier');
  return children.find((child) => child.tag === contextTag(0, false))?.content;
}

export const writeSubjectKeyId = (id: Uint8Array): Uint8Array => octetString(id);
export const writeAuthorityKeyId = (id: Uint8Array): Uint8Array => sequence(context(0, false, id));
