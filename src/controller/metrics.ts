// What Prometheus reads: expiry by the names that existing alerts and dashboards know (ACP's certificate_expires_*,
// x509-certificate-exporter's x509_cert_*), and cert_rotator_* for our own work. Values are taken from the last world.
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { InventoryRow } from '../agent/protocol.ts';
import { phases, terminalPhases, type CertificateRotation } from '../kube/types.ts';
import type { World } from './world.ts';

/** Above this many nodes each node shows its first certificate to expire alone: a scrape stays small. */
const detailedUpTo = 200;

const certificateLabels = [
  'nodename',
  'filename',
  'filepath',
  'serial_number',
  'subject_CN',
  'issuer_CN',
] as const;
type CertificateLabels = Record<(typeof certificateLabels)[number], string>;

export class Metrics {
  readonly #registry = new Registry();
  readonly #finished: Counter<'result' | 'reason'>;
  readonly #passes: Counter<'result'>;
  readonly #refused: Gauge;
  readonly #counted = new Set<string>();
  #world: World | undefined;
  #counting = false;

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    this.#finished = new Counter({
      name: 'cert_rotator_rotations_total',
      help: 'Rotations that ended since this controller leads, by phase and reason.',
      labelNames: ['result', 'reason'],
      registers: [this.#registry],
    });
    this.#passes = new Counter({
      name: 'cert_rotator_passes_total',
      help: 'Passes of the loop, by how they ended (ok or the code of the error).',
      labelNames: ['result'],
      registers: [this.#registry],
    });
    this.#refused = new Gauge({
      name: 'cert_rotator_configuration_refused',
      help: '1 while the configuration is refused and the last good one is in force.',
      registers: [this.#registry],
    });
    this.#certificates();
    this.#queue();
    this.#authorities();
  }

  /** Takes the world of this pass; counts rotations that ended since the last one. */
  note(world: World): void {
    for (const { metadata, status } of world.rotations) {
      const uid = metadata.uid ?? metadata.name;
      if (status?.phase === undefined || !terminalPhases.has(status.phase) || this.#counted.has(uid))
        continue;
      this.#counted.add(uid);
      // What had ended before our first look was counted by whoever led then.
      if (this.#counting) this.#finished.inc({ result: status.phase, reason: status.reason ?? '' });
    }
    this.#counting = true;
    this.#world = world;
  }

  noteConfiguration(good: boolean): void {
    this.#refused.set(good ? 0 : 1);
  }

  notePass(result: string): void {
    this.#passes.inc({ result });
  }

  async text(): Promise<string> {
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  #gauge<L extends string>(
    name: string,
    help: string,
    labelNames: readonly L[],
    values: (world: World) => Iterable<readonly [Record<L, string>, number]>,
  ): void {
    const read = (): World | undefined => this.#world;
    const gauge = new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [],
      collect() {
        this.reset();
        const world = read();
        if (world === undefined) return;
        for (const [labels, value] of values(world)) this.set(labels, value);
      },
    });
    this.#registry.registerMetric(gauge);
  }

  #certificates(): void {
    const gauges: readonly [string, string, RowValue][] = [
      ['certificate_expires_time', 'End of validity, seconds since 1970.', (row) => seconds(row.notAfter)],
      [
        'certificate_expires_status',
        'Days until the end of validity; below zero: expired.',
        (row, now) => Math.floor((seconds(row.notAfter) - now.getTime() / 1000) / 86_400),
      ],
      ['x509_cert_not_after', 'End of validity, seconds since 1970.', (row) => seconds(row.notAfter)],
      ['x509_cert_not_before', 'Beginning of validity, seconds since 1970.', (row) => seconds(row.notBefore)],
      [
        'x509_cert_expired',
        '1 when expired.',
        (row, now) => (seconds(row.notAfter) < now.getTime() / 1000 ? 1 : 0),
      ],
    ];
    for (const [name, help, value] of gauges) this.#gauge(name, help, certificateLabels, valuesOf(value));
    this.#gauge(
      'cert_rotator_last_scan_time',
      'When a node was scanned last, seconds since 1970.',
      ['nodename'],
      (world) =>
        [...world.inventories].map(([nodename, { collectedAt }]) => [{ nodename }, seconds(collectedAt)]),
    );
  }

  #queue(): void {
    this.#gauge('cert_rotator_rotations', 'Rotations by phase.', ['phase'], (world) =>
      phases.map((phase) => [
        { phase },
        world.rotations.filter(({ status }) => (status?.phase ?? 'Pending') === phase).length,
      ]),
    );
    this.#gauge(
      'cert_rotator_oldest_due_seconds',
      'How long the longest waiting rotation has been due.',
      [],
      (world) => [[{}, oldestDue(world)]],
    );
    this.#gauge(
      'cert_rotator_gate_closed',
      'Rotations that wait, by the gate that holds them.',
      ['gate'],
      (world) => {
        const gates = new Map<string, number>();
        for (const { status } of world.rotations) {
          if (status?.phase !== 'Pending' || status.reason === undefined) continue;
          gates.set(status.reason, (gates.get(status.reason) ?? 0) + 1);
        }
        return [...gates].map(([gate, count]) => [{ gate }, count]);
      },
    );
  }

  #authorities(): void {
    this.#gauge(
      'cert_rotator_ca_not_after',
      'End of validity of a stored CA, seconds since 1970.',
      ['ca'],
      (world) => Object.entries(world.vault.cas).map(([ca, { notAfter }]) => [{ ca }, seconds(notAfter)]),
    );
  }
}

type RowValue = (row: InventoryRow, now: Date) => number;

function valuesOf(value: RowValue) {
  return function* values(world: World): Generator<readonly [CertificateLabels, number]> {
    for (const [node, row] of shownRows(world)) yield [labelsOf(node, row), value(row, world.now)];
  };
}

function* shownRows(world: World): Generator<readonly [string, InventoryRow]> {
  const detailed = world.inventories.size <= detailedUpTo;
  for (const [node, { certificates }] of world.inventories) {
    const rows = certificates.filter(({ notAfter }) => notAfter !== '');
    const [first] = rows.toSorted((a, b) => seconds(a.notAfter) - seconds(b.notAfter));
    for (const row of detailed ? rows : [first]) if (row !== undefined) yield [node, row];
  }
}

function labelsOf(nodename: string, row: InventoryRow): CertificateLabels {
  return {
    nodename,
    filename: row.path.slice(row.path.lastIndexOf('/') + 1),
    filepath: row.path,
    // x509-certificate-exporter shows serial numbers in decimal.
    serial_number: /^[0-9a-f]+$/.test(row.serial) ? BigInt(`0x${row.serial}`).toString() : '',
    subject_CN: commonName(row.subject),
    issuer_CN: commonName(row.issuer),
  };
}

function commonName(subject: string): string {
  return /(?:^|[,+]\s*)CN\s*=\s*((?:\\.|[^,+\\])*)/.exec(subject)?.[1]?.trim() ?? '';
}

function seconds(time: string): number {
  return Date.parse(time) / 1000;
}

function oldestDue(world: World): number {
  const waits = world.rotations
    .filter((rotation) => isWaiting(rotation))
    .map(({ status }) => (world.now.getTime() - Date.parse(status?.dueAt ?? '')) / 1000)
    .filter((wait) => wait > 0);
  return Math.max(0, ...waits);
}

function isWaiting({ status }: CertificateRotation): boolean {
  return status?.phase === 'Scheduled' || status?.phase === 'Pending';
}
