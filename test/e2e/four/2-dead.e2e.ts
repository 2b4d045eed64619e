// Three control planes and a worker, everything expired ten days ago, no quorum: the runbook's own commands bring it back.
import { beforeAll, expect, test } from 'vitest';
import { faultsAfter, killByAge, signsOfLife, type Before } from '../lib/dead.ts';
import { etcdMembers } from '../lib/etcd.ts';
import { bedOfFour } from '../lib/fixture.ts';

const bed = bedOfFour();
let before: Before;

beforeAll(async () => {
  before = await killByAge(bed, 'base');
});

test('the cluster is really dead', async () => {
  expect(await signsOfLife(bed)).toEqual([]);
});

test('the commands of the runbook, as they are written, bring it back', async () => {
  expect(await faultsAfter(bed, before, 'three-control-planes.md')).toEqual([]);
});

test('etcd has its three members, all healthy', async () => {
  for (const node of bed.controlPlanes)
    expect(await etcdMembers(bed, node), `as ${node} sees it`).toEqual(
      bed.controlPlanes.map((each) => `https://${bed.address(each)}:2379 healthy`),
    );
});
