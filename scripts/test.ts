// Runs the suites of `make test` one after another, but for those that may run at once, prints the seconds of each and closes with "N passed, N failed".
//   node scripts/test.ts lint | fast | all | soak | NAME...
// A suite is a command that ends with a line "N passed, N failed" of its own, or counts as one check by its exit code.
import { spawn } from 'node:child_process';
import { platform } from 'node:os';
import { createInterface } from 'node:readline';
import { suites, type Suite } from '../test/suites.ts';

interface Outcome {
  readonly suite: string;
  readonly passed: number;
  readonly failed: number;
  readonly seconds: number;
  /** What the suite itself said of each that failed, a line each. */
  readonly failures: readonly string[];
}

const isRoot = process.getuid?.() === 0 && platform() === 'linux';
const inCi = process.env['CI'] === 'true';

function selected(words: readonly string[]): readonly Suite[] {
  const chosen = suites.filter((suite) =>
    words.some((word) => suite.name === word || suite.groups.some((group) => group === word)),
  );
  if (chosen.length === 0) throw new Error(`no such suite: ${words.join(' ')}`);
  return chosen;
}

/**
 * Runs one suite; its output goes through, its last "N passed, N failed" line is its count, and its lines that say
 * what failed are said once more at the end, where a reader of a long log looks first.
 *
 * @param alone nobody else speaks meanwhile; else every line begins with the suite's name
 */
async function run(suite: Suite, alone: boolean): Promise<Outcome> {
  const startedAt = performance.now();
  const mark = alone ? '' : `${suite.name} | `;
  process.stdout.write(`\n== ${suite.name}: ${suite.about}\n`);
  const child = spawn('bash', ['-c', suite.command], {
    stdio: ['ignore', 'pipe', alone ? 'inherit' : 'pipe'],
  });
  let tail = '';
  for (const input of [child.stdout, child.stderr]) {
    if (!input) continue;
    createInterface({ input }).on('line', (line) => {
      if (input === child.stdout) tail = `${tail}${line}\n`.slice(-20_000);
      console.log(mark + line);
    });
  }
  const code = await new Promise<number>((resolve) => {
    // One that cannot be started has failed, and its neighbours go on.
    child.on('error', ({ message }) => {
      tail += `failed: ${message}\n`;
      console.log(`${mark}failed: ${message}`);
      resolve(127);
    });
    child.on('close', (status) => resolve(status ?? 1));
  });
  const counts = [...tail.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  const passed = counts ? Number(counts[1]) : code === 0 ? 1 : 0;
  const failed = counts ? Number(counts[2]) : code === 0 ? 0 : 1;
  // a suite that dies after it has printed its count has failed all the same
  return {
    suite: suite.name,
    passed,
    failed: code !== 0 && failed === 0 ? 1 : failed,
    failures: [...tail.matchAll(/^(?:failed:|FAIL| *FAILED) .*$/gm)].map(([line]) => line),
    seconds: (performance.now() - startedAt) / 1000,
  };
}

function canRun({ name, needsRoot }: Suite): boolean {
  if (needsRoot !== true || isRoot) return true;
  if (inCi) throw new Error(`suite ${name} needs root on Linux, and CI leaves nothing out`);
  console.log(`\n== ${name}: left out, it needs root on Linux (sudo make test)`);
  return false;
}

/** Suites that run at once, turn by turn. */
function turnsOf(chosen: readonly Suite[]): readonly (readonly Suite[])[] {
  const turns: Suite[][] = [];
  for (const suite of chosen) {
    const last = turns.at(-1);
    if (suite.atOnce !== undefined && suite.atOnce === last?.[0]?.atOnce) last.push(suite);
    else turns.push([suite]);
  }
  return turns;
}

async function main(): Promise<number> {
  const words = process.argv.slice(2);
  const outcomes: Outcome[] = [];
  for (const turn of turnsOf(selected(words.length > 0 ? words : ['all']))) {
    const runnable = turn.filter(canRun);
    const ended = await Promise.all(runnable.map(async (suite) => run(suite, runnable.length === 1)));
    outcomes.push(...ended);
    const lacking = runnable.find(({ required }, index) => required === true && ended[index]?.failed !== 0);
    if (lacking === undefined) continue;
    console.log(`\n${lacking.name} failed: what follows needs it and is not run`);
    break;
  }
  console.log('\nseconds  passed  failed  suite');
  for (const o of outcomes) {
    console.log(
      `${o.seconds.toFixed(1).padStart(7)} ${String(o.passed).padStart(7)} ${String(o.failed).padStart(7)}  ${o.suite}`,
    );
  }
  for (const { suite, failures } of outcomes) for (const line of failures) console.log(`${suite} ${line}`);
  const passed = outcomes.reduce((sum, o) => sum + o.passed, 0);
  const failed = outcomes.reduce((sum, o) => sum + o.failed, 0);
  console.log(`\n${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

process.exitCode = await main();
