// The tests' own small programs in Go, each in its folder beside this file: static, so that they run on any node.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { bedCache } from '../../kubernetes.ts';
import { run } from './command.ts';

/** Path of the program, built once for each version of its source. */
export async function goProgram(name: 'canary' | 'guard'): Promise<string> {
  const source = join(import.meta.dirname, name);
  const version = createHash('sha256')
    .update(readFileSync(join(source, 'main.go')))
    .digest('hex')
    .slice(0, 12);
  const program = join(bedCache, `${name}-${version}`);
  if (existsSync(program)) return program;
  mkdirSync(bedCache, { recursive: true });
  const part = `${program}.${process.pid}`;
  await run('go', ['build', '-trimpath', '-buildvcs=false', '-o', part, '.'], {
    cwd: source,
    env: { CGO_ENABLED: '0' },
  });
  renameSync(part, program);
  return program;
}
