import { describe, expect, it } from 'vitest';
import type { CertificateId } from '../catalogue/ids.ts';
import type { RotationStatus } from '../kube/types.ts';
import type { InventoryRow } from './certificates.ts';
import { say } from './messages/message.ts';
import { summaryOf } from './summary.ts';
import {
  caRow,
  day,
  inDays,
  leafRow,
  notesOfUnseen,
  rotationObject,
  seenIn,
  type ClusterParts,
} from './testing.ts';

const english = { language: 'en', zone: 'UTC' } as const;
const quiet = { n1: { role: 'control-plane' }, w1: {} } as const;

function told(parts: ClusterParts) {
  const { state, headline, safe, next, needs } = summaryOf(seenIn(parts));
  return {
    state,
    safe: `${say(headline, english)}: ${say(safe, english)}`,
    next: say(next, english),
    needs: needs.map(({ level, text }) => `${level}: ${say(text, english)}`),
  };
}

describe('a cluster where all is well', () => {
  it('says until when, what is due first, and that nothing needs anybody', () => {
    expect(told({ nodes: quiet })).toEqual({
      state: 'safe',
      safe: 'Safe until 2027-05-20: kubelet-client-current.pem on n1 ends first, in 80 d, if nothing were renewed',
      next: 'Nothing is due before 2027-04-20 (kubelet-client-current.pem on n1)',
      needs: [],
    });
  });

  it('says what goes on before what is planned', () => {
    const planned = rotationObject('a', 'w1', { status: { phase: 'Scheduled', dueAt: inDays(3) } });
    const running = rotationObject('b', 'n1', { status: { phase: 'Running' } });
    const other = rotationObject('c', 'w1', { status: { phase: 'Verifying' } });
    expect(told({ nodes: quiet, rotations: [planned] }).next).toBe(
      '2 certificates on w1 are renewed from 2027-03-04 08:00',
    );
    expect(told({ nodes: quiet, rotations: [planned, running] }).next).toBe(
      '2 certificates on n1 are being renewed now',
    );
    expect(told({ nodes: quiet, rotations: [other] }).next).toBe(
      '2 certificates on w1 are renewed and being proved now',
    );
    expect(told({ nodes: quiet, rotations: [running, other] }).next).toBe(
      'n1 and 1 other are being renewed now',
    );
  });

  it('promises no day that has passed', () => {
    expect(told({ nodes: { ...quiet, w2: { left: 5 } } }).next).toBe(
      '2 certificates are due, first kubelet-client-current.pem on w2 since 2027-02-04; the controller plans them next',
    );
  });

  it('names the gate that holds the next one', () => {
    const status = {
      phase: 'Pending',
      reason: 'OutsideWindow',
      message: 'waits: OutsideWindow: opens at 2',
    } as const;
    expect(told({ nodes: quiet, rotations: [rotationObject('a', 'w1', { status })] }).next).toBe(
      'w1 is next: outside the maintenance windows',
    );
  });
});

describe('what is not safe', () => {
  it.each<[string, ClusterParts, string, string]>([
    ['no nodes', { nodes: {} }, 'unknown', 'Not known to be safe: the API shows no nodes'],
    [
      'nothing read',
      { nodes: { n1: { unread: true } } },
      'unknown',
      'Not known to be safe: no node has been read yet',
    ],
    [
      'one unread',
      { nodes: { ...quiet, w2: { unread: true } } },
      'unknown',
      'Not known to be safe: 1 of 3 nodes has never been read',
    ],
    [
      'a leaf has expired',
      { nodes: { w1: { rows: [leafRow('kubelet.crt', -2), leafRow('kubelet-client-current.pem', 9)] } } },
      'unsafe',
      'Not safe: 1 of 2 certificates has expired, first kubelet.crt on w1 on 2027-02-27',
    ],
    [
      'a CA has expired',
      { nodes: { w1: { rows: [caRow(-1), leafRow('kubelet.crt', 9)] } } },
      'unsafe',
      'Not safe: the CA ca.crt expired on 2027-02-28, and with it all that it signed',
    ],
    [
      'a key that does not fit',
      { nodes: { w1: { rows: [leafRow('kubelet.crt', 60, { state: 'KeyMismatch' })] } } },
      'unknown',
      'Not known to be safe: 1 certificate cannot be read or used, first kubelet.crt on w1',
    ],
    [
      'a component of the control plane that was not seen',
      { nodes: { ...quiet, n2: { role: 'control-plane', notes: notesOfUnseen } } },
      'unknown',
      'Not known to be safe: kube-apiserver on n2 cannot be seen',
    ],
    [
      'what was left on a worker of a control plane',
      { nodes: { ...quiet, w2: { notes: notesOfUnseen } } },
      'safe',
      expect.stringMatching(/^Safe until /u),
    ],
  ])('%s', (_, parts, state, safe) => {
    expect(told(parts)).toMatchObject({ state, safe });
  });
});

describe('what needs a person', () => {
  const waiting = {
    phase: 'Pending',
    reason: 'AwaitingApproval',
    message: 'waits: AwaitingApproval: approve it',
  } as const;
  it.each<[string, ClusterParts, string]>([
    [
      'a CA that ends soon',
      { nodes: { w1: { rows: [caRow(100)] } } },
      'watch: Plan to replace the CA kubernetes: it ends on 2027-06-09 (100 d); nothing that it signs lives longer',
    ],
    [
      'CAs that differ',
      { nodes: { w1: {}, w2: { rows: [caRow(3000, { sha256: 'cb'.repeat(32) })] } } },
      'act: Nodes have different certificates of the CA kubernetes: w1, w2',
    ],
    [
      'a component of the control plane that is not seen',
      { nodes: { ...quiet, n2: { role: 'control-plane', notes: notesOfUnseen } } },
      'act: 1 component of the control plane cannot be seen and is not renewed: kube-apiserver on n2; the notes of the node say what to mend',
    ],
    [
      'a dead controller',
      { nodes: quiet, picture: { controllerAt: inDays(-1) } },
      'act: The controller has not been heard of since 2027-02-28 08:00: nothing is renewed',
    ],
    [
      'no leader',
      { nodes: quiet, picture: { controllerAt: null } },
      'act: No controller has taken the lead yet: nothing is renewed',
    ],
    [
      'a silent API',
      { nodes: quiet, picture: { staleSince: inDays(0) } },
      'act: The API server does not answer; this is what was seen at 2027-03-01 08:00',
    ],
    [
      'mode observe',
      { nodes: { w1: { left: 10 } }, settings: { mode: 'observe' } },
      'act: Mode observe renews nothing; 2 certificates are due',
    ],
    [
      'all paused',
      { nodes: quiet, settings: { paused: true } },
      'watch: Everything is paused; 0 rotations wait',
    ],
    ['a paused node', { nodes: { w1: { paused: true } } }, 'watch: 1 node is paused: w1'],
    ['a node not Ready', { nodes: { w1: { ready: false } } }, 'watch: 1 node is not Ready: w1'],
    ['a node not read', { nodes: { w1: { readDaysAgo: 9 } } }, 'watch: 1 node was not read for too long: w1'],
    [
      'rubbish in an inventory',
      { nodes: quiet, picture: { strange: new Set(['node-local-certs-w9']) } },
      'watch: 1 inventory is not as the controller wrote it: node-local-certs-w9',
    ],
    [
      'an approval',
      {
        nodes: quiet,
        settings: { mode: 'manual' },
        rotations: [rotationObject('a', 'w1', { status: waiting })],
      },
      'act: 1 rotation waits for an approval: w1',
    ],
    [
      'a rotation that gave up',
      {
        nodes: quiet,
        rotations: [
          rotationObject('a', 'w1', {
            status: { phase: 'NeedsManual', reason: 'KubeletNotTakingPods', startedAt: inDays(-1) },
          }),
        ],
      },
      'act: 1 rotation needs a person: w1 (the kubelet of the node does not start Pods)',
    ],
    [
      'a failure',
      {
        nodes: quiet,
        rotations: [
          rotationObject('a', 'w1', {
            status: { phase: 'RolledBack', reason: 'NotProved', startedAt: inDays(-1) },
          }),
        ],
      },
      'watch: 1 rotation has failed and is tried again: w1 (the live process did not show the new serial)',
    ],
    [
      'a gate that time does not open',
      {
        nodes: quiet,
        rotations: [
          rotationObject('a', 'w1', {
            status: { phase: 'Pending', reason: 'CaMismatch', message: 'waits: CaMismatch: x' },
          }),
        ],
      },
      'act: 1 rotation waits: the stored CA is not the one that the cluster trusts',
    ],
  ])('%s', (_, parts, need) => {
    expect(told(parts).needs).toContain(need);
  });

  it.each<[string, number, string]>([
    [
      'in 2 days',
      2,
      'act: Replace the CA kubernetes now: it ends on 2027-03-03 (2 d), and with it all that it signed',
    ],
    [
      'in 90 days',
      90,
      'act: Replace the CA kubernetes now: it ends on 2027-05-30 (90 d), and with it all that it signed',
    ],
    [
      'in 91 days',
      91,
      'watch: Plan to replace the CA kubernetes: it ends on 2027-05-31 (91 d); nothing that it signs lives longer',
    ],
  ])('is a CA that ends %s', (_, left, need) => {
    expect(told({ nodes: { w1: { rows: [caRow(left)] } } })).toMatchObject({
      state: left > 90 ? 'safe' : 'attention',
      needs: [need],
    });
  });

  it('is a CA that ends within 90 days also where nothing lives as long', () => {
    const lifetimes = { kubelet: day, controlPlane: day };
    const { needs } = told({ nodes: { w1: { rows: [caRow(80)] } }, settings: { lifetimes } });
    expect(needs).toEqual([expect.stringMatching(/^act: Replace the CA kubernetes now/)]);
  });

  it('is not the CA of others that came along in a chain', () => {
    const { state, needs } = told({ nodes: { w1: { rows: [caRow(2, { ca: null })] } } });
    expect({ state, needs }).toEqual({ state: 'safe', needs: [expect.stringMatching(/^watch: /)] });
  });

  it('is a reason not to say safe', () => {
    expect(told({ nodes: quiet, picture: { controllerAt: null } }).state).toBe('attention');
  });
});

describe('a certificate that ends soon', () => {
  const hour = 1 / 24;
  const need = 'act: 1 certificate ends soon and is not being renewed: kubelet.crt on w1 (1.0 h)';
  const rows = [leafRow('kubelet.crt', hour), leafRow('kubelet-client-current.pem', 60)];
  const only = (status: RotationStatus, certificates: readonly CertificateId[] = ['kubelet.crt']) => ({
    nodes: { w1: { rows } },
    rotations: [rotationObject('a', 'w1', { status, certificates })],
  });
  const gate = (reason: 'OutsideWindow' | 'ParallelLimit') =>
    only({ phase: 'Pending', reason, message: `waits: ${reason}: later` });

  it.each<[string, ClusterParts]>([
    ['nobody plans anything', { nodes: { w1: { rows } } }],
    [
      'its rotation was rolled back',
      only({ phase: 'RolledBack', reason: 'NotProved', startedAt: inDays(-1) }),
    ],
    ['its rotation failed', only({ phase: 'Failed', reason: 'AgentFailed', startedAt: inDays(-1) })],
    ['its rotation is planned', only({ phase: 'Scheduled', dueAt: inDays(hour / 2) })],
    ['its rotation waits for a window', gate('OutsideWindow')],
    ['its rotation waits for its turn', gate('ParallelLimit')],
    ['another one is renewed on its node', only({ phase: 'Running' }, ['kubelet-client-current.pem'])],
    ['its node is paused', { nodes: { w1: { rows, paused: true } } }],
    [
      'nobody here renews it',
      { nodes: { w1: { rows: [leafRow('kubelet.crt', hour, { state: 'Unmanaged' })] } } },
    ],
  ])('needs somebody where %s', (_, parts) => {
    const { state, needs } = told(parts);
    expect(state).toBe('attention');
    expect(needs).toContain(need);
  });

  it.each(['Admitted', 'Running', 'Verifying'] as const)('needs nobody while it is renewed (%s)', (phase) => {
    expect(told(only({ phase }))).toMatchObject({ state: 'safe', needs: [] });
  });

  it.each<[string, InventoryRow, boolean]>([
    ['10 days before its end', leafRow('apiserver.crt', 10), true],
    ['longer before', leafRow('apiserver.crt', 10.01), false],
    ['a day before the end of 9 days', leafRow('kubelet.crt', 1, { notBefore: inDays(-8) }), true],
    ['longer before the end of 9 days', leafRow('kubelet.crt', 1.01, { notBefore: inDays(-7.99) }), false],
    ['after it has expired, which is told by itself', leafRow('kubelet.crt', -hour), false],
    ['where it is nobody’s of this cluster', leafRow('kubelet.crt', 1, { id: 'other.crt' }), false],
  ])('is one from the days on in which its alert is critical: %s', (_, row, isTold) => {
    const { needs } = told({ nodes: { w1: { rows: [row] } } });
    expect(needs.some((text) => text.includes('soon and'))).toBe(isTold);
  });

  it('is told once for all, the first one by name', () => {
    const { needs } = told({ nodes: { w1: { left: 9 }, w2: { left: 3 } } });
    expect(needs).toEqual([
      'act: 4 certificates end soon and are not being renewed: kubelet-client-current.pem on w2 (3 d)',
    ]);
  });
});

it('a cluster of five thousand nodes is summed up at once', () => {
  const nodes = Object.fromEntries(
    Array.from({ length: 5000 }, (_, i) => [`w${i}`, { left: 20 + (i % 70) }]),
  );
  const seen = seenIn({ nodes });
  const startedAt = performance.now();
  const { counts } = summaryOf(seen);
  expect(performance.now() - startedAt).toBeLessThan(1000);
  expect(counts).toMatchObject({ nodes: 5000, certificates: 10_000 });
});
