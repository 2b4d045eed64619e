import process from 'node:process';
import { describe, expect, it } from 'vitest';
import type { InventoryRow } from '../agent/protocol.ts';
import { unseenNotes } from '../catalogue/unseen-notes.ts';
import { phases, terminalPhases, type CertificateRotation, type Phase } from '../kube/types.ts';
import { alerts } from '../../deploy/monitoring/alerts.ts';
import { queries } from '../../deploy/monitoring/dashboard.ts';
import { defaultConfiguration } from './configuration.ts';
import { endings } from './metrics-endings.ts';
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
    nodeUID: `uid-${node}`,
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
    nodes: names.map((name) => ({ metadata: { name, uid: `uid-${name}` } })),
    inventories: new Map(names.map((name) => [name, inventory(name)])),
    rotations: rotations.map(([name, phase, reason]): CertificateRotation => ({
      metadata: { name, uid: name },
      spec: { nodeName: 'n1', nodeUID: 'uid-n1', certificates: ['apiserver.crt'], reason: 'Due' },
      status: { phase, reason, dueAt: '2029-12-31T23:59:00Z' },
    })),
    pods: [],
    vault: { cas: {} },
    health: undefined,
    liveSerials: new Map(),
    signed: new Map(),
    podProblems: new Map(),
  };
}

/** Each node has something that is not renewed. */
function largeWorld(): World {
  const { inventories, ...large } = world(5000);
  const foreign: InventoryRow = { ...row('/foreign.crt', '2030-02-01T00:00:00Z'), state: 'Unmanaged' };
  const both = [...inventories].map(([node, one]) => {
    return [node, { ...one, certificates: [...one.certificates, foreign] }] as const;
  });
  return { ...large, inventories: new Map(both) };
}

async function piecesOf(metrics: Metrics): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of metrics.pieces()) pieces.push(piece);
  return pieces;
}

/** What of our own alerts and Grafana's dashboard count from one moment to the next. */
const counted = new Set(
  [...alerts, ...queries].flatMap(({ expr }) =>
    [...expr.matchAll(/\b(?:rate|irate|increase)\((cert_rotator_\w+)/g)].map(([, name = '']) => name),
  ),
);

/** One rotation for each way to end, a minute and a half after it began. */
function endedRotations(): readonly CertificateRotation[] {
  const times = { startedAt: '2029-12-31T23:58:00Z', finishedAt: '2029-12-31T23:59:30Z' };
  const ways = Object.entries(endings).flatMap(([result, reasons]) =>
    phases
      .filter((phase) => phase === result)
      .flatMap((phase) =>
        reasons.map((reason): [string, Phase, string] => [`${phase} ${reason}`, phase, reason]),
      ),
  );
  return world(1, ways).rotations.map((one) => ({ ...one, status: { ...one.status, ...times } }));
}

const seriesOf = (text: string, name: string) => text.match(new RegExp(`^${name}[{ ].*`, 'gm')) ?? [];
const withoutValue = (line: string) => line.slice(0, line.lastIndexOf(' '));

/** All that a scrape is answered with. */
async function textOf(metrics: Metrics): Promise<string> {
  const pieces = await piecesOf(metrics);
  return pieces.join('');
}

describe('the metrics', () => {
  it('come in pieces, however many nodes there are, each of whole lines', async () => {
    const metrics = new Metrics(() => now);
    metrics.note(world(3000));
    const pieces = await piecesOf(metrics);
    expect(pieces.length).toBeGreaterThan(20);
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(100_000);
    expect(pieces.filter((piece) => !piece.endsWith('\n'))).toEqual([]);
    expect(pieces.join('').match(/^cert_rotator_last_scan_time\{/gm)).toHaveLength(3000);
  });

  it('show expiry by the names and labels that others know', async () => {
    const metrics = new Metrics(() => now);
    metrics.note(world(1));
    const text = await textOf(metrics);
    const labels =
      'nodename="n1",filename="apiserver.crt",filepath="/etc/kubernetes/pki/apiserver.crt",serial_number="65281",' +
      'subject_CN="system:node:n1",issuer_CN="kubernetes"';
    expect(text).toContain(`x509_cert_not_after{${labels}} ${Date.parse('2030-01-11T00:00:00Z') / 1000}\n`);
    expect(text).toContain(`x509_cert_expired{${labels}} 0\n`);
    expect(text).toContain(`certificate_expires_status{${labels}} 10\n`);
    expect(text).toContain('cert_rotator_last_scan_time{nodename="n1"} 1893369600\n');
  });

  it('show a node that was never scanned, or not since its machine was replaced', async () => {
    const metrics = new Metrics(() => now);
    const nodes = ['n1', 'n2'].map((name) => ({ metadata: { name, uid: `new-${name}` } }));
    metrics.note({ ...world(1), nodes });
    const text = await textOf(metrics);
    expect(text).toContain('cert_rotator_last_scan_time{nodename="n1"} 0\n');
    expect(text).toContain('cert_rotator_last_scan_time{nodename="n2"} 0\n');
  });

  it('show how much of each control plane that was read is not seen', async () => {
    const metrics = new Metrics(() => now);
    const labels = { 'node-role.kubernetes.io/control-plane': '' };
    const notes = unseenNotes([
      { id: 'apiserver.crt', path: '/apiserver.crt', lack: 'no-manifest', reason: 'its manifest is gone' },
      { id: 'scheduler.conf', path: '/scheduler.conf', lack: 'absent', reason: 'it does not exist' },
    ]);
    const inventories = new Map([
      ['half', { ...inventory('half'), notes }],
      ['whole', { ...inventory('whole'), notes: ['the API server has no audit log'] }],
      ['worker', { ...inventory('worker'), notes }],
      ['replaced', { ...inventory('replaced'), notes }],
    ]);
    const nodes = [
      { metadata: { name: 'half', uid: 'uid-half', labels } },
      { metadata: { name: 'whole', uid: 'uid-whole', labels } },
      { metadata: { name: 'worker', uid: 'uid-worker' } },
      { metadata: { name: 'replaced', uid: 'new', labels } },
      { metadata: { name: 'unread', uid: 'uid-unread', labels } },
    ];
    metrics.note({ ...world(0), nodes, inventories });
    expect(seriesOf(await textOf(metrics), 'cert_rotator_unseen_components')).toEqual([
      'cert_rotator_unseen_components{nodename="half"} 2',
      'cert_rotator_unseen_components{nodename="whole"} 0',
    ]);
    metrics.note({ ...world(0), nodes, inventories: new Map([['half', inventory('half')]]) });
    expect(seriesOf(await textOf(metrics), 'cert_rotator_unseen_components')).toEqual([
      'cert_rotator_unseen_components{nodename="half"} 0',
    ]);
  });

  it('show what is paused, and by what', async () => {
    const metrics = new Metrics(() => now);
    const annotations = { 'certrotator.cpaas.io/paused': '' };
    const nodes = [{ metadata: { name: 'n1', uid: 'uid-n1', annotations } }];
    metrics.note({ ...world(1), nodes, configuration: { ...defaultConfiguration, paused: true } });
    const text = await textOf(metrics);
    expect(text).toContain('cert_rotator_paused{scope="cluster",nodename=""} 1\n');
    expect(text).toContain('cert_rotator_paused{scope="node",nodename="n1"} 1\n');
  });

  it('show a failed rotation until one has succeeded', async () => {
    const metrics = new Metrics(() => now);
    const rotations = world(1, [
      ['a', 'NeedsManual', 'OldStateUnsafe'],
      ['b', 'Superseded', 'NothingToDo'],
      ['c', 'Succeeded', 'Renewed'],
    ]).rotations;
    metrics.note({ ...world(1), rotations: rotations.slice(0, 2) });
    const failed =
      'cert_rotator_rotation_failed{nodename="n1",result="NeedsManual",reason="OldStateUnsafe"} 1\n';
    expect(await textOf(metrics)).toContain(failed);
    metrics.note({ ...world(1), rotations });
    expect(await textOf(metrics)).not.toContain(failed);
  });

  it('of a replica that stands by say nothing of the cluster', async () => {
    const metrics = new Metrics(() => now);
    metrics.note(world(1));
    expect(await textOf(metrics)).toContain('cert_rotator_leader 1\n');
    metrics.standBy();
    const text = await textOf(metrics);
    expect(text).toContain('cert_rotator_leader 0\n');
    expect(text).not.toMatch(/^x509_cert_not_after\{/m);
    expect(text).not.toMatch(/^cert_rotator_queue_depth /m);
  });

  it('show when the last pass was that failed in nothing', async () => {
    const metrics = new Metrics(() => now);
    metrics.notePass('Unreachable');
    expect(await textOf(metrics)).toContain('cert_rotator_last_pass_time 0\n');
    metrics.notePass('ok');
    expect(await textOf(metrics)).toContain(`cert_rotator_last_pass_time ${now.getTime() / 1000}\n`);
  });

  it('show the end of a CA that is not in the vault by what the nodes have', async () => {
    const metrics = new Metrics(() => now);
    const ca: InventoryRow = {
      ...row('/ca.crt', '2030-06-01T00:00:00Z'),
      id: 'ca.crt',
      kind: 'ca',
      ca: 'etcd',
    };
    metrics.note({ ...world(1), inventories: new Map([['n1', { ...inventory('n1'), certificates: [ca] }]]) });
    const end = Date.parse('2030-06-01T00:00:00Z') / 1000;
    expect(await textOf(metrics)).toContain(`cert_rotator_ca_not_after{ca="etcd"} ${end}\n`);
  });

  it('show the queue and the gate that holds it', async () => {
    const metrics = new Metrics(() => now);
    metrics.note(world(1, [['a', 'Pending', 'OutsideWindow']]));
    const text = await textOf(metrics);
    expect(text).toContain('cert_rotator_rotations{phase="Pending"} 1\n');
    expect(text).toContain('cert_rotator_gate_closed{gate="OutsideWindow"} 1\n');
    expect(text).toContain('cert_rotator_oldest_due_seconds 60\n');
    expect(text).toContain('cert_rotator_queue_depth 1\n');
  });

  it('count a rotation once, when it ends while we lead', async () => {
    const metrics = new Metrics(() => now);
    metrics.note(world(1, [['old', 'Succeeded', 'Renewed']]));
    const next = world(1, [
      ['old', 'Succeeded', 'Renewed'],
      ['new', 'RolledBack', 'NotProved'],
    ]);
    metrics.note(next);
    metrics.note(next);
    const text = await textOf(metrics);
    expect(text).toContain('cert_rotator_rotations_total{result="RolledBack",reason="NotProved"} 1\n');
    expect(text).toContain('cert_rotator_rotations_total{result="Succeeded",reason="Renewed"} 0\n');
  });

  it('are there with 0 for each way to end before the replica leads: increase() sees no birth', async () => {
    const text = await textOf(new Metrics(() => now));
    const born = text.match(/^cert_rotator_rotations_total\{.*$/gm) ?? [];
    expect(born.filter((line) => !line.endsWith(' 0'))).toEqual([]);
    for (const phase of terminalPhases) {
      expect(born.join('\n')).toContain(`result="${phase}"`);
      expect(text).toContain(`cert_rotator_rotation_duration_seconds_count{result="${phase}"} 0\n`);
    }
    expect(text).toContain('cert_rotator_rotation_duration_seconds_bucket{le="15",result="Succeeded"} 0\n');
    // However large the cluster is.
    const series = text.match(/^cert_rotator_rotation(s_total|_duration_seconds_\w+)\{/gm) ?? [];
    expect(series.length).toBeLessThan(100);
  });

  it.each([...counted])('that are counted are there with 0 before the first event: %s', async (name) => {
    const metrics = new Metrics(() => now);
    const born = seriesOf(await textOf(metrics), name);
    expect(born.length).toBeGreaterThan(0);
    expect(born.filter((line) => !line.endsWith(' 0'))).toEqual([]);
    metrics.note(world(1));
    metrics.note({ ...world(1), rotations: endedRotations() });
    for (const result of ['ok', 'Unsynced', 'Denied', 'Unexpected'] as const) metrics.notePass(result);
    const later = seriesOf(await textOf(metrics), name);
    expect(later.map(withoutValue)).toEqual(born.map(withoutValue));
    expect(later).not.toEqual(born);
  });

  it('show that the configuration is refused', async () => {
    const metrics = new Metrics(() => now);
    metrics.noteConfiguration(false);
    expect(await textOf(metrics)).toContain('cert_rotator_configuration_refused 1\n');
    metrics.noteConfiguration(true);
    expect(await textOf(metrics)).toContain('cert_rotator_configuration_refused 0\n');
  });

  it('show how long a rotation took, and how long a CA still lives', async () => {
    const metrics = new Metrics(() => now);
    metrics.note(world(1));
    const [ended] = world(1, [['new', 'Succeeded', 'Renewed']]).rotations;
    const times = { startedAt: '2029-12-31T23:58:00Z', finishedAt: '2029-12-31T23:59:30Z' };
    const ca = { sha256: '', notBefore: '2029-01-01T00:00:00Z', notAfter: '2030-01-01T01:00:00Z' };
    metrics.note({
      ...world(1),
      rotations: ended === undefined ? [] : [{ ...ended, status: { ...ended.status, ...times } }],
      vault: { cas: { kubernetes: ca } },
    });
    const text = await textOf(metrics);
    expect(text).toContain('cert_rotator_rotation_duration_seconds_sum{result="Succeeded"} 90\n');
    expect(text).toContain('cert_rotator_ca_remaining_seconds{ca="kubernetes"} 3600\n');
  });

  it('of many nodes show of each the first to end of what is renewed, and of the rest', async () => {
    const metrics = new Metrics(() => now);
    const foreign = { id: 'apiserver-etcd-client.crt', state: 'Unmanaged' } as const;
    const certificates: InventoryRow[] = [
      { ...row('/silenced.crt', '2029-06-01T00:00:00Z'), ...foreign },
      { ...row('/kubelet.crt', '2030-01-02T00:00:00Z'), id: 'kubelet.crt' },
      { ...row('/unreadable.crt', ''), state: 'Unreadable' },
      ...inventory('n1').certificates,
      { ...row('/foreign.crt', '2030-02-01T00:00:00Z'), ...foreign },
    ];
    const many = world(201);
    metrics.note({
      ...many,
      inventories: new Map(many.inventories).set('n1', { ...inventory('n1'), certificates }),
    });
    const shown = (await textOf(metrics)).match(/^certificate_expires_time\{nodename="n1",.*$/gm) ?? [];
    expect(shown.map((line) => /filepath="([^"]*)"/.exec(line)?.[1])).toEqual([
      '/silenced.crt',
      '/kubelet.crt',
    ]);
  });

  it('are read within a second for five thousand nodes: two certificates each', async () => {
    const metrics = new Metrics(() => now);
    const large = largeWorld();
    const begun = process.cpuUsage();
    metrics.note(large);
    const text = await textOf(metrics);
    const { user, system } = process.cpuUsage(begun);
    const milliseconds = (user + system) / 1000;
    console.log(`a scrape of 5,000 nodes: ${milliseconds.toFixed(0)} ms, ${text.length} bytes`);
    expect(text.match(/^x509_cert_not_after\{/gm)).toHaveLength(10_000);
    expect(text).not.toContain('late.crt');
    expect(milliseconds).toBeLessThan(1000);
  });
});
