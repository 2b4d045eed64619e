// A program of the product as one executable for nodes and desks as old as glibc 2.17: one esbuild bundle, compiled by Bun.
// Bun sees a finished bundle only: given sources it would replace some packages by shims of its own.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { buildOf } from './build-stamp.ts';
import { compileWithBun } from './bun-compile.ts';
import { lazyModules } from './lazy-modules.ts';

export const root = resolve(import.meta.dirname, '..');
export const dist = join(root, 'dist');
const newestGlibc = [2, 17] as const;

export interface Program {
  readonly name: string;
  readonly entry: string;
  /** Sources that must not be in it (design §2). */
  readonly forbidden: RegExp;
}

/** Gives the path of the bundle. */
export async function bundleOf({ name, entry, forbidden }: Program): Promise<string> {
  mkdirSync(join(dist, 'bundle'), { recursive: true });
  const outfile = join(dist, 'bundle', `${name}.mjs`);
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'es2024',
    external: ['bun:ffi'],
    plugins: [lazyModules],
    define: { PRODUCT_BUILD: JSON.stringify(buildOf(root)) },
    legalComments: 'none',
    metafile: true,
  });
  writeFileSync(join(dist, 'bundle', `${name}.meta.json`), JSON.stringify(metafile));
  const intruders = Object.keys(metafile.inputs).filter((path) => forbidden.test(path));
  if (intruders.length > 0) throw new Error(`${name} would hold ${intruders.join(', ')}`);
  return outfile;
}

/** Gives the paths of the executables: `dist/NAME` for x64, `dist/NAME-arm64`. */
export function compileFor(
  { name }: Program,
  bundle: string,
  architectures: readonly string[],
): readonly string[] {
  return (architectures.length === 0 ? ['x64'] : architectures).map((architecture) => {
    const executable = compile(name, bundle, architecture);
    checkGlibc(executable);
    return executable;
  });
}

function compile(name: string, bundle: string, architecture: string): string {
  if (architecture !== 'x64' && architecture !== 'arm64')
    throw new Error(`no such architecture: ${architecture}`);
  const outfile = join(dist, architecture === 'x64' ? name : `${name}-arm64`);
  // Under the same name everywhere, since it becomes part of the file; in its place only when whole.
  const made = join(dist, 'bundle', architecture, name);
  mkdirSync(join(made, '..'), { recursive: true });
  compileWithBun(bundle, made, architecture, root);
  if (!existsSync(made)) throw new Error(`bun made no ${made}`);
  renameSync(made, outfile);
  return outfile;
}

/** CentOS 7 and Kylin V10 have glibc 2.17 (objdump reads ELF of any architecture's symbol versions). */
function checkGlibc(executable: string): void {
  const versions = readFileSync(executable)
    .toString('latin1')
    .matchAll(/GLIBC_(\d+)\.(\d+)/g);
  for (const [text, major, minor] of versions) {
    const tooNew = Number(major) > newestGlibc[0] || Number(minor) > newestGlibc[1];
    if (tooNew)
      throw new Error(`${executable} needs ${text}; nodes may have only GLIBC_${newestGlibc.join('.')}`);
  }
}
