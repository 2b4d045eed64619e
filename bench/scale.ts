// The controller beside thousands of nodes: a real kube-apiserver and etcd, small kubelets of our own (bench/scale/).
//   node bench/scale.ts [NODES…] [--json] [--node-flag=…]      default 100 500 1000 5000
// Writes docs/evidence/scale.json, docs/scale.md and its picture. It fails when a bar does not hold.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import type { Judged } from './scale/bars.ts';
import { bundlePrograms } from './scale/controller.ts';
import { writeScale } from './scale/evidence.ts';
import { measure, type Measured } from './scale/measure.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    // Of Node.js, for the controller: --cpu-prof, say, for who looks for the reason of a figure.
    'node-flag': { type: 'string', multiple: true },
  },
});
const sizes = positionals.length === 0 ? [100, 500, 1000, 5000] : positionals.map(Number);
if (!sizes.every((size) => Number.isInteger(size) && size >= 4))
  throw new Error('NODES: whole numbers from 4');

const began = performance.now();
const say = (text: string): void => {
  process.stderr.write(`${String(Math.round((performance.now() - began) / 1000)).padStart(5)} s  ${text}\n`);
};

const line = ({ bar, value, limit, holds }: Judged): string =>
  `${holds ? 'holds          ' : 'DOES NOT HOLD  '} ${bar}: ${value} (${limit})`;

await bundlePrograms();
const measured: Measured[] = [];
for (const nodes of sizes) measured.push(await measure(nodes, say, values['node-flag']));
const result = writeScale(['node bench/scale.ts', ...positionals].join(' '), measured);
execFileSync(process.execPath, [join(import.meta.dirname, '../scripts/documents.ts')], { stdio: 'inherit' });
const broken = result.bars.filter(({ holds }) => !holds);
if (values.json) console.log(JSON.stringify(result, undefined, 2));
else {
  for (const one of result.bars) console.log(line(one));
  console.log(`${result.bars.length - broken.length} passed, ${broken.length} failed`);
}
if (broken.length > 0) process.exitCode = 1;
