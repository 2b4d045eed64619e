// 20 days left everywhere on three control planes and their workers, while clients that open a connection for each request
// write through the load balancer (R22): everything is renewed, never two control planes at once, and no request fails.
import { beforeAll, expect, test } from 'vitest';
import { auditMark, type AuditMark } from '../lib/audit.ts';
import { collectSecrets, type Secret } from '../lib/canary.ts';
import { factsOfBed, served, type CertificateFacts } from '../lib/certificates.ts';
import * as checks from '../lib/checks.ts';
import { etcdMembers } from '../lib/etcd.ts';
import { bedOfFour } from '../lib/fixture.ts';
import { testWhatIsLeftBehind } from '../lib/left-behind.ts';
import { allEnded, deploy, explain, tellRotations, type Rotation } from '../lib/product.ts';
import { outages, tellOutages, watchReadiness, type Sample } from '../lib/readiness.ts';
import { overlaps, tellTurn, turnsOfPods, turnsOfRotations } from '../lib/turns.ts';
import { readWorld, type World } from '../lib/world.ts';
import { startWriters, tellTally, writersTraces, type Tally } from '../lib/writers.ts';

const bed = bedOfFour();
const limit = 14 * 60;
let before: readonly CertificateFacts[] = [];
let after: readonly CertificateFacts[] = [];
let worldBefore: World;
let worldAfter: World;
let etcdBefore: readonly string[] = [];
let secrets: readonly Secret[] = [];
let ended: readonly Rotation[] = [];
let mark: AuditMark;
let tally: Tally;
let samples: readonly Sample[] = [];
let seconds = 0;
let restoredIn = 0;

beforeAll(async () => {
  const startedAt = performance.now();
  await bed.restore('due');
  restoredIn = (performance.now() - startedAt) / 1000;
  before = await factsOfBed(bed);
  secrets = collectSecrets(bed);
  etcdBefore = await etcdMembers(bed, 'n1');
  worldBefore = await readWorld(bed);
  mark = auditMark(bed);
  await rotateUnderLoad();
  console.log(tellRotations(ended));
  console.log(tellOutages(samples));
  after = await factsOfBed(bed);
  secrets = collectSecrets(bed, secrets);
  worldAfter = await readWorld(bed);
});

async function rotateUnderLoad(): Promise<void> {
  const writers = await startWriters(bed, { count: 3 });
  const watch = watchReadiness(bed);
  try {
    const startedAt = performance.now();
    await deploy(bed);
    ended = await allEnded(bed, bed.nodes, limit);
    seconds = (performance.now() - startedAt) / 1000;
    console.log(
      `${bed.controlPlanes.length} + ${bed.nodes.length - bed.controlPlanes.length}: done ${seconds.toFixed(0)} s after make deploy began`,
    );
  } catch (error) {
    console.log(await explain(bed));
    throw error;
  } finally {
    [tally, samples] = await Promise.all([writers.stop(), watch.stop()]);
    console.log(tellTally(tally));
  }
}

test('the bed was restored within two minutes', () => {
  expect(restoredIn).toBeLessThan(120);
});

test('everything is done within 14 minutes of make deploy', () => {
  expect(seconds).toBeLessThan(limit);
});

test('no request failed', () => {
  expect(tally.requests, 'five a second, however busy the machine is').toBeGreaterThan(5 * seconds);
  expect(tally.failures).toEqual([]);
});

test('every rotation succeeded, and every certificate in it has a proof', () => {
  expect(checks.unproved(ended)).toEqual([]);
  for (const { metadata, spec, status } of ended)
    expect(status?.certificates?.map(({ id }) => id).toSorted(), metadata.name).toEqual(
      spec.certificates.toSorted(),
    );
});

test('every certificate of the table is new and lives as long as it should', () => {
  expect(checks.notRenewed(before, after)).toEqual([]);
  expect(after.filter(checks.isOfKubelet), 'no kubelet was quicker').toEqual([]);
});

test('subject, SANs, usages, key type, mode, owner and links are as before', () => {
  expect(checks.notAsBefore(before, after)).toEqual([]);
});

test('the live endpoints of all nodes serve what lies on their disks', async () => {
  expect(await checks.notServed(bed, after)).toEqual([]);
  for (const node of bed.controlPlanes) {
    const { notBefore } = await served(bed.address(node), 6443, 'apiserver-loopback-client');
    expect(notBefore.getTime(), `${node}: the loopback certificate is of the new start`).toBeGreaterThan(
      worldBefore.at.getTime() - 3_600_000,
    );
  }
});

test('never two control planes at once, by the rotations and by the Pods that the kubelets ran', () => {
  const byStatus = turnsOfRotations(ended);
  const byAudit = turnsOfPods(bed, mark);
  console.log([...byStatus, ...byAudit].map(tellTurn).join('\n'));
  for (const node of bed.nodes) {
    expect(
      byStatus.some((turn) => turn.node === node),
      `a rotation of ${node}`,
    ).toBe(true);
    expect(
      byAudit.some((turn) => turn.node === node),
      `a Pod on ${node}`,
    ).toBe(true);
  }
  expect(overlaps(byStatus, bed.controlPlanes)).toEqual([]);
  expect(overlaps(byAudit, bed.controlPlanes)).toEqual([]);
});

test('seen from outside, every API server was away, and never two at once', () => {
  const seen = outages(samples);
  for (const node of bed.controlPlanes)
    expect(seen.filter((outage) => outage.node === node).length, `outages of ${node}`).toBeGreaterThan(0);
  expect(
    samples.filter(({ notReady }) => notReady.size > 1).map(({ at, notReady }) => [at, ...notReady]),
  ).toEqual([]);
});

test('etcd has its three members before and after, all healthy', async () => {
  expect(etcdBefore).toEqual(bed.controlPlanes.map((node) => `https://${bed.address(node)}:2379 healthy`));
  for (const node of bed.controlPlanes)
    expect(await etcdMembers(bed, node), `as ${node} sees it`).toEqual(etcdBefore);
});

testWhatIsLeftBehind(bed, () => ({
  before: worldBefore,
  after: worldAfter,
  mark,
  secrets,
  allowed: writersTraces,
}));
