// What a build says of itself. Nothing of the day or the machine: the same commit gives the same bytes.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Build } from '../src/build.ts';

/** @param environment SOURCE_DATE_EPOCH (reproducible-builds.org) is taken before the date of the commit */
export function buildOf(root: string, environment: NodeJS.ProcessEnv = process.env): Build {
  const { version }: { version: string } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const commit = git(root, 'rev-parse', 'HEAD');
  const seconds = environment['SOURCE_DATE_EPOCH'] ?? git(root, 'log', '-1', '--format=%ct');
  return {
    version,
    ...(commit === undefined ? {} : { commit }),
    modified: git(root, 'status', '--porcelain') !== '',
    ...(seconds === undefined
      ? {}
      : { date: new Date(Number(seconds) * 1000).toISOString().replace('.000', '') }),
  };
}

/** Undefined where there is no repository: sources from an archive. */
function git(root: string, ...words: readonly string[]): string | undefined {
  try {
    // Another user's clone is one all the same: CI builds as root.
    const options = ['-c', `safe.directory=${root}`, ...words];
    return execFileSync('git', options, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}
