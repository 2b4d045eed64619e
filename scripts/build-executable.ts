// Builds dist/cert-renew, with renew-all.sh beside it: one esbuild bundle, compiled by Bun into one executable for nodes as old as glibc 2.17.
//   node scripts/build-executable.ts [x64] [arm64]      (default: x64)
// Bun sees a finished bundle only: given sources it would replace some packages by shims of its own.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';
import { buildOf } from './build-stamp.ts';
import { compileWithBun } from './bun-compile.ts';
import { lazyModules } from './lazy-modules.ts';

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');
/** Rooms that must not be in the node's program (design §2). */
const forbidden = /^src\/(controller|web|sim)\//;
const newestGlibc = [2, 17] as const;

async function main(): Promise<void> {
  const architectures = process.argv.slice(2);
  mkdirSync(join(dist, 'bundle'), { recursive: true });
  const bundle = await makeBundle();
  for (const architecture of architectures.length === 0 ? ['x64'] : architectures) {
    const executable = compile(bundle, architecture);
    checkGlibc(executable);
    process.stdout.write(`${executable}\n`);
  }
  cpSync(join(root, 'deploy/download/renew-all.sh'), join(dist, 'renew-all.sh'));
  chmodSync(join(dist, 'renew-all.sh'), 0o755);
  writeChecksums();
}

async function makeBundle(): Promise<string> {
  const outfile = join(dist, 'bundle', 'cert-renew.mjs');
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['src/cert-renew.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'es2024',
    external: ['bun:ffi'],
    plugins: [lazyModules],
    define: { CERT_RENEW_BUILD: JSON.stringify(buildOf(root)) },
    legalComments: 'none',
    metafile: true,
  });
  writeFileSync(join(dist, 'bundle', 'cert-renew.meta.json'), JSON.stringify(metafile));
  const intruders = Object.keys(metafile.inputs).filter((path) => forbidden.test(path));
  if (intruders.length > 0) throw new Error(`the node's executable would hold ${intruders.join(', ')}`);
  return outfile;
}

function compile(bundle: string, architecture: string): string {
  if (architecture !== 'x64' && architecture !== 'arm64')
    throw new Error(`no such architecture: ${architecture}`);
  const outfile = join(dist, architecture === 'x64' ? 'cert-renew' : 'cert-renew-arm64');
  // Under the same name everywhere, since it becomes part of the file; in its place only when whole.
  const made = join(dist, 'bundle', architecture, 'cert-renew');
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

function writeChecksums(): void {
  const names = readdirSync(dist).filter((name) => /^(cert-renew(-arm64)?|renew-all\.sh)$/.test(name));
  const lines = names.toSorted().map(
    (name) =>
      `${createHash('sha256')
        .update(readFileSync(join(dist, name)))
        .digest('hex')}  ${basename(name)}\n`,
  );
  writeFileSync(join(dist, 'SHA256SUMS'), lines.join(''));
}

await main();
