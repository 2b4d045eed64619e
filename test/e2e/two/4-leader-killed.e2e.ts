// The leading controller is killed (SIGKILL) in Pending, Admitted and Verifying of a rotation of the worker's kubelet files,
// and in Running of a full one of the control plane: each ends all the same, every certificate renewed once. The phases
// are held open by the world, not by the product: an approval that is missing, a kubelet that is stopped, a port that is
// shut.
import { beforeAll, expect, test } from 'vitest';
import { action, auditedSince, auditMark, writes, type AuditMark } from '../lib/audit.ts';
import { factsOf } from '../lib/certificates.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import {
  approve,
  deploy,
  ended,
  inPhase,
  killLeader,
  newLeaderAfter,
  rotations,
  tellRotations,
  type Rotation,
} from '../lib/product.ts';

const bed = bedOfTwo();
let mark: AuditMark;

async function killLeaderIn(node: string, phase: string): Promise<void> {
  await inPhase(bed, node, phase, 180);
  await newLeaderAfter(bed, await killLeader(bed), 60);
}

beforeAll(async () => {
  await bed.restore('due');
  mark = auditMark(bed);
  await deploy(bed, { mode: 'manual', settle: '5s' });
});

test('the worker’s rotation survives the leader’s death in Pending, Admitted and Verifying', async () => {
  await killLeaderIn('w1', 'Pending');
  await bed.exec('w1', 'systemctl', 'stop', 'kubelet');
  await approve(bed, await inPhase(bed, 'w1', 'Pending', 60));
  await killLeaderIn('w1', 'Admitted');
  const shut = ['INPUT', '-p', 'tcp', '--dport', '10250', '!', '-i', 'lo', '-j', 'REJECT'];
  await bed.exec('w1', 'iptables', '-I', ...shut);
  await bed.exec('w1', 'systemctl', 'start', 'kubelet');
  await killLeaderIn('w1', 'Verifying');
  await bed.exec('w1', 'iptables', '-D', ...shut);
  await expectRenewedOnce(await ended(bed, 'w1', 180));
});

test('the control plane’s rotation survives the leader’s death in Running', async () => {
  await approve(bed, await inPhase(bed, 'n1', 'Pending', 60));
  await inPhase(bed, 'n1', 'Running', 120);
  await killLeader(bed);
  await expectRenewedOnce(await ended(bed, 'n1', 300));
  console.log(tellRotations(await rotations(bed)));
});

/** By the object, the disk, and the number of requests that were made and signed. */
async function expectRenewedOnce(rotation: Rotation): Promise<void> {
  const { metadata, spec, status } = rotation;
  expect(status?.phase, status?.message).toBe('Succeeded');
  const certificates = status?.certificates ?? [];
  expect(certificates.map(({ id }) => id).toSorted()).toEqual(spec.certificates.toSorted());
  for (const { id, newSerial, proof } of certificates) {
    expect(proof, id).toBeTruthy();
    expect((await factsOf(bed, spec.nodeName, id)).serial, id).toBe(newSerial);
  }
  const own = writes(auditedSince(bed, mark)).filter(
    ({ objectRef }) =>
      objectRef?.resource === 'certificatesigningrequests' && objectRef.name?.startsWith(metadata.name),
  );
  for (const what of ['create certificatesigningrequests', 'certificatesigningrequests/status']) {
    const names = own.filter((event) => action(event).includes(what)).map(({ objectRef }) => objectRef?.name);
    expect(new Set(names).size, what).toBe(certificates.length);
    expect(names.length, `${what}: each once`).toBe(certificates.length);
  }
  const others = (await rotations(bed)).filter(
    (one) => one.spec.nodeName === spec.nodeName && one.metadata.uid !== metadata.uid,
  );
  expect(
    others.map((one) => one.status?.phase).filter((phase) => phase !== 'Superseded' && phase !== 'Scheduled'),
  ).toEqual([]);
}
