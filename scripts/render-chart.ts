// The objects that the chart makes with its default values, for the demo, which has no helm.
//   node scripts/render-chart.ts           writes src/sim/cluster/chart.json; needs helm (scripts/tools.sh)
//   node scripts/render-chart.ts --check   fails when that file is not what helm makes
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';

const root = resolve(import.meta.dirname, '..');
const file = join(root, 'src/sim/cluster/chart.json');

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

function render(): string {
  const helm = join(run(join(root, 'scripts/tools.sh'), ['helm']).trim(), 'helm');
  // The downloads are for both architectures: more than a demo wants to build.
  const flags = [
    '--namespace',
    'cpaas-system',
    '--kube-version',
    '1.34.0',
    '--no-hooks',
    '--set',
    'config.download.enabled=false',
  ];
  const text = run(helm, ['template', 'cluster-cert-rotator', join(root, 'deploy/chart'), ...flags]);
  const objects = parseAllDocuments(text).flatMap((document): unknown => document.toJS() ?? []);
  return `${JSON.stringify(objects, null, 1)}\n`;
}

const text = render();
if (!process.argv.includes('--check')) writeFileSync(file, text);
else if (readFileSync(file, 'utf8') !== text)
  throw new Error('src/sim/cluster/chart.json is not current: node scripts/render-chart.ts writes it');
