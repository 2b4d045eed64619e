// What a long run leaves: docs/evidence/<name>.json, so that a claim in the documents can be checked.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { repository } from './product.ts';

/** Call it when everything has passed: a run that failed leaves no evidence. */
export function writeEvidence(name: string, command: string, result: unknown): void {
  const evidence = {
    commit: git('rev-parse', 'HEAD'),
    // what another case of the same run has left is no change of the code
    clean: git('status', '--porcelain', '--', '.', ':!docs/evidence') === '',
    date: new Date().toISOString(),
    command,
    machine: {
      cpus: cpus().length,
      model: cpus()[0]?.model ?? 'unknown',
      memoryGiB: Math.round(totalmem() / 2 ** 30),
    },
    result,
  };
  const directory = join(repository, 'docs', 'evidence');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, `${name}.json`), `${JSON.stringify(evidence, null, 2)}\n`);
}

/** What git says of the repository. */
export function git(...words: string[]): string {
  return execFileSync('git', words, { cwd: repository, encoding: 'utf8' }).trim();
}
