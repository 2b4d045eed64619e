// `cert-renew all` killed ten times at random moments on a dead cluster, then run to its end: the same end as without.
import type { Bed } from './bed.ts';
import { faultsOfReturn, killByAge, waitAlive } from './dead.ts';
import { writeEvidence } from './evidence.ts';
import { killAllAfter, runAll } from './killed-runs.ts';
import { followRunbook } from './runbook.ts';

const kills = 10;
/** An undisturbed run takes about ten seconds; half of the kills come while it writes. */
const longest = 12;

/** What is wrong at the end; nothing: the evidence is written. */
export async function killAtRandom(bed: Bed, evidence: string): Promise<readonly string[]> {
  const before = await killByAge(bed, 'base');
  const record: { node: string; seconds: number; ended: number | undefined; journal: string }[] = [];
  for (let kill = 0; kill < kills; kill++) {
    const node = bed.controlPlanes[kill % bed.controlPlanes.length] ?? 'n1';
    const seconds = Math.random() ** 2 * longest;
    const killed = await killAllAfter(bed, node, seconds);
    record.push({ node, seconds: Number(seconds.toFixed(2)), ...killed });
    console.log(JSON.stringify(record.at(-1)));
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
