// The documents and files of the chart that are made from the code's tables and from evidence: each path with its text.
//   node scripts/documents.ts     writes them; a test says when one is not current
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { stringify } from 'yaml';
import { scaleDocument, type Evidence } from '../bench/scale/document.ts';
import type { ScaleResult } from '../bench/scale/evidence.ts';
import { scalePicture } from '../bench/scale/picture.ts';
import type { Year } from '../bench/year.ts';
import { alerts, ruleFile, runbookFile, type Alert } from '../deploy/monitoring/alerts.ts';
import { dashboardFile } from '../deploy/monitoring/dashboard.ts';
import { detailedUpTo } from '../src/controller/metrics-certificates.ts';
import {
  counters,
  histograms,
  ownGauges,
  worldGauges,
  type MetricRow,
} from '../src/controller/metrics-table.ts';
import { pluginDocument } from './plugin-document.ts';

export const root = resolve(import.meta.dirname, '..');

const generated = 'Written by `node scripts/documents.ts` from';

const metricTable = (rows: readonly (MetricRow & { readonly type: string })[]): string => {
  const lines = rows.map(({ name, type, labels, help }) => {
    const names = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${names || 'none'} | ${help} |`;
  });
  return ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...lines].join('\n');
};

const typed = (type: string, rows: readonly MetricRow[]) => rows.map((row) => ({ ...row, type }));

function metricsDocument(): string {
  return `# Metrics

${generated} \`src/controller/metrics-table.ts\`.

Service \`cluster-cert-rotator-controller\` in namespace \`cluster-cert-rotator\`, port 8443, path \`/metrics\`, TLS by
\`ca.crt\` of Secret \`cluster-cert-rotator-controller-tls\`, for whom RBAC lets GET \`/metrics\`
([why](adr/0017-metrics-by-tls.md)). Chart values: \`metrics.serviceMonitor.enabled\` makes a ServiceMonitor,
\`metrics.readers\` names the ServiceAccounts that may read, \`alerts.enabled\` with \`alerts.documents\` and
\`dashboard.enabled\` the [alerts](alerts.md) and the Grafana dashboard.

Above ${detailedUpTo} nodes each node shows two certificates at most, so that a scrape of 5,000 nodes stays below a second: the
first to end of those that are renewed, and the first of the others (state \`Unmanaged\`, say), which hides none of the former
when it has run out and its alert is silenced. All of them are in ConfigMap \`node-local-certs-<node>\`.

## Of the cluster

From the replica that leads; one that stands by has none of them.

${metricTable(typed('gauge', worldGauges))}

## Of a replica

${metricTable([
  ...typed('gauge', Object.values(ownGauges)),
  ...typed('counter', Object.values(counters)),
  ...typed('histogram', Object.values(histograms)),
])}

Beside these, those of the process and of Node.js by the names that all clients of Prometheus give them: \`process_*\`,
\`nodejs_*\`.
`;
}

const alertSection = ({ name, severity, expr, for: lasts, means, steps }: Alert): string => `## ${name}

Severity ${severity}, after ${lasts}.

${means}

${steps.map((step, i) => `${i + 1}. ${step}`).join('\n')}

\`\`\`promql
${expr}
\`\`\`
`;

function alertsDocument(): string {
  const list = alerts.map(({ name, severity, for: lasts }) => {
    return `| [${name}](#${name.toLowerCase()}) | ${severity} | ${lasts} |`;
  });
  return `# Alerts and what to do

${generated} \`deploy/monitoring/alerts.ts\`.

The chart makes a PrometheusRule of them when \`alerts.enabled\` is set; annotation \`runbook_url\` leads here, for which
\`alerts.documents\` must say where you keep these documents (the address before \`docs/\`; without it the chart is refused). Each
is tried by promtool: that it fires, that it does not, that it resolves.

| alert | severity | after |
| --- | --- | --- |
${list.join('\n')}

${alerts.map(alertSection).join('\n')}`;
}

function readEvidence<T>(name: string): Evidence<T> {
  const evidence: Evidence<T> = JSON.parse(readFileSync(join(root, `docs/evidence/${name}.json`), 'utf8'));
  return evidence;
}

const isThere = (name: string): boolean => existsSync(join(root, `docs/evidence/${name}.json`));

/** Made from what `make bench` has left; nothing while it has left nothing. */
function scaleDocuments(): readonly (readonly [string, string])[] {
  if (!isThere('scale')) return [];
  const scale = readEvidence<ScaleResult>('scale');
  const year = ['year-5000', 'year-500'].find(isThere);
  return [
    ['docs/scale.md', scaleDocument(scale, year === undefined ? undefined : readEvidence<Year>(year))],
    ['docs/pictures/scale.svg', scalePicture(scale.result.sizes)],
  ];
}

export async function documents(): Promise<ReadonlyMap<string, string>> {
  const style = await resolveConfig(join(root, runbookFile));
  const markdown = async (text: string): Promise<string> => format(text, { ...style, parser: 'markdown' });
  return new Map([
    ...(await Promise.all(
      scaleDocuments().map(
        async ([path, text]) => [path, path.endsWith('.md') ? await markdown(text) : text] as const,
      ),
    )),
    ['docs/metrics.md', await markdown(metricsDocument())],
    [runbookFile, await markdown(alertsDocument())],
    ['docs/kubectl.md', await markdown(pluginDocument(generated))],
    ['deploy/chart/files/alerts.yaml', stringify(ruleFile(), { lineWidth: 0 })],
    ['deploy/chart/files/dashboard.json', dashboardFile()],
  ]);
}

if (import.meta.main) {
  for (const [path, text] of await documents()) writeFileSync(join(root, path), text);
}
