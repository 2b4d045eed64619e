// As in the executable, which writes at once: the streams of plain Node are left aside.
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import process from 'node:process';
import { expect, it } from 'vitest';

const output = JSON.stringify(resolve(import.meta.dirname, 'output.ts'));
const asExecutable = `Object.defineProperty(process, 'versions', { value: { ...process.versions, bun: '1' } });
const { say } = await import(${output});
process.exitCode = say('x'.repeat(100_000)) ? 0 : 7;`;

it.each([
  ['/dev/full', 7, 'cert-renew: standard output cannot be written: ENOSPC\n'],
  ['/dev/null', 0, ''],
])('say tells whether %s took all of it', (device, status, complaint) => {
  const fd = openSync(device, 'w');
  const words = ['--input-type=module', '-e', asExecutable];
  const run = spawnSync(process.execPath, words, { stdio: ['ignore', fd, 'pipe'], encoding: 'utf8' });
  closeSync(fd);
  expect([run.status, run.stderr]).toEqual([status, complaint]);
});

it('say tells, without a word, that nobody reads', () => {
  const words = `exec 3>&2; { "$0" --input-type=module -e "$1"; echo "$?" >&3; } | true`;
  const code = `await new Promise((done) => setTimeout(done, 300));\n${asExecutable}`;
  const { stderr } = spawnSync('sh', ['-c', words, process.execPath, code], { encoding: 'utf8' });
  expect(stderr).toBe('7\n');
});
