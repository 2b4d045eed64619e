import { describe, expect, it } from 'vitest';
import type { InventoryRow } from '../rotation/inventory.ts';
import { madeAtStart } from './missed.ts';
import { planAll, type Decided, type Found, type PlanTerms } from './all-plan.ts';

const now = new Date('2030-03-01T00:00:00Z');
const inDays = (days: number): string => new Date(now.getTime() + days * 86_400_000).toISOString();
const row = (change: Partial<InventoryRow> = {}): InventoryRow => ({
  id: 'apiserver.crt',
  path: '/etc/kubernetes/pki/apiserver.crt',
  kind: 'pair',
  ca: 'kubernetes',
  subject: 'CN=kube-apiserver',
  issuer: 'CN=kubernetes',
  serial: '1',
  notBefore: inDays(-300),
  notAfter: inDays(65),
  sans: [],
  keyAlgorithm: 'RSA-2048',
  sha256: '',
  state: 'Ok',
  reason: '',
  ...change,
});
const signs = { until: new Date(inDays(3000)) };
const terms: PlanTerms = {
  now,
  force: false,
  days: undefined,
  call: 'cert-renew',
  signing: { kubernetes: signs, etcd: { cannot: 'its key is elsewhere' }, 'front-proxy': signs },
};

function decide(id: Found['id'], change: Partial<InventoryRow>, more: Partial<PlanTerms> = {}): Decided {
  const [decided] = planAll([{ id, row: row(change) }], { ...terms, ...more });
  if (decided === undefined) throw new Error('nothing was decided');
  return decided;
}

describe('what is done with a certificate', () => {
  it.each<[string, Found['id'], Partial<InventoryRow>, Partial<PlanTerms>, Partial<Decided>]>([
    ['not due', 'apiserver.crt', { notAfter: inDays(80) }, {}, { action: 'leave', reason: 'NotDue' }],
    ['due', 'apiserver.crt', { notAfter: inDays(29) }, {}, { action: 'renew', reason: 'NearingExpiry' }],
    ['expired', 'apiserver.crt', { notAfter: inDays(-10) }, {}, { action: 'renew', reason: 'Expired' }],
    [
      'forced',
      'apiserver.crt',
      { notAfter: inDays(300) },
      { force: true },
      { action: 'renew', reason: 'Manual' },
    ],
    ['without its CA’s key', 'apiserver-etcd-client.crt', { notAfter: inDays(-1) }, {}, { action: 'cannot' }],
    [
      'without its CA’s key, not due',
      'apiserver-etcd-client.crt',
      { notAfter: inDays(300) },
      {},
      { action: 'leave' },
    ],
    [
      'the kubelet’s own',
      'kubelet.crt',
      { state: 'SelfSigned', notAfter: inDays(-1) },
      { force: true },
      { action: 'leave' },
    ],
    [
      'the kubelet’s to renew',
      'kubelet.crt',
      { state: 'KubeletManaged' },
      { force: true },
      { action: 'leave' },
    ],
    ['another’s', 'admin.conf', { state: 'Unmanaged' }, { force: true }, { action: 'leave' }],
    ['with a key that does not fit', 'apiserver.crt', { state: 'KeyMismatch' }, {}, { action: 'cannot' }],
    [
      'unreadable',
      'apiserver.crt',
      { state: 'Unreadable', reason: 'no PEM' },
      {},
      { action: 'cannot', why: 'no PEM' },
    ],
    ['not there', 'apiserver.crt', { state: 'NotPresent', reason: 'gone' }, {}, { action: 'cannot' }],
    [
      'the kubelet’s to make',
      'kubelet.crt',
      { id: 'kubelet.crt', state: 'NotPresent', reason: madeAtStart },
      {},
      { action: 'leave' },
    ],
    [
      'named by the kubelet’s configuration and not there',
      'kubelet.crt',
      { id: 'kubelet.crt', state: 'NotPresent', reason: 'it is gone' },
      {},
      { action: 'cannot', why: 'it is gone' },
    ],
  ])('that is %s', (_, id, change, more, expected) => {
    expect(decide(id, change, more)).toMatchObject(expected);
  });

  it('says until when it was good, and why it cannot be renewed here', () => {
    expect(decide('apiserver-etcd-client.crt', { notAfter: inDays(-10) }).why).toBe(
      'expired 10 d ago, but its key is elsewhere',
    );
  });
});
