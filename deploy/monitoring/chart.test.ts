// What the chart makes of the metrics: nothing that needs other people's custom resources unless it is asked for, and then
// objects that say the same as the program, its documents and its certificate.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { buildTool } from '../../scripts/tool.ts';
import { metricsService, metricsServing } from '../../src/controller/serving-keeper.ts';
import { ruleFile } from './alerts.ts';

const root = resolve(import.meta.dirname, '../..');
const documents = 'https://docs.example/ccr/';
let helm: string;
beforeAll(() => {
  helm = buildTool('helm');
}, 600_000);

interface Found {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
  readonly data?: Readonly<Record<string, string>>;
}

function render(...values: readonly string[]): readonly Found[] {
  const flags = ['--namespace', 'cpaas-system', '--kube-version', '1.34.0'];
  const only = ['--show-only', 'templates/metrics.yaml', ...values.flatMap((value) => ['--set', value])];
  const text = execFileSync(helm, ['template', 'x', 'deploy/chart', ...flags, ...only], {
    cwd: root,
    encoding: 'utf8',
  });
  return parseAllDocuments(text).map((document): Found => document.toJS());
}

const all = [
  'metrics.serviceMonitor.enabled=true',
  'metrics.readers[0].namespace=monitoring',
  'metrics.readers[0].name=prometheus',
  'alerts.enabled=true',
  `alerts.documents=${documents}`,
  'dashboard.enabled=true',
];

test('a Service alone, when nothing is asked for', () => {
  expect(render().map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`)).toEqual([
    `Service cluster-cert-rotator/${metricsService.name}`,
  ]);
});

test('each object that is asked for', () => {
  expect(
    render(...all)
      .map(({ kind }) => kind)
      .toSorted(),
  ).toEqual([
    'ClusterRole',
    'ClusterRoleBinding',
    'ConfigMap',
    'PrometheusRule',
    'Service',
    'ServiceMonitor',
  ]);
});

test('the ServiceMonitor looks for a name that the certificate has, with the CA of its Secret', () => {
  const monitor = render(...all).find(({ kind }) => kind === 'ServiceMonitor');
  expect(monitor?.metadata.namespace).toBe(metricsServing.namespace);
  expect(monitor?.spec).toMatchObject({
    endpoints: [
      {
        scheme: 'https',
        tlsConfig: {
          serverName: metricsServing.names[0],
          ca: { secret: { name: metricsServing.name, key: 'ca.crt' } },
        },
      },
    ],
  });
});

test('the PrometheusRule is the one that promtool has tried, each link a heading of the runbook', () => {
  const rule = render(...all).find(({ kind }) => kind === 'PrometheusRule');
  const text = JSON.stringify(rule?.spec);
  expect(JSON.parse(text.replaceAll(documents, ''))).toEqual(ruleFile());
  const headings = readFileSync(resolve(root, 'docs/alerts.md'), 'utf8').match(/^## .*$/gm) ?? [];
  const links = [...text.matchAll(/"runbook_url":"([^"]+)"/g)].map(([, url]) => url);
  expect(links).toEqual(
    headings.map((heading) => `${documents}docs/alerts.md#${heading.slice(3).toLowerCase()}`),
  );
});

test('alerts are refused whose links would lead nowhere', () => {
  expect(() => render('alerts.enabled=true')).toThrow('alerts.enabled=true needs alerts.documents');
  expect(render('alerts.enabled=true', `alerts.documents=${documents}`).map(({ kind }) => kind)).toContain(
    'PrometheusRule',
  );
});

test('the ConfigMap holds the dashboard', () => {
  const map = render(...all).find(({ kind }) => kind === 'ConfigMap');
  const text = map?.data?.['cluster-cert-rotator.json'] ?? '';
  expect(JSON.parse(text)).toMatchObject({ title: 'Cluster Cert Rotator' });
});
