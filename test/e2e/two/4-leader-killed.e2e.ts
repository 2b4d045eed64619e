// The leading controller is killed (SIGKILL) in Pending, Admitted and Verifying of a rotation of the worker's kubelet files,
// and in Running of a full one of the control plane: each ends all the same, every certificate renewed once. The phases
// are held open by the world, not by the product: an approval that is missing, a kubelet that is stopped, a port that is
// shut.
import { beforeAll, test } from 'vitest';
import type { AuditMark } from '../lib/audit.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import { deployForApprovals, openKubelet, shutKubelet } from '../lib/held-open.ts';
import {
  approve,
  ended,
  inPhase,
  killLeader,
  killLeaderIn,
  rotations,
  tellRotations,
} from '../lib/product.ts';
import { expectRenewedOnce } from '../lib/renewed-once.ts';

const bed = bedOfTwo();
let mark: AuditMark;

beforeAll(async () => {
  mark = await deployForApprovals(bed);
});

test('the worker’s rotation survives the leader’s death in Pending, Admitted and Verifying', async () => {
  await killLeaderIn(bed, 'w1', 'Pending');
  await bed.exec('w1', 'systemctl', 'stop', 'kubelet');
  await approve(bed, await inPhase(bed, 'w1', 'Pending', 60));
  await killLeaderIn(bed, 'w1', 'Admitted');
  await shutKubelet(bed, 'w1');
  await bed.exec('w1', 'systemctl', 'start', 'kubelet');
  await killLeaderIn(bed, 'w1', 'Verifying');
  await openKubelet(bed, 'w1');
  await expectRenewedOnce(bed, await ended(bed, 'w1', 180), mark);
});

test('the control plane’s rotation survives the leader’s death in Running', async () => {
  await approve(bed, await inPhase(bed, 'n1', 'Pending', 60));
  await inPhase(bed, 'n1', 'Running', 120);
  await killLeader(bed);
  await expectRenewedOnce(bed, await ended(bed, 'n1', 300), mark);
  console.log(tellRotations(await rotations(bed)));
});
