// `make build`: the executable and the plugin for both architectures, the dashboard, the images, the chart, the checksums, in this order.
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');

const steps = [
  ['scripts/build-executable.ts', 'x64', 'arm64'],
  ['scripts/build-plugin.ts', 'x64', 'arm64'],
  ['scripts/build-dashboard.ts'],
  ['scripts/build-image.ts'],
  ['scripts/build-chart.ts'],
] as const;

for (const [script, ...words] of steps) {
  const startedAt = performance.now();
  execFileSync(process.execPath, [join(root, script), ...words], { cwd: root, stdio: 'inherit' });
  console.log(`${script}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
}
