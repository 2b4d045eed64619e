// The Bun that a compiled executable carries. npm installs only the one for this machine; the other is fetched as a
// package of its own, and believed by its pinned integrity alone.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const version = '1.4.5';
const foreign = {
  name: '@oven/bun-linux-aarch64',
  integrity:
    'sha512-4BXmsSKnjOrlGWqZV4x/oWa7AVoR+B6lCXddMzOAXBIm3t50eslg9wb66gmtW1AamEQ1l1CDvmmruysEhqOWMg==',
} as const;

/** Path of Bun for an architecture; fetches and unpacks it once. */
export function bunFor(architecture: 'x64' | 'arm64', root: string): string {
  if (architecture === 'x64') return join(root, 'node_modules/@oven/bun-linux-x64/bin/bun');
  const cache = join(root, 'node_modules/.cache', `bun-linux-aarch64-${version}`);
  const bun = join(cache, 'package/bin/bun');
  if (existsSync(bun)) return bun;
  const staging = `${cache}.${process.pid}`;
  mkdirSync(staging, { recursive: true });
  try {
    unpack(staging);
    renameSync(staging, cache);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return bun;
}

function unpack(directory: string): void {
  const arguments_ = ['pack', '--silent', `--pack-destination=${directory}`, `${foreign.name}@${version}`];
  const file = execFileSync('npm', arguments_, { encoding: 'utf8', cwd: directory }).trim();
  const bytes = readFileSync(join(directory, file));
  const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
  if (integrity !== foreign.integrity) {
    throw new Error(`${foreign.name}@${version} has integrity ${integrity} instead of ${foreign.integrity}`);
  }
  execFileSync('tar', ['-xzf', file], { cwd: directory });
  rmSync(join(directory, file));
}
