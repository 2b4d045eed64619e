// Distinguished names (RFC 5280 4.1.2.4), read for people and for policy, and written for R3's first kubelet.crt.
import type { DistinguishedName } from './certificate.ts';
import type { DerNode } from './der.ts';
import { expectTag, malformed, oid, readOid, sequence, set, tags, utf8String } from './der.ts';

const shortNames: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'street',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.1': 'UID',
  '0.9.2342.19200300.100.1.25': 'DC',
  '1.2.840.113549.1.9.1': 'emailAddress',
};

interface Attribute {
  readonly type: string;
  readonly value: string;
}

/**
 * Reads a Name. `commonName` is undefined when there is none or more than one: two would let two readers see two
 * identities (Go takes the last, openssl the first), so policy must not see either.
 */
export function readName(node: DerNode | undefined, what: string): DistinguishedName {
  const { bytes, children } = expectTag(node, tags.sequence, what);
  const relative = children.map((rdn) => {
    const { children: attributes } = expectTag(rdn, tags.set, what);
    if (attributes.length === 0) throw malformed(`${what} has an empty part`);
    return attributes.map((attribute) => readAttribute(attribute, what));
  });
  const all = relative.flat();
  const commonNames = all.filter(({ type }) => type === 'CN').map(({ value }) => value);
  return {
    der: bytes,
    text: relative.map(printRelative).toReversed().join(','),
    commonName: commonNames.length === 1 ? commonNames[0] : undefined,
    organizations: all.filter(({ type }) => type === 'O').map(({ value }) => value),
  };
}

function readAttribute(node: DerNode, what: string): Attribute {
  const { children } = expectTag(node, tags.sequence, what);
  const [type, value] = children;
  if (value === undefined || children.length !== 2) throw malformed(`${what} has an incomplete attribute`);
  const dotted = readOid(type, `${what}, type of an attribute`);
  return { type: shortNames[dotted] ?? dotted, value: readText(value, what) };
}

function readText(node: DerNode, what: string): string {
  const buffer = Buffer.from(node.content);
  switch (node.tag) {
    case '12':
      return readUtf8(buffer, what);
    case '18':
    case '19':
    case '20':
    case '22':
    case '26':
      return buffer.toString('latin1');
    case '30':
      if (buffer.length % 2 !== 0) throw malformed(`${what} has half a character`);
      return buffer.swap16().toString('utf16le');
    default:
      // An attribute that is no text (RFC 4514, 2.4): its DER in hex is unambiguous.
      return `#${Buffer.from(node.bytes).toString('hex')}`;
  }
}

function readUtf8(buffer: Buffer, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(buffer);
  } catch (cause) {
    throw malformed(`${what} is not UTF-8`, cause);
  }
}

const printRelative = (attributes: readonly Attribute[]): string =>
  attributes.map(({ type, value }) => `${type}=${escapeValue(value)}`).join('+');

/** RFC 4514, 2.4; control and format characters too, so that a name cannot write on an operator's terminal, nor turn it. */
function escapeValue(value: string): string {
  return value
    .replaceAll(/["+,;<>\\]/g, '\\$&')
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => Array.from(Buffer.from(c), hexEscape).join(''))
    .replace(/^[ #]/, '\\$&')
    .replace(/(?<!\\) $/, '\\ ');
}

const hexEscape = (octet: number): string => `\\${octet.toString(16).toUpperCase().padStart(2, '0')}`;

/** Name as Go writes it: organisations first, then the common name, UTF8String each. */
export function writeName(name: { commonName: string; organizations?: readonly string[] }): Uint8Array {
  const organizations = (name.organizations ?? []).map((value) => writeAttribute('2.5.4.10', value));
  return sequence(...organizations, writeAttribute('2.5.4.3', name.commonName));
}

const writeAttribute = (type: string, value: string): Uint8Array =>
  set(sequence(oid(type), utf8String(value)));
