// Strict DER over asn1js: a read tree whose nodes keep their exact bytes, and the few writers that issuing needs.
// asn1js reads BER; every node is encoded again and compared, so that what is accepted here is DER and nothing else.
import * as asn1js from 'asn1js';
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

/** Reads exactly one DER element that fills `bytes`. Errors: MalformedDer. */
export function readDer(bytes: Uint8Array): DerNode {
  if (bytes.length > maxLength) throw malformed(`${bytes.length} bytes are too many`);
  const parsed = parseBer(bytes);
  if (parsed.offset !== bytes.length) {
    const why = parsed.result.error === '' ? 'bytes follow its end or are missing' : parsed.result.error;
    throw malformed(why);
  }
  return toNode(parsed.result);
}

function parseBer(bytes: Uint8Array): asn1js.FromBerResult {
  try {
    return asn1js.fromBER(bytes, { parseEmbedded: false, maxDepth: 32, maxNodes: 5000 });
  } catch (cause) {
    throw malformed(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function toNode(block: asn1js.BaseBlock): DerNode {
  const { tagClass, tagNumber, isConstructed } = block.idBlock;
  const bytes = block.valueBeforeDecodeView;
  const content = bytes.subarray(bytes.length - block.lenBlock.length);
  if (block.lenBlock.isIndefiniteForm) throw malformed('indefinite length');
  const again = encode({ tagClass, tagNumber, isConstructed }, content);
  if (!equalBytes(again, bytes)) throw malformed('an element is not in its one DER form');
  const children = isConstructed ? childBlocks(block).map(toNode) : [];
  return { tag: tagName(tagClass, tagNumber, isConstructed), bytes, content, children };
}

function childBlocks(block: asn1js.BaseBlock): readonly asn1js.BaseBlock[] {
  const value: unknown = 'value' in block.valueBlock ? block.valueBlock.value : undefined;
  if (!Array.isArray(value) || !value.every((child) => child instanceof asn1js.BaseBlock)) {
    throw malformed('a constructed element has no readable parts');
  }
  return value;
}

function tagName(tagClass: number, tagNumber: number, constructed: boolean): string {
  if (tagClass === 1) return `${tagNumber}${constructed ? 'c' : ''}`;
  if (tagClass === 3) return contextTag(tagNumber, constructed);
  throw malformed(`tag class ${tagClass} has no place here`);
}

/** The node itself if it has this tag. Errors: MalformedDer naming `what`. */
export function expectTag(node: DerNode | undefined, tag: string, what: string): DerNode {
  if (node === undefined) throw malformed(`${what} is missing`);
  if (node.tag !== tag) throw malformed(`${what} has tag ${node.tag} instead of ${tag}`);
  return node;
}

/** Dotted form of an OBJECT IDENTIFIER. */
export function readOid(node: DerNode | undefined, what: string): string {
  const { bytes } = expectTag(node, tags.oid, what);
  const { result } = parseBer(bytes);
  if (!(result instanceof asn1js.ObjectIdentifier)) throw malformed(`${what} is no object identifier`);
  const text = result.getValue();
  if (!/^[0-2](\.\d+)+$/.test(text)) throw malformed(`${what} is no object identifier`);
  return text;
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

interface Tag {
  readonly tagClass: number;
  readonly tagNumber: number;
  readonly isConstructed: boolean;
}

/** Tag and length by asn1js, content as it is: old parts pass through without being taken apart. */
function encode(tag: Tag, content: Uint8Array): Uint8Array {
  const block = new asn1js.Primitive({ idBlock: tag, valueHex: content });
  // Primitive's constructor clears this flag; its encoder honours it.
  block.idBlock.isConstructed = tag.isConstructed;
  return new Uint8Array(block.toBER());
}

const universal = (tagNumber: number, isConstructed: boolean): Tag => ({
  tagClass: 1,
  tagNumber,
  isConstructed,
});

export const sequence = (...parts: readonly Uint8Array[]): Uint8Array =>
  encode(universal(16, true), join(parts));
export const set = (...parts: readonly Uint8Array[]): Uint8Array => encode(universal(17, true), join(parts));
export const context = (n: number, isConstructed: boolean, ...parts: readonly Uint8Array[]): Uint8Array =>
  encode({ tagClass: 3, tagNumber: n, isConstructed }, join(parts));
export const octetString = (content: Uint8Array): Uint8Array => encode(universal(4, false), content);
export const utf8String = (text: string): Uint8Array =>
  encode(universal(12, false), Buffer.from(text, 'utf8'));
export const trueBoolean = (): Uint8Array => encode(universal(1, false), Uint8Array.of(0xff));
export const nullValue = (): Uint8Array => encode(universal(5, false), new Uint8Array());

export const oid = (dotted: string): Uint8Array =>
  new Uint8Array(new asn1js.ObjectIdentifier({ value: dotted }).toBER());

/** BIT STRING of whole octets, or with `unusedBits` at its end. */
export const bitString = (content: Uint8Array, unusedBits = 0): Uint8Array =>
  encode(universal(3, false), join([Uint8Array.of(unusedBits), content]));

/** INTEGER from octets of a number that is not negative. */
export function unsignedInteger(octets: Uint8Array): Uint8Array {
  const start = octets.findIndex((octet) => octet !== 0);
  const significant = start < 0 ? Uint8Array.of(0) : octets.subarray(start);
  const padded = (significant[0] ?? 0) >= 0x80 ? join([Uint8Array.of(0), significant]) : significant;
  return encode(universal(2, false), padded);
}

/** UTCTime until 2049, GeneralizedTime from 2050 on (RFC 5280, 4.1.2.5). Whole seconds: the rest is cut. */
export function time(date: Date): Uint8Array {
  const digits = date
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:T]/g, '');
  const late = date.getUTCFullYear() >= 2050;
  return encode(universal(late ? 24 : 23, false), Buffer.from(late ? digits : digits.slice(2), 'latin1'));
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
