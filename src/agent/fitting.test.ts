import { describe, expect, it } from 'vitest';
import { fittingMessage } from './fitting.ts';
import { checkers, decodeMessages, encodeError, encodeMessage } from './message.ts';
import type { RotateResult } from './protocol.ts';
import { terminationMessageLimit } from './protocol.ts';

const time = '2030-03-01T00:00:00.000Z';
const result = (words: string): RotateResult => ({
  schema: 1,
  outcome: 'succeeded',
  reason: 'Renewed',
  message: words,
  steps: [{ name: 'etcd: check', startedAt: time, finishedAt: time, result: 'done', message: words }],
  certificates: [
    {
      id: 'etcd/server.crt',
      oldSerial: '1',
      newSerial: '2',
      oldNotAfter: time,
      newNotAfter: time,
      proof: words,
    },
  ],
});

describe('a rotation’s result', () => {
  it('with words of any length is one that the controller takes', () => {
    const message = fittingMessage(result('etcd says so. '.repeat(1000)));
    expect(message.length).toBeLessThanOrEqual(terminationMessageLimit);
    const decoded = decodeMessages([message], checkers.rotate);
    expect(decoded.kind === 'value' ? decoded.value.outcome : decoded).toBe('succeeded');
  });
});

describe('what an agent says', () => {
  it('holds no control characters, whatever a component answered', () => {
    const message = encodeMessage(result('one\r\ntwo\u001b[31m\u0000red\u2028three'));
    const decoded = decodeMessages([message], checkers.rotate);
    expect(decoded).toMatchObject({
      kind: 'value',
      value: { message: 'one two[31mred three', steps: [{ message: 'one two[31mred three' }] },
    });
    const error = decodeMessages([encodeError(new Error('a\nb\u0007'))], checkers.rotate);
    expect(error).toMatchObject({ kind: 'error', error: { message: 'a b' } });
  });

  it('as an error fits into its message in any script', () => {
    // Not to be compressed: no character twice in a row, and each of three bytes.
    const words = Array.from({ length: 4000 }, (_, index) =>
      String.fromCodePoint(0x4e00 + ((index * 7919) % 20_000)),
    ).join('');
    const message = encodeError(new Error(words));
    expect(message.length).toBeLessThanOrEqual(terminationMessageLimit);
    const decoded = decodeMessages([message], checkers.rotate);
    expect(decoded.kind === 'error' ? decoded.error.message.startsWith(words.slice(0, 400)) : '').toBe(true);
  });
});
