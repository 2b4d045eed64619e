// Three control planes and a worker, everything expired ten days ago, no quorum: the runbook's own commands bring it back.
import { beforeAll, expect, test } from 'vitest';
import { faultsOfReturn, killByAge, signsOfLife, waitAlive, type Before } from '../lib/dead.ts';
import { etcdMembers } from '../lib/etcd.ts';
import { bedOfFour } from '../lib/fixture.ts';
import { followRunbook, tellDone } from '../lib/runbook.ts';

const bed = bedOfFour();
let before: Before;

beforeAll(async () => {
  before = await killByAge(bed, 'base');
});

test('the cluster is really dead', async () => {
  expect(await signsOfLife(bed)).toEqual([]);
});

test('the commands of the runbook, as they are written, bring it back', async () => {
  const since = new Date();
  const done = await followRunbook(bed, 'three-control-planes.md');
  console.log(done.map(tellDone).join('\n'));
  await waitAlive(bed, since, 90);
  expect(await faultsOfReturn(bed, before)).toEqual([]);
});

test('etcd has its three members, all healthy', async () => {
  for (const node of bed.controlPlanes)
    expect(await etcdMembers(bed, node), `as ${node} sees it`).toEqual(
      bed.controlPlanes.map((each) => `https://${bed.address(each)}:2379 healthy`),
    );
});
