// Runs vitest and says its result in the words that scripts/test.ts counts: "N passed, N failed".
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const scratch = mkdtempSync(join(tmpdir(), 'vitest-'));
const reportFile = join(scratch, 'report.json');
// Started by its file: its first line would find the machine's own Node.
const run = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${reportFile}`,
    ...process.argv.slice(2),
  ],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
/** Of vitest's JSON report, what is said of it here. A file that does not even load has a message and no test. */
interface Report {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

function say(file: string, test: string, why = ''): string {
  return `failed: ${relative(process.cwd(), file)}${test}: ${stripVTControlCharacters(why).split('\n', 1)[0]}`;
}

/** A line for each failed test, which scripts/test.ts says once more at its end: "failed: FILE > TEST: why". */
function failures({ testResults }: Report): readonly string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed');
    if (failed.length === 0 && status === 'failed') return [say(name, '', message)];
    return failed.map((test) => say(name, ` > ${test.fullName}`, test.failureMessages[0]));
  });
}

try {
  const report: Report = JSON.parse(readFileSync(reportFile, 'utf8'));
  const failed = failures(report);
  if (failed.length > 0) console.log(failed.join('\n'));
  console.log(`${report.numPassedTests} passed, ${failed.length} failed`);
} finally {
  rmSync(scratch, { recursive: true });
}
process.exitCode = run.status ?? 1;
