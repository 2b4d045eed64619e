// Every metric of our own as data: the registry is filled from this table, and docs/metrics.md is written from it.
import type { Node } from 'kubernetes-types/core/v1.js';
import { unseenIn } from '../catalogue/unseen-notes.ts';
import { annotations, phases, terminalPhases, type CertificateRotation } from '../kube/types.ts';
import { isAnnotated, roleOf } from '../kube/objects.ts';
import { caEnds, certificateLabels, seconds, shownCertificates } from './metrics-certificates.ts';
import type { ShownCertificate } from './metrics-certificates.ts';
import type { Inventory, World } from './world.ts';

export interface MetricRow {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Labels and value; every label of the row, in its order. */
export type Sample = readonly [Readonly<Record<string, string>>, number];

/** Read from the last world of the leader; a replica that stands by has none of them. */
export interface WorldGauge extends MetricRow {
  readonly samples: (world: World, now: Date) => Iterable<Sample>;
}

const day = 86_400;

function ofCertificates(name: string, help: string, value: (one: ShownCertificate, now: number) => number) {
  return {
    name,
    help,
    labels: certificateLabels,
    *samples(world: World, now: Date): Generator<Sample> {
      const moment = now.getTime() / 1000;
      for (const one of shownCertificates(world)) yield [one.labels, value(one, moment)];
    },
  };
}

const certificateGauges: readonly WorldGauge[] = [
  ofCertificates(
    'certificate_expires_time',
    'End of validity, seconds since 1970 (the name that ACP’s alerts use).',
    ({ notAfter }) => notAfter,
  ),
  ofCertificates(
    'certificate_expires_status',
    'Whole days until the end of validity; below zero: expired (the name that ACP’s alerts use).',
    ({ notAfter }, now) => Math.floor((notAfter - now) / day),
  ),
  ofCertificates(
    'x509_cert_not_after',
    'End of validity, seconds since 1970 (as x509-certificate-exporter).',
    ({ notAfter }) => notAfter,
  ),
  ofCertificates(
    'x509_cert_not_before',
    'Beginning of validity, seconds since 1970 (as x509-certificate-exporter).',
    ({ notBefore }) => notBefore,
  ),
  ofCertificates(
    'x509_cert_expired',
    '1 when expired (as x509-certificate-exporter).',
    ({ notAfter }, now) => (notAfter < now ? 1 : 0),
  ),
];

const nodeGauges: readonly WorldGauge[] = [
  {
    name: 'cert_rotator_nodes',
    help: 'Nodes of the cluster.',
    labels: [],
    samples: ({ nodes }) => [[{}, nodes.length]],
  },
  {
    name: 'cert_rotator_last_scan_time',
    help: 'When a node’s certificates were read last, seconds since 1970; 0: never.',
    labels: ['nodename'],
    samples: (world) =>
      world.nodes.map((node) => [
        { nodename: node.metadata?.name ?? '' },
        seconds(inventoryOf(node, world)?.collectedAt ?? '') || 0,
      ]),
  },
  {
    name: 'cert_rotator_unseen_components',
    help: 'Components of a control plane that its last scan could not see, so that they are not renewed; 0: all is seen.',
    labels: ['nodename'],
    *samples(world) {
      for (const node of world.nodes) {
        const role = roleOf(node);
        const inventory = inventoryOf(node, world);
        // Of a node that was never read nothing is known, not even that all is seen.
        if (inventory === undefined || role !== 'control-plane') continue;
        yield [{ nodename: node.metadata?.name ?? '' }, unseenIn(role, inventory.notes).length];
      }
    },
  },
  {
    name: 'cert_rotator_scan_interval_seconds',
    help: 'How often a node is to be scanned, by the configuration.',
    labels: [],
    samples: ({ configuration }) => [[{}, configuration.scanInterval / 1000]],
  },
  {
    name: 'cert_rotator_paused',
    help: '1 while paused: scope cluster by the configuration, scope node by the node’s annotation.',
    labels: ['scope', 'nodename'],
    samples: ({ configuration, nodes }) => [
      [{ scope: 'cluster', nodename: '' }, configuration.paused ? 1 : 0],
      ...nodes
        .filter((node) => isAnnotated(node, annotations.paused))
        .map(({ metadata }): Sample => [{ scope: 'node', nodename: metadata?.name ?? '' }, 1]),
    ],
  },
];

const queueGauges: readonly WorldGauge[] = [
  {
    name: 'cert_rotator_rotations',
    help: 'CertificateRotations by phase.',
    labels: ['phase'],
    samples({ rotations }) {
      const counts = countBy(rotations, phaseOf);
      return phases.map((phase) => [{ phase }, counts.get(phase) ?? 0]);
    },
  },
  {
    name: 'cert_rotator_queue_depth',
    help: 'Rotations that are due and wait for their turn.',
    labels: [],
    samples: ({ rotations }) => [[{}, rotations.filter((one) => phaseOf(one) === 'Pending').length]],
  },
  {
    name: 'cert_rotator_oldest_due_seconds',
    help: 'How long the longest waiting rotation has been due.',
    labels: [],
    samples: ({ rotations }, now) => [[{}, oldestDue(rotations, now)]],
  },
  {
    name: 'cert_rotator_gate_closed',
    help: 'Rotations that wait, by the gate that holds them.',
    labels: ['gate'],
    samples({ rotations }) {
      const held = rotations.filter((one) => phaseOf(one) === 'Pending' && one.status?.reason !== undefined);
      return [...countBy(held, ({ status }) => status?.reason ?? '')].map(([gate, count]) => [
        { gate },
        count,
      ]);
    },
  },
  {
    name: 'cert_rotator_rotation_failed',
    help: '1 for a node whose last rotation ended without success, by phase and reason, until one succeeds.',
    labels: ['nodename', 'result', 'reason'],
    samples: failedNodes,
  },
];

const caGauges: readonly WorldGauge[] = [
  {
    name: 'cert_rotator_ca_not_after',
    help: 'End of validity of a CA, seconds since 1970.',
    labels: ['ca'],
    samples: (world) => caEnds(world).map(([ca, end]) => [{ ca }, end]),
  },
  {
    name: 'cert_rotator_ca_remaining_seconds',
    help: 'Until a CA ends.',
    labels: ['ca'],
    samples: (world, now) => caEnds(world).map(([ca, end]) => [{ ca }, end - now.getTime() / 1000]),
  },
];

export const worldGauges: readonly WorldGauge[] = [
  ...certificateGauges,
  ...nodeGauges,
  ...queueGauges,
  ...caGauges,
];

/** What a replica says of itself. */
export const ownGauges = {
  leader: {
    name: 'cert_rotator_leader',
    help: '1 while this replica leads, 0 while it stands by.',
    labels: [],
  },
  lastPass: {
    name: 'cert_rotator_last_pass_time',
    help: 'When the last pass of the loop ended in which nothing failed, seconds since 1970.',
    labels: [],
  },
  refused: {
    name: 'cert_rotator_configuration_refused',
    help: '1 while the configuration is refused and the last good one is in force.',
    labels: [],
  },
} as const satisfies Record<string, MetricRow>;

export const counters = {
  rotations: {
    name: 'cert_rotator_rotations_total',
    help: 'Rotations that ended while this replica led, by phase and reason; 0 from its start.',
    labels: ['result', 'reason'],
  },
  passes: {
    name: 'cert_rotator_passes_total',
    help: 'Passes of the loop, by how they ended (ok or the code of the error); 0 from the replica’s start.',
    labels: ['result'],
  },
} as const satisfies Record<string, MetricRow>;

export const histograms = {
  duration: {
    name: 'cert_rotator_rotation_duration_seconds',
    help: 'From the admission of a rotation to its end, by phase; 0 from the replica’s start.',
    labels: ['result'],
    buckets: [15, 30, 60, 120, 300, 600, 1200, 3600],
  },
} as const satisfies Record<string, MetricRow & { readonly buckets: readonly number[] }>;

/** Undefined: never scanned, or what was scanned is another machine under this name. */
function inventoryOf({ metadata }: Node, { inventories }: World): Inventory | undefined {
  const found = inventories.get(metadata?.name ?? '');
  return found?.nodeUID === metadata?.uid ? found : undefined;
}

function phaseOf({ status }: CertificateRotation): string {
  return status?.phase ?? 'Pending';
}

function countBy<T>(items: readonly T[], key: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}

function oldestDue(rotations: readonly CertificateRotation[], now: Date): number {
  let oldest = 0;
  for (const one of rotations) {
    const phase = phaseOf(one);
    if (phase !== 'Scheduled' && phase !== 'Pending') continue;
    const waits = (now.getTime() - Date.parse(one.status?.dueAt ?? '')) / 1000;
    if (waits > oldest) oldest = waits;
  }
  return oldest;
}

/** One that was superseded says nothing of its node; nor does one of a machine that is gone. */
function failedNodes({ nodes, rotations }: World): Sample[] {
  const names = new Map(nodes.map(({ metadata }) => [metadata?.uid, metadata?.name ?? '']));
  const last = new Map<string, CertificateRotation>();
  for (const one of rotations) {
    const { phase } = one.status ?? {};
    const says = phase !== undefined && terminalPhases.has(phase) && phase !== 'Superseded';
    if (!says || !names.has(one.spec.nodeUID)) continue;
    const before = last.get(one.spec.nodeUID);
    if (before === undefined || endOf(one) >= endOf(before)) last.set(one.spec.nodeUID, one);
  }
  return [...last].flatMap(([uid, { status }]) =>
    status?.phase === undefined || status.phase === 'Succeeded'
      ? []
      : [[{ nodename: names.get(uid) ?? '', result: status.phase, reason: status.reason ?? '' }, 1] as const],
  );
}

function endOf({ status }: CertificateRotation): number {
  return Date.parse(status?.finishedAt ?? '') || 0;
}
