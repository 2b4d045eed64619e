// Everything has expired ten days ago and the power was lost: no kubelet starts, nothing of the cluster runs. The runbook's
// own commands bring it back.
import { describe, expect, test } from 'vitest';
import { faultsAfter, killByAge, signsOfLife, type Before } from '../lib/dead.ts';
import { bedOfTwo } from '../lib/fixture.ts';

const bed = bedOfTwo();
let before: Before;

describe('the runbook', () => {
  test('the cluster is really dead', async () => {
    before = await killByAge(bed, 'base');
    expect(await signsOfLife(bed)).toEqual([]);
  });

  test('its commands, as they are written, bring it back', async () => {
    expect(await faultsAfter(bed, before, 'one-control-plane.md')).toEqual([]);
  });
});
