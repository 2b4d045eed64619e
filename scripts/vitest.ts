// Runs vitest and says its result in the words that scripts/test.ts counts: "N passed, N failed".
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const scratch = mkdtempSync(join(tmpdir(), 'vitest-'));
const report = join(scratch, 'report.json');
// Started by its file: its first line would find the machine's own Node.
const run = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile=${report}`,
    ...process.argv.slice(2),
  ],
  { stdio: ['ignore', 'inherit', 'inherit'] },
);
interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numFailedTestSuites: number;
}
try {
  const result: Report = JSON.parse(readFileSync(report, 'utf8'));
  // a file that does not even load has no failed test, only a failed suite
  const failed = result.numFailedTests > 0 ? result.numFailedTests : result.numFailedTestSuites;
  console.log(`${result.numPassedTests} passed, ${failed} failed`);
} finally {
  rmSync(scratch, { recursive: true });
}
process.exitCode = run.status ?? 1;
