import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { architectures, downloadNames, readDownloads } from './downloads.ts';
import { errorScript } from './error-script.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'downloads-'));
  for (const architecture of architectures) {
    mkdirSync(join(directory, architecture));
    for (const name of downloadNames) writeFileSync(join(directory, architecture, name), name);
    const lines = ['cert-renew', 'renew-all.sh'].map((name) => `${'ab'.repeat(32)}  ${name}\n`);
    writeFileSync(join(directory, architecture, 'SHA256SUMS'), lines.join(''));
  }
});
afterEach(() => rmSync(directory, { recursive: true }));

test('each file is known with its size and its sha256', () => {
  const { amd64 } = readDownloads(directory);
  expect(amd64['cert-renew']).toEqual({
    path: join(directory, 'amd64/cert-renew'),
    size: 10,
    etag: `"${'ab'.repeat(32)}"`,
    type: 'application/octet-stream',
  });
});

test('nothing is served when one of them is missing, or its checksum', () => {
  const sums = join(directory, 'arm64/SHA256SUMS');
  writeFileSync(sums, `${'ab'.repeat(32)}  cert-renew\n`);
  expect(() => readDownloads(directory)).toThrow('renew-all.sh has no line here');
  rmSync(join(directory, 'arm64/cert-renew'));
  expect(() => readDownloads(directory)).toThrow('a download is not where the image has it');
});

function start(...words: string[]) {
  const program = resolve(import.meta.dirname, '../web.ts');
  const { status, stderr } = spawnSync(process.execPath, [program, ...words], { encoding: 'utf8' });
  return { status, stderr };
}

test('the program says in one line why it does not start', () => {
  expect(start('--listen', '127.0.0.1:0', '--downloads', '/nowhere')).toEqual({
    status: 2,
    stderr: 'web: /nowhere/amd64/SHA256SUMS: a download is not where the image has it\n',
  });
  expect(start('--listen', 'here')).toEqual({
    status: 2,
    stderr: 'web: --listen here: must be HOST:PORT, such as 127.0.0.1:8080\n',
  });
});

test('whatever an error says, sh prints it and runs nothing of it', () => {
  const message = `it's $(touch ${directory}/made) \`id\` "x" \\ %s`;
  const { status, stderr } = spawnSync('sh', ['-c', errorScript(500, message)], { encoding: 'utf8' });
  expect(stderr).toBe(`cluster-cert-rotator: nothing was downloaded (HTTP 500): ${message}\n`);
  expect(status).toBe(1);
});
