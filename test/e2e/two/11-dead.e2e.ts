// Everything has expired ten days ago and the power was lost: no kubelet starts, nothing of the cluster runs. The runbook's
// own commands bring it back.
import { describe, expect, test } from 'vitest';
import { faultsOfReturn, killByAge, signsOfLife, waitAlive, type Before } from '../lib/dead.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import { followRunbook, tellDone } from '../lib/runbook.ts';

const bed = bedOfTwo();
let before: Before;

describe('the runbook', () => {
  test('the cluster is really dead', async () => {
    before = await killByAge(bed, 'base');
    expect(await signsOfLife(bed)).toEqual([]);
  });

  test('its commands, as they are written, bring it back', async () => {
    const since = new Date();
    const done = await followRunbook(bed, 'one-control-plane.md');
    console.log(done.map(tellDone).join('\n'));
    await waitAlive(bed, since, 90);
    expect(await faultsOfReturn(bed, before)).toEqual([]);
  });
});
