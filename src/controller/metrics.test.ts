import { describe, expect, it } from 'vitest';
import type { InventoryRow } from '../agent/protocol.ts';
import type { CertificateRotation, Phase } from '../kube/types.ts';
import { defaultConfiguration } from './configuration.ts';
import { Metrics } from './metrics.ts';
import type { Inventory, World } from './world.ts';

const now = new Date('2030-01-01T00:00:00Z');

function row(path: string, notAfter: string): InventoryRow {
  return {
    id: 'apiserver.crt',
    path,
    kind: 'pair',
    ca: 'kubernetes',
    subject: 'O=system:nodes, CN=system:node:n1',
    issuer: 'CN=kubernetes',
    serial: 'ff01',
    notBefore: '2029-01-01T00:00:00Z',
    notAfter,
    sans: [],
    keyAlgorithm: 'RSA-2048',
    sha256: '',
    state: 'Ok',
    reason: '',
  };
}

function inventory(node: string): Inventory {
  return {
    schema: 1,
    node,
    nodeUID: 'u',
    machineID: 'm',
    collectedAt: '2029-12-31T00:00:00Z',
    clock: '2029-12-31T00:00:00Z',
    certificates: [
      row('/etc/kubernetes/pki/apiserver.crt', '2030-01-11T00:00:00Z'),
      row('/late.crt', '2031-01-01T00:00:00Z'),
    ],
  };
}

function world(nodes: number, rotations: readonly [string, Phase, string][] = []): World {
  const names = Array.from({ length: nodes }, (_, i) => `n${i + 1}`);
  return {
    now,
    configuration: defaultConfiguration,
    nodes: [],
    inventories: new Map(names.map((name) => [name, inventory(name)])),
    rotations: rotations.map(([name, phase, reason]): CertificateRotation => ({
      metadata: { name, uid: name },
      spec: { nodeName: 'n1', nodeUID: 'u', certificates: ['apiserver.crt'], reason: 'Due' },
      status: { phase, reason, dueAt: '2029-12-31T23:59:00Z' },
    })),
    pods: [],
    vault: { cas: {} },
    health: undefined,
    liveSerials: new Map(),
    podProblems: new Map(),
  };
}

describe('the metrics', () => {
  it('show expiry by the names and labels that others know', async () => {
    const metrics = new Metrics();
    metrics.note(world(1));
    const text = await metrics.text();
    const labels =
      'nodename="n1",filename="apiserver.crt",filepath="/etc/kubernetes/pki/apiserver.crt",serial_number="65281",' +
      'subject_CN="system:node:n1",issuer_CN="kubernetes"';
    expect(text).toContain(`x509_cert_not_after{${labels}} ${Date.parse('2030-01-11T00:00:00Z') / 1000}\n`);
    expect(text).toContain(`x509_cert_expired{${labels}} 0\n`);
    expect(text).toContain(`certificate_expires_status{${labels}} 10\n`);
    expect(text).toContain('cert_rotator_last_scan_time{nodename="n1"}');
  });

  it('show the queue and the gate that holds it', async () => {
    const metrics = new Metrics();
    metrics.note(world(1, [['a', 'Pending', 'OutsideWindow']]));
    const text = await metrics.text();
    expect(text).toContain('cert_rotator_rotations{phase="Pending"} 1\n');
    expect(text).toContain('cert_rotator_gate_closed{gate="OutsideWindow"} 1\n');
    expect(text).toContain('cert_rotator_oldest_due_seconds 60\n');
  });

  it('count a rotation once, when it ends while we lead', async () => {
    const metrics = new Metrics();
    metrics.note(world(1, [['old', 'Succeeded', 'Renewed']]));
    const next = world(1, [
      ['old', 'Succeeded', 'Renewed'],
      ['new', 'RolledBack', 'NotProved'],
    ]);
    metrics.note(next);
    metrics.note(next);
    const text = await metrics.text();
    expect(text).toContain('cert_rotator_rotations_total{result="RolledBack",reason="NotProved"} 1\n');
    expect(text).not.toContain('result="Succeeded"');
  });

  it('show that the configuration is refused', async () => {
    const metrics = new Metrics();
    metrics.noteConfiguration(false);
    expect(await metrics.text()).toContain('cert_rotator_configuration_refused 1\n');
    metrics.noteConfiguration(true);
    expect(await metrics.text()).toContain('cert_rotator_configuration_refused 0\n');
  });

  it('stay small and quick for five thousand nodes: one certificate each', async () => {
    const metrics = new Metrics();
    metrics.note(world(5000));
    const text = await metrics.text();
    expect(text.match(/^x509_cert_not_after\{/gm)).toHaveLength(5000);
    expect(text).not.toContain('late.crt');
  });
});
