// DER, strictly (X.690, 10 and 11): a read tree whose nodes keep their exact bytes, and the few writers that issuing
// needs. Everything that is not the one form of DER is refused; docs/adr/0010 says why there is no library behind it, and
// the tests hold every answer against asn1js.
import { CertError } from '../errors.ts';

/** One element. `bytes` is the whole of it, `content` without tag and length; `children` is empty when primitive. */
export interface DerNode {
  readonly tag: string;
  readonly bytes: Uint8Array;
  readonly content: Uint8Array;
  readonly children: readonly DerNode[];
}

/** Certificates on nodes have a few kilobytes; far more is an attack or a mistake. */
const maxLength = 256 * 1024;

/** Tags as `tag` spells them: universal by number, context by [n], with `c` when constructed. */
export const tags = {
  boolean: '1',
  integer: '2',
  bitString: '3',
  octetString: '4',
  null: '5',
  oid: '6',
  sequence: '16c',
  set: '17c',
  utcTime: '23',
  generalizedTime: '24',
} as const;

/** Context-specific tag [n]. */
export function contextTag(number: number, constructed: boolean): string {
  return `[${number}]${constructed ? 'c' : ''}`;
}

/** No certificate nests deeper, or has more parts. */
const maxDepth = 32;
const maxNodes = 5000;

/** Reads exactly one DER element that fills `bytes`. Errors: MalformedDer. */
export function readDer(bytes: Uint8Array): DerNode {
  if (bytes.length > maxLength) throw malformed(`${bytes.length} bytes are too many`);
  const reader = { bytes, nodes: 0 };
  const node = readNode(reader, 0, bytes.length, 0);
  if (node.bytes.length !== bytes.length) throw malformed('bytes follow its end');
  return node;
}

interface Reader {
  readonly bytes: Uint8Array;
  nodes: number;
}

/** The element that begins at `start` and must end at `limit` or before. */
function readNode(reader: Reader, start: number, limit: number, depth: number): DerNode {
  reader.nodes += 1;
  if (depth > maxDepth || reader.nodes > maxNodes) throw malformed('it has too many parts');
  const { bytes } = reader;
  const identifier = bytes[start];
  if (identifier === undefined || start >= limit) throw malformed('bytes are missing');
  const tag = tagName(identifier);
  const { contentStart, end } = readLength(bytes, start + 1, limit);
  const content = bytes.subarray(contentStart, end);
  checkPrimitive(tag, content);
  const children: DerNode[] = [];
  if ((identifier & constructedBit) !== 0) {
    for (let at = contentStart; at < end;) {
      const child = readNode(reader, at, end, depth + 1);
      children.push(child);
      at += child.bytes.length;
    }
  }
  return { tag, bytes: bytes.subarray(start, end), content, children };
}

/** Definite, and in the fewest octets (X.690, 10.1). */
function readLength(bytes: Uint8Array, at: number, limit: number): { contentStart: number; end: number } {
  const first = bytes[at];
  if (first === undefined || at >= limit) throw malformed('bytes are missing');
  const octets = first < 0x80 ? 0 : first - 0x80;
  if (first === 0x80) throw malformed('indefinite length');
  if (octets > 3) throw malformed('a length is too large');
  let length = octets === 0 ? first : 0;
  for (let i = 1; i <= octets; i++) length = length * 256 + (bytes[at + i] ?? 0);
  const contentStart = at + 1 + octets;
  if (contentStart + length > limit) throw malformed('bytes are missing');
  const isShortest = octets === 0 || (length >= 0x80 && length >= 256 ** (octets - 1));
  if (!isShortest) throw malformed('an element is not in its one DER form');
  return { contentStart, end: contentStart + length };
}

const constructedBit = 0x20;

/** BOOLEAN to OBJECT IDENTIFIER, ENUMERATED, the strings and the times: what X.509 is made of. */
const primitiveTypes: ReadonlySet<number> = new Set([
  1, 2, 3, 4, 5, 6, 10, 12, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
]);

function tagName(identifier: number): string {
  const number = identifier & 0x1f;
  const constructed = (identifier & constructedBit) !== 0;
  if (number === 0x1f) throw malformed('a tag number over 30 has no place here');
  const tagClass = identifier >> 6;
  if (tagClass === 2) return contextTag(number, constructed);
  // Of the universal types sequences and sets are constructed, all others are not (X.690, 10.2).
  const fits = constructed ? number === 16 || number === 17 : primitiveTypes.has(number);
  if (tagClass !== 0 || !fits) throw malformed(`tag ${identifier.toString(16)} has no place here`);
  return `${number}${constructed ? 'c' : ''}`;
}

/** What is wrong in itself, whoever reads it. */
function checkPrimitive(tag: string, content: Uint8Array): void {
  if (tag === tags.bitString && ((content[0] ?? 8) > 7 || (content[0] !== 0 && content.length === 1)))
    throw malformed('a bit string has no such number of unused bits');
  if (tag === tags.oid && !isWholeOid(content)) throw malformed('an object identifier is not well-formed');
}

/** Every arc ends, and none begins with an empty group (X.690, 8.19). */
const isWholeOid = (content: Uint8Array): boolean =>
  content.length > 0 &&
  (content.at(-1) ?? 0x80) < 0x80 &&
  content.every((octet, i) => octet !== 0x80 || (content[i - 1] ?? 0) >= 0x80);

/** The node itself if it has this tag. Errors: MalformedDer naming `what`. */
export function expectTag(node: DerNode | undefined, tag: string, what: string): DerNode {
  if (node === undefined) throw malformed(`${what} is missing`);
  if (node.tag !== tag) throw malformed(`${what} has tag ${node.tag} instead of ${tag}`);
  return node;
}

/** Dotted form of an OBJECT IDENTIFIER. Arcs may have any size (2.25 is for UUIDs). */
export function readOid(node: DerNode | undefined, what: string): string {
  const { content } = expectTag(node, tags.oid, what);
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const octet of content) {
    arc = (arc << 7n) | BigInt(octet & 0x7f);
    if (octet >= 0x80) continue;
    arcs.push(arc);
    arc = 0n;
  }
  const [both = 0n, ...rest] = arcs;
  const first = both < 80n ? both / 40n : 2n;
  return [first, both - first * 40n, ...rest].join('.');
}

/** Content octets of an INTEGER that is not negative, without the leading zero octet. */
export function readUnsigned(node: DerNode | undefined, what: string): Uint8Array {
  const { content } = expectTag(node, tags.integer, what);
  const [first, second] = content;
  if (first === undefined) throw malformed(`${what} is empty`);
  if (first >= 0x80) throw malformed(`${what} is negative`);
  if (first !== 0 || second === undefined) return content;
  if (second < 0x80) throw malformed(`${what} has a needless leading zero`);
  return content.subarray(1);
}

/** A BOOLEAN; DER knows 00 and FF only. */
export function readBoolean(node: DerNode | undefined, what: string): boolean {
  const { content } = expectTag(node, tags.boolean, what);
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff))
    throw malformed(`${what} is no boolean`);
  return content[0] === 0xff;
}

/** A BIT STRING that holds whole octets (keys, signatures). */
export function readOctetAlignedBits(node: DerNode | undefined, what: string): Uint8Array {
  const { content } = expectTag(node, tags.bitString, what);
  if (content.length === 0 || content[0] !== 0) throw malformed(`${what} is not made of whole octets`);
  return content.subarray(1);
}

/** Tag, length, and content as it is: old parts pass through without being taken apart. */
function encode(identifier: number, content: Uint8Array): Uint8Array {
  return join([Uint8Array.of(identifier), lengthOctets(content.length), content]);
}

function lengthOctets(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return Uint8Array.of(0x80 + octets.length, ...octets);
}

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array => encode(0x30, join(parts));
export const set = (...parts: readonly Uint8Array[]): Uint8Array => encode(0x31, join(parts));
export const context = (n: number, isConstructed: boolean, ...parts: readonly Uint8Array[]): Uint8Array =>
  encode(0x80 + n + (isConstructed ? constructedBit : 0), join(parts));
export const octetString = (content: Uint8Array): Uint8Array => encode(4, content);
export const utf8String = (text: string): Uint8Array => encode(12, Buffer.from(text, 'utf8'));
export const trueBoolean = (): Uint8Array => encode(1, Uint8Array.of(0xff));
export const nullValue = (): Uint8Array => encode(5, new Uint8Array());

export function oid(dotted: string): Uint8Array {
  const [first = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt);
  return encode(6, Uint8Array.from([first * 40n + second, ...rest].flatMap(base128)));
}

function base128(arc: bigint): number[] {
  const octets = [Number(arc & 0x7fn)];
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) octets.unshift(Number(rest & 0x7fn) | 0x80);
  return octets;
}

/** BIT STRING of whole octets, or with `unusedBits` at its end. */
export const bitString = (content: Uint8Array, unusedBits = 0): Uint8Array =>
  encode(3, join([Uint8Array.of(unusedBits), content]));

/** INTEGER from octets of a number that is not negative. */
export function unsignedInteger(octets: Uint8Array): Uint8Array {
  const start = octets.findIndex((octet) => octet !== 0);
  const significant = start < 0 ? Uint8Array.of(0) : octets.subarray(start);
  const padded = (significant[0] ?? 0) >= 0x80 ? join([Uint8Array.of(0), significant]) : significant;
  return encode(2, padded);
}

/** UTCTime until 2049, GeneralizedTime from 2050 on (RFC 5280, 4.1.2.5). Whole seconds: the rest is cut. */
export function time(date: Date): Uint8Array {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:T]/g, '');
  const late = date.getUTCFullYear() >= 2050;
  return encode(late ? 24 : 23, Buffer.from(late ? digits : digits.slice(2), 'latin1'));
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

export function malformed(why: string, cause?: unknown): CertError {
  return new CertError('MalformedDer', `not well-formed DER: ${why}`, cause === undefined ? {} : { cause });
}
