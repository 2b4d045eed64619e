import { describe, expect, it, test } from 'vitest';
import * as fc from 'fast-check';
import { partOf } from './range.ts';

const etag = '"abc"';
const file = { size: 100, etag };

describe('a range', () => {
  it.each([
    ['bytes=0-9', { kind: 'part', first: 0, last: 9 }],
    ['bytes=90-', { kind: 'part', first: 90, last: 99 }],
    ['bytes=90-1000', { kind: 'part', first: 90, last: 99 }],
    ['bytes=-5', { kind: 'part', first: 95, last: 99 }],
    ['bytes=-1000', { kind: 'part', first: 0, last: 99 }],
    ['bytes= 0 - 9', { kind: 'part', first: 0, last: 9 }],
    ['bytes=99-99', { kind: 'part', first: 99, last: 99 }],
    ['bytes=100-', { kind: 'unsatisfiable' }],
    ['bytes=100-200', { kind: 'unsatisfiable' }],
    ['bytes=-0', { kind: 'unsatisfiable' }],
  ])('%s is answered', (range, part) => {
    expect(partOf({ range }, file)).toEqual(part);
  });

  it.each([
    'bytes=',
    'bytes=-',
    'bytes=9-0',
    'bytes=0-1,5-6',
    'lines=0-1',
    'bytes=a-b',
    `bytes=${'9'.repeat(40)}-`,
    '',
  ])('"%s" is none: the whole file', (range) => {
    expect(partOf({ range }, file)).toEqual({ kind: 'whole' });
  });

  test('whatever is asked for, a part lies within the file', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 1000 }), (text, a, b, size) => {
        for (const range of [text, `bytes=${a}-${b}`, `bytes=${a}-`, `bytes=-${b}`]) {
          const part = partOf({ range }, { size, etag });
          if (part.kind !== 'part') continue;
          expect(part.first).toBeGreaterThanOrEqual(0);
          expect(part.last).toBeGreaterThanOrEqual(part.first);
          expect(part.last).toBeLessThan(size);
        }
      }),
    );
  });
});

describe('what the client has already', () => {
  it.each(['"abc"', 'W/"abc"', '"x", "abc"', '*'])('If-None-Match: %s is not sent again', (ifNoneMatch) => {
    expect(partOf({ ifNoneMatch, range: 'bytes=0-1' }, file)).toEqual({ kind: 'not-modified' });
  });

  it('another version is sent', () => {
    expect(partOf({ ifNoneMatch: '"abd"' }, file)).toEqual({ kind: 'whole' });
  });

  it.each([
    [etag, { kind: 'part', first: 0, last: 1 }],
    ['"abd"', { kind: 'whole' }],
    ['W/"abc"', { kind: 'whole' }],
    ['Tue, 24 Nov 2026 17:42:00 GMT', { kind: 'whole' }],
  ])('If-Range: %s goes on with a part of the same version alone', (ifRange, part) => {
    expect(partOf({ range: 'bytes=0-1', ifRange }, file)).toEqual(part);
  });
});
