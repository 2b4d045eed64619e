// The manual's boundaries on real certificates: 291 and 292 days old of 365, 60 and 61 of 91. With `groupWithin: 0` nothing
// joins a rotation before it is due itself.
import { beforeAll, expect, test } from 'vitest';
import { factsOfBed, type CertificateFacts } from '../lib/certificates.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import { allEnded, deploy, inPhase, rotations, tellRotations, type Rotation } from '../lib/product.ts';

const bed = bedOfTwo();
const day = 86_400_000;
/** Days left, so days old of 365 or 91. */
const due = [
  { node: 'n1', id: 'scheduler.conf', left: 365 - 292 },
  { node: 'w1', id: 'kubelet.crt', left: 91 - 61 },
];
const notDue = [
  { node: 'n1', id: 'controller-manager.conf', left: 365 - 291 },
  { node: 'w1', id: 'kubelet-client-current.pem', left: 91 - 60 },
];
const name = ({ node, id }: { node: string; id: string }) => `${node} ${id}`;
let before: readonly CertificateFacts[] = [];
let after: readonly CertificateFacts[] = [];
let all: readonly Rotation[] = [];

beforeAll(async () => {
  await bed.restore('base');
  for (const { node, id, left } of [...due, ...notDue])
    await bed.reissue({ node, ids: [id], daysLeft: left, restart: false });
  before = await factsOfBed(bed);
  await deploy(bed, { groupWithin: '0s', settle: '5s' });
  await allEnded(bed, ['n1', 'w1'], 300);
  // the next plan follows the scan after a rotation
  for (const node of ['n1', 'w1']) await inPhase(bed, node, 'Scheduled', 120);
  all = await rotations(bed);
  console.log(tellRotations(all));
  after = await factsOfBed(bed);
});

test('292 days of 365 and 61 of 91 are renewed, alone', () => {
  const renewed = after.filter((fact, i) => fact.serial !== before[i]?.serial).map(name);
  expect(renewed.toSorted()).toEqual(due.map(name).toSorted());
});

test('291 days of 365 and 60 of 91 stand in the plan, due tomorrow', () => {
  const scheduled = all.filter(({ status }) => status?.phase === 'Scheduled');
  for (const node of ['n1', 'w1']) {
    const plan = scheduled.find(({ spec }) => spec.nodeName === node);
    const wanted = notDue.filter((one) => one.node === node).map(({ id }) => id);
    expect(plan?.spec.certificates.toSorted(), node).toEqual(wanted.toSorted());
    const dueIn = Date.parse(plan?.status?.dueAt ?? '') - Date.now();
    expect(dueIn, node).toBeGreaterThan(0);
    expect(dueIn, node).toBeLessThan(1.1 * day);
  }
});
