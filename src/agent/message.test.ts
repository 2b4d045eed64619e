import * as fc from 'fast-check';
import { createHash } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import { checkers, decodeMessages, encodeError, encodeMessage, maximumParts } from './message.ts';
import { terminationMessageLimit, type InventoryRow, type ScanResult } from './protocol.ts';

const asIs = (value: unknown): unknown => value;

const hex = (seed: number): string => createHash('sha256').update(String(seed)).digest('hex');

function row(index: number): InventoryRow {
  return {
    id: `certificate-${index}`,
    path: `/etc/kubernetes/pki/certificate-${index}.crt`,
    kind: 'pair',
    ca: 'kubernetes',
    subject: 'CN=kube-apiserver',
    issuer: 'CN=kubernetes',
    serial: hex(index + 1).slice(0, 16),
    notBefore: '2026-01-01T00:00:00Z',
    notAfter: '2027-01-01T00:00:00Z',
    sans: ['DNS:kubernetes', 'IP:10.96.0.1'],
    keyAlgorithm: 'RSA-2048',
    sha256: hex(index + 100),
    state: 'Ok',
    reason: '',
  };
}

const scanOf = (rows: number, notes: readonly string[] = []): ScanResult => ({
  schema: 1,
  machineID: 'c0ffee',
  clock: '2026-01-01T00:00:00.000Z',
  certificates: Array.from({ length: rows }, (_, index) => row(index)),
  notes,
});

describe('a termination message', () => {
  it('of sixteen certificates fits into one container', () => {
    const message = encodeMessage(scanOf(16));
    expect(message.length).toBeLessThan(terminationMessageLimit);
    expect(decodeMessages([message], checkers.scan)).toEqual({ kind: 'value', value: scanOf(16) });
  });

  it('that does not fit says how many parts it needs, and these join again in any order', () => {
    const large = scanOf(80, ['a note']);
    const overflow = decodeMessages([encodeMessage(large)], checkers.scan);
    if (overflow.kind !== 'overflow') throw new Error(`not an overflow: ${overflow.kind}`);
    const messages = Array.from({ length: overflow.parts }, (_, part) =>
      encodeMessage({ ...large, clock: `2026-01-01T00:00:0${part}.000Z` }, { part, parts: overflow.parts }),
    );
    for (const message of messages) expect(message.length).toBeLessThanOrEqual(terminationMessageLimit);
    expect(decodeMessages(messages.toReversed(), checkers.scan)).toEqual({ kind: 'value', value: large });
  });

  it('that does not even fit into three containers is a named error, never a cut', () => {
    const decoded = decodeMessages([encodeMessage(scanOf(900))], checkers.scan);
    expect(decoded).toMatchObject({ kind: 'error', error: { code: 'TooLarge' } });
  });

  it('carries an error as a value', () => {
    const message = encodeError(new CertError('Unreachable', 'no API server answers'));
    expect(decodeMessages([message], checkers.scan)).toEqual({
      kind: 'error',
      error: { code: 'Unreachable', message: 'no API server answers' },
    });
    expect(encodeError(new Error('x'.repeat(9000))).length).toBeLessThan(terminationMessageLimit);
  });

  it('whose parts were read from different states of the node is a conflict', () => {
    const messages = [
      encodeMessage(scanOf(4), { part: 0, parts: 2 }),
      encodeMessage(scanOf(5), { part: 1, parts: 2 }),
    ];
    expect(decodeMessages(messages, checkers.scan)).toMatchObject({
      kind: 'error',
      error: { code: 'Conflict' },
    });
  });

  it.each([
    ['nothing', []],
    ['an empty one', ['']],
    ['text of somebody else', ['OOMKilled']],
    ['one that was cut', [encodeMessage(scanOf(3)).slice(0, -9)]],
    ['a part without its sisters', [encodeMessage(scanOf(3), { part: 1, parts: 3 })]],
    ['the same part twice', [0, 0].map((part) => encodeMessage(scanOf(3), { part, parts: 2 }))],
    ['a bomb', [`ccr1 0/1 0123456789abcdef ${deflateRawSync(Buffer.alloc(8_000_000)).toString('base64')}`]],
    ['a value of another shape', [encodeMessage({ schema: 1, certificates: [] })]],
    ['an unknown reason', [encodeMessage({ ...scanOf(1), certificates: [{ ...row(0), state: 'Fine' }] })]],
  ])('%s is an error value', (_, messages) => {
    expect(decodeMessages(messages, checkers.scan)).toMatchObject({ kind: 'error' });
  });

  it('of any value comes back, in any number of parts', () => {
    const json = fc.dictionary(fc.string(), fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue())));
    fc.assert(
      fc.property(json, fc.integer({ min: 1, max: maximumParts }), (value, parts) => {
        const messages = Array.from({ length: parts }, (_, part) =>
          encodeMessage(value, { part, parts, limit: 1_000_000 }),
        );
        expect(decodeMessages(messages, asIs)).toEqual({
          kind: 'value',
          value: JSON.parse(JSON.stringify(value)),
        });
      }),
    );
  });

  it('of any text never throws', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.string().map((s) => `ccr1 0/1 0123456789abcdef ${s}`),
      fc.base64String(),
    );
    fc.assert(
      fc.property(fc.array(texts), (messages) => {
        expect(['error', 'overflow']).toContain(decodeMessages(messages, checkers.scan).kind);
      }),
    );
  });
});
