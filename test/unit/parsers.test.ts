// Every reader of foreign input: whatever the input, it gives a value or throws CertError, and it writes nothing.
import * as fc from 'fast-check';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { readRenewOptions } from '../../src/cli/options.ts';
import { Bench } from '../judge/judge.ts';
import { corpus } from './corpus.ts';
import { mutated } from './mutations.ts';
import { watchingWrites } from './no-writes.ts';
import { foreignError, inputsOf } from './parser.ts';
import { parsersOf } from './parsers.ts';
import * as samples from './samples.ts';

const bench = new Bench();
afterAll(() => bench.remove());
const parsers = await parsersOf(bench);

/** Tries many inputs; the counterexample and its error, when there is one, and what was written. */
function findings<T>(inputs: fc.Arbitrary<T>, readers: readonly ((input: T) => unknown)[]): unknown[] {
  const property = fc.property(inputs, (input) => {
    for (const read of readers) {
      const error = foreignError(() => read(input));
      if (error !== undefined) throw error;
    }
  });
  const { result, writes } = watchingWrites(() => fc.check(property, { numRuns: 800 }));
  return [...(result.failed ? [result.counterexample, result.errorInstance] : []), ...writes];
}

describe.each(parsers)('$name', (parser) => {
  const { seeds, readers } = parser;

  it('is read', () => {
    expect(() => readers[0]?.(seeds[0])).not.toThrow();
  });

  it('of any content gives a value or CertError, and writes nothing', () => {
    expect(findings(inputsOf(parser), readers)).toEqual([]);
  });
});

const findingsOnce = Object.entries(corpus).flatMap(([name, texts]) =>
  texts.map((text) => [name, text] as const),
);

it.each(findingsOnce)('%s is no more troubled by %j, which once found something', (name, text) => {
  const readers = parsers.filter((each) => each.name === name).flatMap((each) => each.readers);
  expect(readers).not.toEqual([]);
  const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
  const errors = readers.map((read) => foreignError(() => read(text)));
  expect([...errors, ...warned.mock.calls]).toEqual(readers.map(() => undefined));
  warned.mockRestore();
});

it.each([
  ['lists', '['.repeat(20_000)],
  ['maps', '{a: '.repeat(10_000)],
  [
    'aliases',
    `a: &a [x, x]\n${Array.from('bcdefghij', (c, i) => `${c}: &${c} [${`*${'abcdefghi'[i]},`.repeat(9)}]\n`).join('')}`,
  ],
])('YAML of too many %s is a CertError for every reader of YAML', (_, text) => {
  const readers = parsers.filter(({ name }) => /kube|configuration|manifest/iu.test(name));
  expect(readers).toHaveLength(5);
  for (const { readers: some } of readers)
    for (const read of some) expect(foreignError(() => read(text))).toBeUndefined();
});

it('cert-renew’s arguments, whatever they are, give options or CertError', () => {
  const line = fc.array(mutated(samples.words), { maxLength: 8 });
  expect(findings(line, [(words) => readRenewOptions(words, '/work')])).toEqual([]);
});
