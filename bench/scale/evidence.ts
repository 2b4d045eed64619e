// What is kept of the measurements. A size that was not measured this time stays as it was, and says when it was measured, on
// what; where a bar is new, it is dropped, and that is said.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { git, writeEvidence } from '../../test/e2e/lib/evidence.ts';
import { repository } from '../../test/e2e/lib/product.ts';
import { kubernetesVersion } from '../../test/kubernetes.ts';
import { bars, judge, type Judged } from './bars.ts';
import type { Measured } from './measure.ts';

export type Dated = Measured & { readonly date: string; readonly commit: string };

export interface ScaleResult {
  readonly kubernetes: string;
  readonly kubelets: string;
  readonly sizes: readonly Dated[];
  readonly bars: readonly Judged[];
}

const file = join(repository, 'docs/evidence/scale.json');

/** Written whether or not every bar holds: it says which does. */
export function writeScale(command: string, measured: readonly Measured[]): ScaleResult {
  const commit = git('rev-parse', 'HEAD');
  const fresh = measured.map((one): Dated => ({ ...one, date: new Date().toISOString(), commit }));
  const again = new Set(fresh.map(({ nodes }) => nodes));
  const sizes = [...earlier().filter(({ nodes }) => !again.has(nodes)), ...fresh].toSorted(
    (a, b) => a.nodes - b.nodes,
  );
  const result: ScaleResult = {
    kubernetes: kubernetesVersion,
    kubelets: 'our own (bench/scale/kubelets.ts); kube-apiserver and etcd are real',
    sizes,
    bars: judge(sizes),
  };
  writeEvidence('scale', command, result);
  return result;
}

/** What a bar asks for that is new may not have been measured then. */
function earlier(): readonly Dated[] {
  if (!existsSync(file)) return [];
  const { result }: { result: ScaleResult } = JSON.parse(readFileSync(file, 'utf8'));
  const judged = new Set(result.bars.map(({ bar }) => bar));
  const isJudged = ({ nodes }: Dated) => bars.every(({ name }) => judged.has(`${nodes} nodes: ${name}`));
  const [kept, dropped] = [result.sizes.filter(isJudged), result.sizes.filter((size) => !isJudged(size))];
  for (const { nodes } of dropped)
    console.error(`${nodes} nodes are dropped from the evidence: measured before there were these bars`);
  return kept;
}
