// DER by our own reader, held against asn1js: what one takes for DER the other must, and they must see the same parts.
import { isDeepStrictEqual } from 'node:util';
import * as asn1js from 'asn1js';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Bench, readText } from '../../test/judge/judge.ts';
import { CertError } from '../errors.ts';
import type { DerNode } from './der.ts';
import {
  bitString,
  context,
  octetString,
  oid,
  readDer,
  readOid,
  sequence,
  time,
  unsignedInteger,
} from './der.ts';
import { generateLike } from './keys.ts';
import { readPem } from './pem.ts';
import { makeRequest } from './request.ts';

const bench = new Bench();
afterAll(() => bench.remove());

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** [tag octet, content, children] all the way down. */
type Tree = readonly [number, string, readonly Tree[]];

const ours = ({ bytes, content, children }: DerNode): Tree => [
  bytes[0] ?? -1,
  toHex(content),
  children.map(ours),
];

/** What asn1js makes of it; undefined when it is not DER. asn1js reads BER: each element is encoded again and compared. */
function judged(bytes: Uint8Array): Tree | undefined {
  try {
    const { offset, result } = asn1js.fromBER(bytes, { parseEmbedded: false, maxDepth: 32, maxNodes: 5000 });
    return offset === bytes.length ? treeOf(result) : undefined;
  } catch {
    return undefined;
  }
}

function treeOf(block: asn1js.BaseBlock): Tree | undefined {
  const { tagClass, tagNumber, isConstructed } = block.idBlock;
  const bytes = block.valueBeforeDecodeView;
  const content = bytes.subarray(bytes.length - block.lenBlock.length);
  const again = new asn1js.Primitive({ idBlock: { tagClass, tagNumber, isConstructed }, valueHex: content });
  again.idBlock.isConstructed = isConstructed;
  if (block.lenBlock.isIndefiniteForm || toHex(new Uint8Array(again.toBER())) !== toHex(bytes))
    return undefined;
  // Of these classes no certificate has anything.
  if (tagClass !== 1 && tagClass !== 3) return undefined;
  const value: unknown = isConstructed && 'value' in block.valueBlock ? block.valueBlock.value : [];
  if (!Array.isArray(value)) return undefined;
  const children = value.map((child: asn1js.BaseBlock) => treeOf(child));
  if (!children.every((child) => child !== undefined)) return undefined;
  return [bytes[0] ?? -1, toHex(content), children];
}

/** UTF8String, and NumericString to BMPString, with the times among them. */
const isText = (tag: number): boolean => tag === 12 || (tag >= 18 && tag <= 30);

/** The element again; texts as octets: whether they are such is for those to say who read them (name.ts, time.ts). */
function written([tag, content, children]: Tree): Uint8Array {
  const inner = children.length === 0 ? hex(content) : Buffer.concat(children.map(written));
  return Uint8Array.from([isText(tag) ? 4 : tag, ...octetString(inner).subarray(1)]);
}

function read(bytes: Uint8Array): Tree | string {
  try {
    return ours(readDer(bytes));
  } catch (error) {
    if (error instanceof CertError && error.code === 'MalformedDer') return error.message;
    throw error;
  }
}

describe('an element', () => {
  it.each([
    ['02 01 05', 'an integer'],
    ['30 00', 'an empty sequence'],
    ['30 03 02 01 05', 'a sequence'],
    ['a0 03 02 01 05', '[0]'],
    ['82 01 61', '[2], primitive'],
    [`04 81 80 ${'00'.repeat(128)}`, 'a length of two octets'],
    [`04 82 01 00 ${'00'.repeat(256)}`, 'a length of three octets'],
    ['06 03 2a 03 04', 'an object identifier'],
  ])('%s is %s', (text) => {
    expect(read(hex(text))).toEqual(judged(hex(text)));
    expect(read(hex(text))).toBeInstanceOf(Array);
  });

  it.each([
    ['', /bytes are missing/],
    ['30', /bytes are missing/],
    ['30 05 02 01 05', /bytes are missing/],
    ['02 01 05 00', /bytes follow its end/],
    ['30 04 02 03 05 06', /bytes are missing/],
    ['30 80 02 01 05 00 00', /indefinite length/],
    ['02 81 01 05', /not in its one DER form/],
    [`04 82 00 80 ${'00'.repeat(128)}`, /not in its one DER form/],
    ['04 84 00 00 00 01 00', /length is too large/],
    ['04 85 ff ff ff ff ff', /length is too large/],
    ['1f 81 00 00', /tag number over 30/],
    ['00 00', /no place here/],
    ['10 00', /no place here/],
    ['24 03 04 01 00', /no place here/],
    ['41 01 00', /no place here/],
    ['c1 01 00', /no place here/],
    ['03 00', /unused bits/],
    ['03 01 01', /unused bits/],
    ['03 02 08 ff', /unused bits/],
    ['06 00', /object identifier is not well-formed/],
    ['06 02 2a 80', /object identifier is not well-formed/],
    ['06 03 2a 80 01', /object identifier is not well-formed/],
    ['30'.padEnd(2 * 40, '3080'), /MalformedDer|indefinite|missing/],
  ])('%s is refused', (text, message) => {
    expect(read(hex(text))).toMatch(message);
  });

  it('of too many parts, or nested too deep, is refused', () => {
    expect(read(sequence(...Array.from({ length: 5000 }, () => hex('0500'))))).toMatch(/too many parts/);
    const deep = Array.from({ length: 33 }).reduce((inner: Uint8Array) => sequence(inner), hex('0500'));
    expect(read(deep)).toMatch(/too many parts/);
    expect(read(new Uint8Array(300_000))).toMatch(/300000 bytes are too many/);
  });
});

it.each([
  ['2.5.29.15', '551d0f'],
  ['1.2.840.113549.1.1.11', '2a864886f70d01010b'],
  ['2.999.3', '883703'],
  ['2.25.329800735698586629295641978511506172918', '6983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776'],
  ['0.0', '00'],
])('object identifier %s', (dotted, content) => {
  expect(toHex(oid(dotted).subarray(2))).toBe(content);
  expect(readOid(readDer(oid(dotted)), 'x')).toBe(dotted);
});

describe('as asn1js', () => {
  bench.key('RSA-2048');
  bench.key('P-256');
  const more = 'subjectAltName=DNS:a,IP:10.0.0.1,URI:u:x,email:m@x,RID:1.2.3';
  bench.openssl('req -x509 -key RSA-2048-a.key -subj /O=a/CN=b -out x.crt', '-addext', more);
  bench.openssl('req -x509 -key P-256-a.key -subj /CN=b -out y.crt');
  const seeds = [
    ...['x.crt', 'y.crt', 'RSA-2048-a.key', 'P-256-a.key'].map(
      (name) => readPem(readText(bench.path(name)))[0]?.der ?? new Uint8Array(),
    ),
    makeRequest(generateLike({ keyAlgorithm: 'P-256' }), 'x'),
    sequence(
      time(new Date(0)),
      bitString(hex('a0'), 5),
      context(0, true, octetString(hex('00'))),
      unsignedInteger(hex('ff')),
    ),
  ];

  it.each(seeds.map((seed): [string, Uint8Array] => [toHex(seed).slice(0, 24), seed]))('%s…', (_, seed) => {
    expect(judged(seed)).toBeDefined();
    expect(read(seed)).toEqual(judged(seed));
  });

  it('mutated: never more is taken, and the same parts are seen', () => {
    const edits = fc.array(
      fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }), cut: fc.nat(3) }),
      {
        minLength: 1,
        maxLength: 3,
      },
    );
    const property = fc.property(fc.constantFrom(...seeds), edits, (seed, changes) => {
      const bytes = changes.reduce((before, { at, to, cut }) => {
        const place = at % (before.length + 1);
        return Buffer.concat([before.subarray(0, place), Buffer.of(to), before.subarray(place + cut)]);
      }, Buffer.from(seed));
      const mine = read(new Uint8Array(bytes));
      if (typeof mine === 'string') return;
      const plain = written(mine);
      expect(judged(plain)).toEqual(read(plain));
    });
    fc.assert(property, { numRuns: 5000 });
  });

  it('and nothing that it takes for DER is refused, but for what no certificate has', () => {
    const element = fc.letrec<{ any: Uint8Array; leaf: Uint8Array; node: Uint8Array }>((tie) => ({
      any: fc.oneof({ depthSize: 'small', withCrossShrink: true }, tie('leaf'), tie('node')),
      leaf: fc
        .tuple(
          fc.constantFrom(0x02, 0x04, 0x0c, 0x13, 0x16, 0x80, 0x82, 0x86),
          fc.uint8Array({ minLength: 1, maxLength: 300 }),
        )
        .map(([tag, content]) => Uint8Array.from([tag, ...octetString(content).subarray(1)])),
      node: fc
        .tuple(fc.constantFrom(0x30, 0x31, 0xa0, 0xa3), fc.array(tie('any'), { maxLength: 4 }))
        .map(([tag, parts]) => Uint8Array.from([tag, ...sequence(...parts).subarray(1)])),
    }));
    const property = fc.property(element.any, (bytes) => {
      const theirs = judged(bytes);
      return theirs === undefined || isDeepStrictEqual(read(bytes), theirs);
    });
    expect(fc.check(property, { numRuns: 1000 }).counterexample).toBeNull();
  });
});
