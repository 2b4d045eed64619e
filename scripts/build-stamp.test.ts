import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { buildOf } from './build-stamp.ts';

const root = mkdtempSync(join(tmpdir(), 'stamp-'));
afterAll(() => rmSync(root, { recursive: true }));
writeFileSync(join(root, 'package.json'), '{"version": "1.2.3"}');
const environment = { ...process.env, GIT_AUTHOR_DATE: '@1700000000', GIT_COMMITTER_DATE: '@1700000000' };
const git = (words: string): void => {
  const who = ['-c', 'user.name=x', '-c', 'user.email=x@x'];
  execFileSync('git', [...who, ...words.split(' ')], { cwd: root, env: environment, stdio: 'ignore' });
};

it('says nothing of a commit where there is none', () => {
  expect(buildOf(root, {})).toEqual({ version: '1.2.3', modified: true });
});

it('takes the date of the commit, or the one that is given, and says when something differs', () => {
  git('init');
  git('add package.json');
  git('commit -m x');
  const clean = { version: '1.2.3', commit: expect.stringMatching(/^[0-9a-f]{40}$/), modified: false };
  expect(buildOf(root, {})).toEqual({ ...clean, date: '2023-11-14T22:13:20Z' });
  expect(buildOf(root, { SOURCE_DATE_EPOCH: '86400' })).toEqual({ ...clean, date: '1970-01-02T00:00:00Z' });
  writeFileSync(join(root, 'new'), '');
  expect(buildOf(root, {}).modified).toBe(true);
});
