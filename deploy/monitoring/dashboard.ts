// The Grafana dashboard, built from a list of panels: what runs out, what waits and why, what went wrong.

type Unit = 's' | 'short' | 'dateTimeFromNow' | 'd';
interface Query {
  readonly expr: string;
  /** Of a series in the legend. */
  readonly legend?: string;
  /** The newest value alone, as rows of a table. */
  readonly instant?: true;
}
interface Panel {
  readonly title: string;
  readonly about: string;
  readonly type: 'stat' | 'timeseries' | 'table' | 'bargauge';
  /** Of 24 columns. */
  readonly width: number;
  readonly height: number;
  readonly unit?: Unit;
  /** Values from which on it is orange, then red; with `low` down to which. */
  readonly warn?: readonly [number, number];
  readonly low?: true;
  readonly queries: readonly Query[];
}

const day = 86_400;
const ends = 'min by (nodename, filepath, subject_CN) (certificate_expires_time) - time()';

const overview: readonly Panel[] = [
  {
    title: 'First end',
    about: 'Until the first certificate expires.',
    type: 'stat',
    width: 4,
    height: 4,
    unit: 's',
    warn: [30 * day, 10 * day],
    low: true,
    queries: [{ expr: 'min(certificate_expires_time) - time()' }],
  },
  {
    title: 'Within 30 days',
    about: 'Certificates that end within 30 days; above 200 nodes, two of a node at most.',
    type: 'stat',
    width: 4,
    height: 4,
    warn: [1, 1_000_000],
    queries: [{ expr: `count(${ends} <= 30 * ${day}) or vector(0)` }],
  },
  {
    title: 'Expired',
    about: 'Certificates that have expired.',
    type: 'stat',
    width: 4,
    height: 4,
    warn: [1, 1],
    queries: [{ expr: `count(${ends} <= 0) or vector(0)` }],
  },
  {
    title: 'Queue',
    about: 'Rotations that are due and wait for their turn.',
    type: 'stat',
    width: 4,
    height: 4,
    queries: [{ expr: 'max(cert_rotator_queue_depth)' }],
  },
  {
    title: 'Oldest due',
    about: 'How long the longest waiting rotation has been due.',
    type: 'stat',
    width: 4,
    height: 4,
    unit: 's',
    warn: [day, 3 * day],
    queries: [{ expr: 'max(cert_rotator_oldest_due_seconds)' }],
  },
  {
    title: 'Leaders',
    about: 'Replicas that lead: one.',
    type: 'stat',
    width: 4,
    height: 4,
    warn: [0.5, 0.4],
    low: true,
    queries: [{ expr: 'sum(cert_rotator_leader)' }],
  },
];

const work: readonly Panel[] = [
  {
    title: 'Next to end',
    about: 'The twenty certificates that end first.',
    type: 'table',
    width: 12,
    height: 9,
    unit: 's',
    queries: [{ expr: `bottomk(20, ${ends})`, instant: true }],
  },
  {
    title: 'Rotations under way',
    about: 'By phase; what is only planned is left out.',
    type: 'timeseries',
    width: 12,
    height: 9,
    queries: [
      {
        expr: 'max by (phase) (cert_rotator_rotations{phase=~"Pending|Admitted|Running|Verifying"})',
        legend: '{{phase}}',
      },
    ],
  },
  {
    title: 'Why they wait',
    about: 'Rotations by the gate that holds them.',
    type: 'timeseries',
    width: 12,
    height: 8,
    queries: [{ expr: 'max by (gate) (cert_rotator_gate_closed)', legend: '{{gate}}' }],
  },
  {
    title: 'Ended in a day',
    about: 'Rotations that ended within the last day, by phase.',
    type: 'timeseries',
    width: 12,
    height: 8,
    queries: [
      {
        expr: 'sum by (result) (increase(cert_rotator_rotations_total[1d]))',
        legend: '{{result}}',
      },
    ],
  },
  {
    title: 'How long a rotation takes',
    about: 'From its admission to its end: the median, and what nine of ten stay below.',
    type: 'timeseries',
    width: 12,
    height: 8,
    unit: 's',
    queries: [0.5, 0.9].map((quantile) => ({
      expr: `histogram_quantile(${quantile}, sum by (le) (rate(cert_rotator_rotation_duration_seconds_bucket{result="Succeeded"}[1d])))`,
      legend: `${quantile * 100} %`,
    })),
  },
  {
    title: 'Nodes whose last rotation failed',
    about: 'Empty when all is well.',
    type: 'table',
    width: 12,
    height: 8,
    queries: [
      {
        expr: 'max by (nodename, result, reason) (cert_rotator_rotation_failed)',
        instant: true,
      },
    ],
  },
];

const around: readonly Panel[] = [
  {
    title: 'CAs',
    about: 'Until each CA ends.',
    type: 'bargauge',
    width: 8,
    height: 7,
    unit: 's',
    warn: [365 * day, 90 * day],
    low: true,
    queries: [{ expr: 'min by (ca) (cert_rotator_ca_not_after) - time()', legend: '{{ca}}' }],
  },
  {
    title: 'Oldest scans',
    about: 'Nodes whose certificates were read longest ago.',
    type: 'table',
    width: 8,
    height: 7,
    unit: 's',
    queries: [{ expr: 'topk(10, time() - max by (nodename) (cert_rotator_last_scan_time))', instant: true }],
  },
  {
    title: 'Passes of the loop',
    about: 'A minute, by how they ended.',
    type: 'timeseries',
    width: 8,
    height: 7,
    queries: [
      {
        // The good ones also where there are none, and a stalled loop shows; the others only where there are some.
        expr: 'sum by (result) (rate(cert_rotator_passes_total[5m])) * 60 > 0 or sum by (result) (rate(cert_rotator_passes_total{result="ok"}[5m])) * 60',
        legend: '{{result}}',
      },
    ],
  },
  {
    title: 'Paused',
    about: 'The cluster, and nodes one by one.',
    type: 'table',
    width: 6,
    height: 6,
    queries: [{ expr: 'max by (scope, nodename) (cert_rotator_paused) == 1', instant: true }],
  },
  {
    title: 'Not seen',
    about: 'How many components of a control plane its last scan could not see; empty when all is well.',
    type: 'table',
    width: 6,
    height: 6,
    queries: [{ expr: 'max by (nodename) (cert_rotator_unseen_components) > 0', instant: true }],
  },
  {
    title: 'Memory',
    about: 'Of the controller’s processes.',
    type: 'timeseries',
    width: 6,
    height: 6,
    queries: [
      { expr: 'process_resident_memory_bytes and on (instance) cert_rotator_leader', legend: '{{instance}}' },
    ],
  },
  {
    title: 'Processor',
    about: 'Of the controller’s processes, in processors.',
    type: 'timeseries',
    width: 6,
    height: 6,
    queries: [
      {
        expr: 'rate(process_cpu_seconds_total[5m]) and on (instance) cert_rotator_leader',
        legend: '{{instance}}',
      },
    ],
  },
];

const panels = [...overview, ...work, ...around];
export const queries: readonly Query[] = panels.flatMap((panel) => panel.queries);

const datasource = { type: 'prometheus', uid: '${datasource}' };

/** As Grafana imports it. */
export function dashboardFile(): string {
  let [x, y, rowHeight] = [0, 0, 0];
  const placed = panels.map((panel, i) => {
    if (x + panel.width > 24) [x, y, rowHeight] = [0, y + rowHeight, 0];
    const at = { x, y, w: panel.width, h: panel.height };
    [x, rowHeight] = [x + panel.width, Math.max(rowHeight, panel.height)];
    return panelJson(panel, i + 1, at);
  });
  const variable = { name: 'datasource', type: 'datasource', query: 'prometheus', label: 'Prometheus' };
  const dashboard = {
    uid: 'cluster-cert-rotator',
    title: 'Cluster Cert Rotator',
    tags: ['certificates', 'kubernetes'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    refresh: '1m',
    time: { from: 'now-7d', to: 'now' },
    templating: { list: [variable] },
    panels: placed,
  };
  return `${JSON.stringify(dashboard, undefined, 2)}\n`;
}

function panelJson(panel: Panel, id: number, gridPos: object): object {
  const targets = panel.queries.map(({ expr, legend, instant }, i) => ({
    refId: String.fromCodePoint(65 + i),
    datasource,
    expr,
    ...(legend === undefined ? {} : { legendFormat: legend }),
    ...(instant === true ? { instant: true, range: false, format: 'table' } : {}),
  }));
  const defaults = { unit: panel.unit ?? 'short', min: 0, ...thresholds(panel) };
  // An end in the past is below zero.
  const { min: _, ...signed } = defaults;
  return {
    id,
    title: panel.title,
    description: panel.about,
    type: panel.type,
    datasource,
    gridPos,
    targets,
    fieldConfig: { defaults: panel.type === 'timeseries' ? defaults : signed, overrides: [] },
  };
}

function thresholds({ warn, low }: Panel): object {
  if (warn === undefined) return {};
  const [orange, red] = warn;
  const steps =
    low === true
      ? [
          { color: 'red', value: null },
          { color: 'orange', value: red },
          { color: 'green', value: orange },
        ]
      : [
          { color: 'green', value: null },
          { color: 'orange', value: orange },
          { color: 'red', value: red },
        ];
  return { thresholds: { mode: 'absolute', steps } };
}
