// Writes what the chart must know of the program (deploy/chart/files/product.json), checks the chart and packs it.
//   node scripts/build-chart.ts           dist/chart.tgz
//   node scripts/build-chart.ts --check   fails when the file in the repository is not current; packs nothing
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { chartFile } from '../src/controller/pods-chart.ts';
import { buildTool } from './tool.ts';

const root = resolve(import.meta.dirname, '..');
const chart = join(root, 'deploy/chart');
const productFile = join(chart, 'files/product.json');

function main(args: readonly string[]): void {
  const problems = disagreements();
  if (problems.length > 0) throw new Error(`the chart's versions differ:\n  ${problems.join('\n  ')}`);
  if (args.includes('--check')) {
    if (readFileSync(productFile, 'utf8') === chartFile()) return;
    throw new Error('deploy/chart/files/product.json is not current: node scripts/build-chart.ts writes it');
  }
  writeFileSync(productFile, chartFile());
  process.stdout.write(`${pack(buildTool('helm'))}\n`);
}

/** ACP asks for one version in Chart.yaml and module-plugin.yaml; ours is that of package.json. */
function disagreements(): string[] {
  const version = valueIn('package.json', ['version']);
  const places: readonly [string, readonly (string | number)[]][] = [
    ['deploy/chart/Chart.yaml', ['version']],
    ['deploy/chart/Chart.yaml', ['appVersion']],
    ['deploy/chart/module-plugin.yaml', ['spec', 'appReleases', 0, 'chartVersions', 0, 'version']],
  ];
  return places.flatMap(([file, path]) => {
    const value = valueIn(file, path);
    return value === version
      ? []
      : [`${file} ${path.join('.')}: ${String(value)}, package.json: ${String(version)}`];
  });
}

/** JSON is YAML. */
function valueIn(file: string, path: readonly (string | number)[]): unknown {
  return parseDocument(readFileSync(join(root, file), 'utf8')).getIn(path);
}

function pack(helm: string): string {
  const dist = join(root, 'dist');
  mkdirSync(dist, { recursive: true });
  const directory = mkdtempSync(join(dist, '.chart-'));
  try {
    execFileSync(helm, ['package', chart, '--destination', directory], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [archive] = readdirSync(directory);
    if (archive === undefined) throw new Error('helm package made no archive');
    const target = join(dist, 'chart.tgz');
    renameSync(join(directory, archive), target);
    return target;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

main(process.argv.slice(2));
