// One kind of input that is fuzzed: what reads it, and from which real texts its inputs are made.
import type * as fc from 'fast-check';
import { CertError } from '../../src/errors.ts';
import { mutated, mutatedJson } from './mutations.ts';

export interface Parser {
  readonly name: string;
  /** The first is read without an error. */
  readonly seeds: readonly [string, ...string[]];
  /** The seeds are JSON: values inside are put out of shape too. */
  readonly isJson?: true;
  readonly readers: readonly ((text: string) => unknown)[];
}

/** The inputs of a parser: its seeds, mutated. */
export const inputsOf = ({ seeds, isJson }: Parser): fc.Arbitrary<string> =>
  isJson === true ? mutatedJson(seeds) : mutated(seeds);

/** What is thrown that is not ours. */
export function foreignError(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    if (!(error instanceof CertError)) return error;
  }
  return undefined;
}
