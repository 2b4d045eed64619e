// Builds kubectl's plugin: dist/kubectl-certrot for Linux, and dist/kubectl-certrot.mjs, which any Node from 24 on runs on
// any system (ADR 0018).
//   node scripts/build-plugin.ts [x64] [arm64]      (default: the bundle alone)
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleOf, compileFor, dist, type Program } from './executable.ts';

const program: Program = {
  name: 'kubectl-certrot',
  entry: 'src/kubectl-certrot.ts',
  forbidden: /^src\/(host\/(?!errno)|rotation|agent|web|sim)\//,
};

const architectures = process.argv.slice(2);
const bundle = await bundleOf(program);
const script = join(dist, 'kubectl-certrot.mjs');
writeFileSync(script, `#!/usr/bin/env node\n${readFileSync(bundle, 'utf8')}`);
chmodSync(script, 0o755);
process.stdout.write(`${script}\n`);
const executables = architectures.length === 0 ? [] : compileFor(program, bundle, architectures);
for (const executable of executables) process.stdout.write(`${executable}\n`);
