// Builds dist/cert-renew, with renew-all.sh beside it (scripts/executable.ts says how).
//   node scripts/build-executable.ts [x64] [arm64]      (default: x64)
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bundleOf, compileFor, dist, root, type Program } from './executable.ts';

const program: Program = {
  name: 'cert-renew',
  entry: 'src/cert-renew.ts',
  forbidden: /^src\/(controller|view|web|plugin|sim)\//,
};

async function main(): Promise<void> {
  const bundle = await bundleOf(program);
  for (const executable of compileFor(program, bundle, process.argv.slice(2)))
    process.stdout.write(`${executable}\n`);
  cpSync(join(root, 'deploy/download/renew-all.sh'), join(dist, 'renew-all.sh'));
  chmodSync(join(dist, 'renew-all.sh'), 0o755);
  writeChecksums();
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
