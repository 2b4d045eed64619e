// `cert-renew all` killed ten times at random moments on a dead cluster, by --force where it was quicker; then run to its
// end: the same end as without.
import type { Bed } from './bed.ts';
import { faultsOfReturn, killByAge, waitAlive } from './dead.ts';
import { writeEvidence } from './evidence.ts';
import { killAllAfter, runAll, type KilledRun } from './killed-runs.ts';
import { followRunbook } from './runbook.ts';

const kills = 10;
/** Seconds; an undisturbed run on a dead control plane takes about six. */
const longest = 10;

interface Kill extends KilledRun {
  readonly node: string;
  readonly seconds: number;
  readonly force: boolean;
}

/** What is wrong at the end; nothing: the evidence is written. */
export async function killAtRandom(bed: Bed, evidence: string): Promise<readonly string[]> {
  const before = await killByAge(bed, 'base');
  const record: Kill[] = [];
  const renewed = new Set<string>();
  while (record.filter(({ ended }) => ended === undefined).length < kills && record.length < 3 * kills) {
    const node = bed.controlPlanes[record.length % bed.controlPlanes.length] ?? 'n1';
    // small ones more often: an undisturbed run writes in its first seconds
    const how = { seconds: Number((Math.random() ** 2 * longest).toFixed(2)), force: renewed.has(node) };
    const killed = await killAllAfter(bed, node, how);
    record.push({ node, ...how, ...killed });
    console.log(JSON.stringify(record.at(-1)));
    if (killed.ended === 0 || killed.ended === 3) renewed.add(node);
  }
  const since = new Date();
  // the first of three can prove nothing without a quorum: it says 4, and is run once more behind the others
  for (const node of bed.controlPlanes) await runAll(bed, node, [0, 3, 4]);
  for (const node of bed.controlPlanes) await runAll(bed, node, [0, 3]);
  await followRunbook(bed, 'worker-expired.md');
  await waitAlive(bed, since, 120);
  const faults = await faultsOfReturn(bed, before);
  if (faults.length === 0) writeEvidence(evidence, 'make soak', record);
  return faults;
}
