// Nothing is due: after a scan, the product has written nothing but its Leases, the scan Pods, their Events and the two
// fields `collectedAt` and `clock`.
import { beforeAll, expect, test } from 'vitest';
import { action, auditedSince, auditMark, tellAudit, writes, type AuditEvent } from '../lib/audit.ts';
import { waitFor } from '../lib/command.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import { deploy, inventoryOf, restsWithCas, scannedAfter } from '../lib/product.ts';
import {
  clusterNoise,
  difference,
  readWorld,
  tell,
  unexpected,
  type Allowance,
  type World,
} from '../lib/world.ts';

const bed = bedOfTwo();
const stagedTool = '/var/lib/cluster-cert-rotator/bin/cert-renew';
let before: World;
let after: World;
let events: readonly AuditEvent[] = [];

/** What a scan leaves: no Pod of it, no object but the ConfigMap that was there. */
const traces: readonly Allowance[] = [
  {
    what: /^api:configmaps\/cpaas-system\/node-local-certs-/,
    how: ['changed'],
    fields: /^data\.certificates\.json$/,
    why: 'collectedAt and clock: what else it says is compared by itself',
  },
  { what: /^api:pods\/cluster-cert-rotator\/scan-/, why: 'a scan may be under way at the very moment' },
];

beforeAll(async () => {
  await bed.restore('base');
  await deploy(bed, { scanInterval: '10s' });
  await restsWithCas(bed);
  await waitFor(
    'the tool to lie on the control plane in advance',
    async () => (await bed.tryExec('n1', ['test', '-x', stagedTool])).code === 0 || undefined,
    { seconds: 120 },
  );
  // both nodes have been read since, and the settings have come to rest
  await scannedAfter(bed, new Date(), 180);
  await scannedAfter(bed, new Date(), 180);
  const mark = auditMark(bed);
  before = await readWorld(bed);
  await scannedAfter(bed, new Date(), 180);
  after = await readWorld(bed);
  events = auditedSince(bed, mark);
});

test('no file of a node and no object of the API has changed', () => {
  const changes = unexpected(difference(before, after), [...clusterNoise, ...traces]);
  expect(changes, tell(changes)).toEqual([]);
});

test('the inventory of a node differs in collectedAt and clock alone', () => {
  for (const node of bed.nodes) {
    const was = inventoryOf(before.objects, node);
    const is = inventoryOf(after.objects, node);
    expect(is.collectedAt, node).not.toBe(was.collectedAt);
    expect({ ...is, collectedAt: '', clock: '' }, node).toEqual({ ...was, collectedAt: '', clock: '' });
  }
});

test('by the audit log the product wrote its Lease, scan Pods, Events and inventories', () => {
  const ours = writes(events).filter(({ user }) =>
    user.username.startsWith('system:serviceaccount:cluster-cert-rotator:'),
  );
  const allowed = ours.filter((event) => {
    const { namespace = '', name = '' } = event.objectRef ?? {};
    const what = `${action(event)} ${namespace}/${name}`;
    return (
      /^(create|update|patch) leases\.coordination\.k8s\.io cluster-cert-rotator\//.test(what) ||
      /^(create|delete) pods cluster-cert-rotator\/(scan-.*)?$/.test(what) ||
      /^(create|patch) events /.test(what) ||
      what.startsWith('update configmaps cpaas-system/node-local-certs-')
    );
  });
  expect(allowed.some((event) => action(event) === 'create pods')).toBe(true);
  const strangers = ours.filter((event) => !allowed.includes(event));
  expect(strangers, tellAudit(strangers)).toEqual([]);
});
