// The leading controller is killed in every phase of a full rotation of a control plane: it ends all the same, each
// certificate renewed once.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AuditMark } from '../lib/audit.ts';
import { waitFor } from '../lib/command.ts';
import { writeEvidence } from '../lib/evidence.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import { deployForApprovals, openKubelet, shutKubelet } from '../lib/held-open.ts';
import {
  approve,
  ended,
  inPhase,
  killLeader,
  killLeaderIn,
  tellRotations,
  type Rotation,
} from '../lib/product.ts';
import { expectRenewedOnce } from '../lib/renewed-once.ts';

const bed = bedOfTwo();
let mark: AuditMark;
let rotation: Rotation | undefined;

beforeAll(async () => {
  mark = await deployForApprovals(bed);
});

/** The tool lies on the node and has been seen there: for that the kubelet must run. */
async function onlyApprovalIsMissing(): Promise<Rotation> {
  return await waitFor(
    'the rotation of n1 to wait for nothing but its approval',
    async () => {
      const pending = await inPhase(bed, 'n1', 'Pending', 60);
      const message = pending.status?.message ?? '';
      if (/^waits: AwaitingApproval: [^;]*$/.test(message)) return pending;
      throw new Error(message);
    },
    { seconds: 120 },
  );
}

test('Pending, Admitted, Running twice, Verifying', async () => {
  await killLeaderIn(bed, 'n1', 'Pending');
  const waiting = await onlyApprovalIsMissing();
  await bed.exec('n1', 'systemctl', 'stop', 'kubelet');
  await approve(bed, waiting);
  await killLeaderIn(bed, 'n1', 'Admitted');
  await bed.exec('n1', 'systemctl', 'start', 'kubelet');
  await inPhase(bed, 'n1', 'Running', 180);
  // the API server is about to restart: who follows finds it away
  await killLeader(bed);
  await shutKubelet(bed, 'n1');
  await killLeaderIn(bed, 'n1', 'Running');
  await killLeaderIn(bed, 'n1', 'Verifying');
  await openKubelet(bed, 'n1');
  const last = await ended(bed, 'n1', 300);
  await expectRenewedOnce(bed, last, mark);
  rotation = last;
  expect(rotation.status?.phase).toBe('Succeeded');
});

afterAll(() => {
  if (rotation === undefined) return;
  writeEvidence('soak-every-phase', 'make soak', {
    killedIn: ['Pending', 'Admitted', 'Running', 'Running', 'Verifying'],
    record: tellRotations([rotation]).split('\n'),
  });
});
