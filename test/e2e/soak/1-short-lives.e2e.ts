// Two rotations of the same cluster in a row, with a lifetime of an hour and a trigger at 90 %: no leftovers, backups
// bounded, nothing forgotten.
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { factsOfBed, served, servingPorts, type CertificateFacts } from '../lib/certificates.ts';
import { waitFor } from '../lib/command.ts';
import { writeEvidence } from '../lib/evidence.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import { kubectlOf } from '../lib/kubectl.ts';
import {
  deploy,
  explain,
  privateNamespace,
  rotations,
  tellRotations,
  type Rotation,
} from '../lib/product.ts';

const bed = bedOfTwo();
const kubectl = kubectlOf(bed);
const rounds = { n1: 2, w1: 2 };
const host = '/var/lib/cluster-cert-rotator';
let succeeded: readonly Rotation[] = [];
let certificates: readonly CertificateFacts[] = [];
let failed = 0;

/** The product keeps the last five objects of a node: those that are seen are collected as they come. */
async function watch(minutes: number): Promise<readonly Rotation[]> {
  const seen = new Map<string, Rotation>();
  await waitFor(
    `${JSON.stringify(rounds)} rotations`,
    async () => {
      for (const one of await rotations(bed)) seen.set(one.metadata.name, one);
      const done = [...seen.values()].filter(({ status }) => status?.phase === 'Succeeded');
      const count = (node: string) => done.filter(({ spec }) => spec.nodeName === node).length;
      if (count('n1') >= rounds.n1 && count('w1') >= rounds.w1) return true;
      throw new Error(`n1 ${count('n1')}, w1 ${count('w1')}`);
    },
    { seconds: minutes * 60, every: 2000 },
  );
  return [...seen.values()];
}

beforeAll(async () => {
  await bed.restore('base');
  // 43 minutes left: less than 90 % of the hour that we would give
  await bed.reissue({ daysLeft: 0.03 });
  await deploy(bed, {
    lifetimes: { kubelet: '1h', controlPlane: '1h' },
    trigger: { percent: 90, days: 0 },
    scanInterval: '30s',
    settle: '5s',
    groupWithin: '1m',
    planHorizon: '1h',
  });
  try {
    const all = await watch(40);
    succeeded = all.filter(({ status }) => status?.phase === 'Succeeded');
    failed = all.filter(({ status }) =>
      ['Failed', 'RolledBack', 'NeedsManual'].includes(status?.phase ?? ''),
    ).length;
  } catch (error) {
    console.log(await explain(bed));
    throw error;
  }
  console.log(tellRotations(succeeded));
  certificates = await factsOfBed(bed);
});

test('every rotation succeeded', () => {
  expect(failed).toBe(0);
  for (const { status } of succeeded)
    expect(status?.certificates?.filter(({ proof }) => proof === undefined)).toEqual([]);
});

test('every certificate fits, chains and is served', async () => {
  for (const fact of certificates) {
    expect(fact.keyFits && fact.chains, `${fact.node} ${fact.id}`).toBe(true);
    const port = servingPorts[fact.id];
    if (port === undefined) continue;
    expect((await served(bed.address(fact.node), port)).serial).toBe(fact.serial);
  }
});

test('no leftovers on the nodes, and backups are bounded', () => {
  for (const node of bed.nodes) {
    expect(readdirSync(bed.file(node, `${host}/journal`)), node).toEqual([]);
    expect(readdirSync(bed.file(node, `${host}/staging`)), node).toEqual([]);
    expect(readdirSync(bed.file(node, `${host}/backups`)).length, node).toBeLessThanOrEqual(5);
    for (const directory of ['/etc/kubernetes', '/etc/kubernetes/pki', '/var/lib/kubelet/pki']) {
      const ours = readdirSync(bed.file(node, directory)).filter((name) => name.includes('.ccr-'));
      expect(ours, `${node}:${directory}`).toEqual([]);
    }
  }
});

test('no leftovers in the API: five rotations a node at the most, no Pod and no request of a rotation that has ended', async () => {
  const all = await rotations(bed);
  for (const node of bed.nodes) {
    const ended = all.filter(
      ({ spec, status }) => spec.nodeName === node && status?.finishedAt !== undefined,
    );
    expect(ended.length, node).toBeLessThanOrEqual(5);
  }
  const active = all.filter(({ status }) =>
    ['Admitted', 'Running', 'Verifying'].includes(status?.phase ?? ''),
  );
  const pods = (await kubectl.list('pods', privateNamespace)).filter(({ metadata }) =>
    metadata.name.startsWith('rotate-'),
  );
  expect(pods.length).toBeLessThanOrEqual(active.length);
});

afterAll(() => {
  if (succeeded.length === 0 || failed > 0) return;
  writeEvidence('soak-short-lives', 'make soak', {
    rotations: succeeded.length,
    verified: succeeded.flatMap(({ status }) => status?.certificates ?? []).length,
    record: tellRotations(succeeded).split('\n'),
  });
});
