// Everything has expired and the power was lost, as in 11; `cert-renew all` is killed in three places on the way, each
// time run again, and comes to the same end.
import { describe, expect, test } from 'vitest';
import { factsOfBed } from '../lib/certificates.ts';
import { key } from '../lib/checks.ts';
import { faultsOfReturn, killByAge, waitAlive, type Before } from '../lib/dead.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import {
  beforeTheFirstRename,
  betweenRestartAndProof,
  betweenTwoRenames,
  killAllAt,
  runAll,
} from '../lib/killed-runs.ts';
import { followRunbook } from '../lib/runbook.ts';

const bed = bedOfTwo();
let before: Before;

/** What of n1 has another serial than when it died. */
async function renewed(dead: readonly { node: string; id: string; serial: string }[]): Promise<string[]> {
  const now = (await factsOfBed(bed)).filter(({ node }) => node === 'n1');
  return now
    .filter(
      (fact) => !dead.some((one) => key(fact) === `${one.node} ${one.id}` && one.serial === fact.serial),
    )
    .map(key);
}

describe('killed on the way', () => {
  let dead: Awaited<ReturnType<typeof factsOfBed>>;

  test('before the first rename: nothing has changed', async () => {
    before = await killByAge(bed, 'base');
    dead = await factsOfBed(bed);
    await killAllAt(bed, 'n1', beforeTheFirstRename);
    expect(await renewed(dead)).toEqual([]);
  });

  test('between two renames: some are new', async () => {
    await killAllAt(bed, 'n1', betweenTwoRenames);
    const some = await renewed(dead);
    expect(some).toContain('n1 apiserver.crt');
    expect(some).not.toContain('n1 kubelet-client-current.pem');
  });

  test('between restart and proof: all are new, nothing is proved', async () => {
    await killAllAt(bed, 'n1', betweenRestartAndProof);
    expect((await renewed(dead)).length).toBe(dead.filter(({ node }) => node === 'n1').length - 1);
  });

  test('run again: the same end', async () => {
    const since = new Date();
    console.log(await runAll(bed, 'n1', [0]));
    await followRunbook(bed, 'worker-expired.md');
    await waitAlive(bed, since, 90);
    expect(await faultsOfReturn(bed, before)).toEqual([]);
  });
});
