// A million inputs for the readers of foreign input: each gives a value or a CertError, within a second of a processor, and
// nothing is written. One that never comes back is named, and ends the run. The same seed gives the same inputs.
//   node test/fuzz/run.ts [INPUTS] [SEED]
// What it finds goes into test/unit/corpus.ts, once it is mended; a clean run leaves docs/evidence/fuzz.json.
import * as fc from 'fast-check';
import { describeError } from '../../src/errors.ts';
import { writeEvidence } from '../e2e/lib/evidence.ts';
import { Bench } from '../judge/judge.ts';
import { watchingWrites } from '../unit/no-writes.ts';
import { foreignError, inputsOf, type Parser } from '../unit/parser.ts';
import { parsersOf } from '../unit/parsers.ts';
import { Watchdog } from './watchdog.ts';

const wanted = 1_000_000;
const inputs = Number(process.argv[2] ?? wanted);
const seed = Number(process.argv[3] ?? 20_261_124);
const largestChunk = 2000;
const slowMs = 1000;
/** By the clock, for what never comes back; what does is judged by what it took of a processor. */
const hangMs = 30_000;

interface Finding {
  readonly parser: string;
  readonly why: string;
  readonly input: string;
}

/** Of this thread alone: a busy machine makes nothing slow. */
const processorMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

class Tally {
  readonly #watchdog = new Watchdog(hangMs);
  readonly findings: Finding[] = [];
  slowestMs = 0;

  /** One input for every reader of a parser. */
  tryOne({ name, readers }: Parser, input: string): void {
    for (const read of readers) {
      const startedAt = processorMs();
      let error: unknown;
      this.#watchdog.watch(name, input, () => (error = foreignError(() => read(input))));
      const took = processorMs() - startedAt;
      this.slowestMs = Math.max(this.slowestMs, took);
      if (took > slowMs) this.findings.push({ parser: name, why: `it took ${took.toFixed(0)} ms`, input });
      if (error !== undefined) this.findings.push({ parser: name, why: describeError(error), input });
    }
  }
}

function runChunk(tally: Tally, parser: Parser, number: number, size: number): void {
  const property = fc.property(inputsOf(parser), (input) => tally.tryOne(parser, input));
  const { writes } = watchingWrites(() => fc.check(property, { seed: seed + number, numRuns: size }));
  if (writes.length > 0)
    tally.findings.push({ parser: parser.name, why: `it wrote: ${writes.join()}`, input: '' });
}

async function main(): Promise<number> {
  const bench = new Bench();
  try {
    const parsers = await parsersOf(bench);
    // A short run tries every reader too.
    const chunk = Math.min(largestChunk, Math.ceil(inputs / parsers.length));
    const chunks = Math.ceil(inputs / chunk);
    const tally = new Tally();
    const count = new Map(parsers.map(({ name }): [string, number] => [name, 0]));
    for (let number = 0; number < chunks; number += 1) {
      const parser = parsers[number % parsers.length];
      if (parser === undefined) break;
      runChunk(tally, parser, number, chunk);
      count.set(parser.name, (count.get(parser.name) ?? 0) + chunk);
      if ((number + 1) % 25 === 0 || number + 1 === chunks) tell((number + 1) * chunk, chunks * chunk, tally);
    }
    for (const finding of tally.findings.slice(0, 20))
      process.stdout.write(`FOUND ${JSON.stringify(finding)}\n`);
    process.stdout.write(`${chunks * chunk} passed, ${tally.findings.length} failed\n`);
    if (tally.findings.length > 0) return 1;
    if (inputs < wanted) return 0;
    const slowestMs = Math.round(tally.slowestMs);
    const result = {
      inputs: chunks * chunk,
      seed,
      findings: 0,
      slowestMs,
      inputsByReader: Object.fromEntries(count),
    };
    writeEvidence('fuzz', 'make soak', result);
    return 0;
  } finally {
    bench.remove();
  }
}

function tell(done: number, all: number, { findings, slowestMs }: Tally): void {
  const words = `${done} of ${all}, ${findings.length} found, slowest ${slowestMs.toFixed(0)} ms`;
  process.stdout.write(`fuzz: ${words}\n`);
}

process.exitCode = await main();
