// Every alert, judged by promtool: it fires when it should, with these words, not before, and not when all is well again.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { buildTool } from '../../scripts/tool.ts';
import { alerts, runbookFile } from './alerts.ts';

interface Case {
  readonly alert: string;
  readonly about: string;
  /** Between two values and two looks. */
  readonly every?: '10m' | '1h';
  /** Series with their values as promtool writes them: `ax5` is a five times more, `stale` its end, `_` no value. */
  readonly series: Readonly<Record<string, string>>;
  readonly quiet: readonly string[];
  readonly fires: readonly {
    readonly at: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly summary: string;
  }[];
}

const leaf = (serial: number) =>
  `certificate_expires_time{nodename="n1",filepath="/pki/apiserver.crt",subject_CN="kube-apiserver",serial_number="${serial}"}`;
const leafLabels = { nodename: 'n1', filepath: '/pki/apiserver.crt', subject_CN: 'kube-apiserver' };
/** Ends after so many days; after `samples` another one takes its place. */
const endsAfter = (days: number, samples: number) => ({
  [leaf(1)]: `${days * 86_400}x${samples - 1} stale`,
  [leaf(2)]: `_x${samples - 1} 34560000x100`,
});
const gate = (name: string, instance: string) =>
  `cert_rotator_gate_closed{gate="${name}",instance="${instance}"}`;
const failed = (result: string) =>
  `cert_rotator_rotation_failed{nodename="n1",result="${result}",reason="NotProved"}`;
const unseen = (nodename: string, instance: string) =>
  `cert_rotator_unseen_components{nodename="${nodename}",instance="${instance}"}`;

const cases: readonly Case[] = [
  {
    alert: 'CertificateExpiresSoon',
    about: 'a day after 30 days remain, until it is renewed',
    series: endsAfter(32, 500),
    quiet: ['1d23h', '2d23h', '3d13h'],
    fires: [
      {
        at: '3d1h',
        labels: leafLabels,
        summary: 'n1: /pki/apiserver.crt ends within 30 days and has been so for a day',
      },
    ],
  },
  {
    alert: 'CertificateExpiresVerySoon',
    about: 'when 10 days remain, until it is renewed',
    series: endsAfter(12, 320),
    quiet: ['1d23h', '2d8h'],
    fires: [{ at: '2d10m', labels: leafLabels, summary: 'n1: /pki/apiserver.crt ends within 10 days' }],
  },
  {
    alert: 'CertificateExpired',
    about: 'at its end, until it is renewed',
    series: endsAfter(2, 320),
    quiet: ['1d23h50m', '2d8h'],
    fires: [{ at: '2d10m', labels: leafLabels, summary: 'n1: /pki/apiserver.crt has expired' }],
  },
  {
    alert: 'CertificateAuthorityEndsWithinAYear',
    about: 'a year before its end, until it is replaced',
    every: '1h',
    series: { 'cert_rotator_ca_not_after{ca="etcd"}': '31968000x200 345600000x100' },
    quiet: ['4d23h', '10d'],
    fires: [{ at: '5d2h', labels: { ca: 'etcd' }, summary: 'CA etcd ends within a year' }],
  },
  {
    alert: 'CertificateAuthorityEndsSoon',
    about: 'ninety days before its end, until it is replaced',
    every: '1h',
    series: { 'cert_rotator_ca_not_after{ca="etcd"}': '8640000x300 345600000x100' },
    quiet: ['9d23h', '14d'],
    fires: [{ at: '10d2h', labels: { ca: 'etcd' }, summary: 'CA etcd ends within 90 days' }],
  },
  {
    alert: 'CertRotatorRotationFailed',
    about: 'from the failure to the next success',
    series: { [failed('RolledBack')]: '_x5 1x11 stale' },
    quiet: ['50m', '3h30m'],
    fires: [
      {
        at: '1h30m',
        labels: { nodename: 'n1', result: 'RolledBack', reason: 'NotProved' },
        summary: 'n1: the last rotation ended RolledBack (NotProved)',
      },
    ],
  },
  {
    alert: 'CertRotatorRotationFailed',
    about: 'not when a person is needed, which has an alert of its own',
    series: { [failed('NeedsManual')]: '1x20' },
    quiet: ['2h'],
    fires: [],
  },
  {
    alert: 'CertRotatorNeedsManual',
    about: 'from the moment on in which a person is needed, until one has helped',
    series: { [failed('NeedsManual')]: '_x5 1x11 stale' },
    quiet: ['50m', '3h30m'],
    fires: [
      {
        at: '1h30m',
        labels: { nodename: 'n1', reason: 'NotProved' },
        summary: 'n1: a rotation stopped half-way and needs a person (NotProved)',
      },
    ],
  },
  {
    alert: 'CertRotatorGateShut',
    about: 'after a day, although another controller leads in between, until it opens',
    series: {
      [gate('NodeNotReady', 'a')]: '3x71 stale',
      [gate('NodeNotReady', 'b')]: '_x73 2x80 stale',
      [gate('ParallelLimit', 'a')]: '100x300',
      [gate('OutsideWindow', 'a')]: '100x300',
      [gate('Paused', 'a')]: '100x300',
    },
    quiet: ['23h50m', '1d6h'],
    fires: [
      {
        at: '1d30m',
        labels: { gate: 'NodeNotReady' },
        summary: 'Gate NodeNotReady has held rotations for a day (2 now)',
      },
    ],
  },
  {
    alert: 'CertRotatorQueueOld',
    about: 'when something has been due for three days, until the queue moves',
    series: { cert_rotator_oldest_due_seconds: '0+600x450 0x50' },
    quiet: ['72h', '76h'],
    fires: [{ at: '73h', labels: {}, summary: 'A rotation has been due for 3d 1h 0m 0s' }],
  },
  {
    alert: 'CertRotatorScanStale',
    about: 'two intervals after the last scan, and for a node that never was scanned; until it is scanned',
    series: {
      'cert_rotator_scan_interval_seconds{instance="a"}': '86400x600',
      'cert_rotator_last_scan_time{nodename="never"}': '0x350 211200x200',
      'cert_rotator_last_scan_time{nodename="often"}': '0+600x600',
    },
    quiet: ['2d', '2d50m', '2d12h'],
    fires: [
      {
        at: '2d2h',
        labels: { nodename: 'never' },
        summary: 'never: its certificates were not read for two scan intervals',
      },
    ],
  },
  {
    alert: 'CertRotatorUnseen',
    about: 'after an hour, although another controller leads in between, until all is seen',
    series: {
      [unseen('n1', 'a')]: '0x5 2x5 stale',
      [unseen('n1', 'b')]: '_x13 2x10 0x20',
      [unseen('n2', 'a')]: '0x11 stale',
      [unseen('n2', 'b')]: '_x13 0x31',
    },
    quiet: ['50m', '1h50m', '4h20m'],
    fires: [
      {
        at: '2h10m',
        labels: { nodename: 'n1' },
        summary: 'n1: components of the control plane cannot be seen and are not renewed: 2',
      },
      {
        at: '3h50m',
        labels: { nodename: 'n1' },
        summary: 'n1: components of the control plane cannot be seen and are not renewed: 2',
      },
    ],
  },
  {
    alert: 'CertRotatorUnseen',
    about: 'not in an upgrade, which takes one manifest after the other away for minutes',
    series: { [unseen('n1', 'a')]: '0x5 1x3 0x20' },
    quiet: ['1h10m', '1h30m', '2h', '2h30m'],
    fires: [],
  },
  {
    alert: 'CertRotatorPaused',
    about: 'after three days, for the cluster and for a node, until it goes on',
    series: {
      'cert_rotator_paused{scope="cluster",nodename=""}': '0x10 1x460 0x100',
      'cert_rotator_paused{scope="node",nodename="n1"}': '1x460 stale',
    },
    quiet: ['2d23h', '3d8h'],
    fires: [
      {
        at: '3d3h',
        labels: { scope: 'node', nodename: 'n1' },
        summary: 'Rotations are paused for three days (node n1)',
      },
      { at: '3d3h', labels: { scope: 'cluster' }, summary: 'Rotations are paused for three days (cluster )' },
    ],
  },
  {
    alert: 'CertRotatorConfigurationRefused',
    about: 'after a quarter of an hour, until it is good again',
    series: {
      'cert_rotator_configuration_refused{instance="a"}': '0x5 1x12 0x20',
      'cert_rotator_configuration_refused{instance="b"}': '0x40',
    },
    quiet: ['1h10m', '4h'],
    fires: [{ at: '2h', labels: {}, summary: 'The configuration is refused; the last good one is in force' }],
  },
  {
    alert: 'CertRotatorNotWorking',
    about: 'after half an hour without a good pass, until one comes through; who stands by has none',
    series: {
      'cert_rotator_last_pass_time{instance="leads"}': '0+600x6 3600x10 10200+600x20',
      'cert_rotator_last_pass_time{instance="stands by"}': '0x60',
    },
    quiet: ['50m', '1h30m', '3h10m'],
    fires: [
      {
        at: '2h',
        labels: {},
        summary: 'The loop has not come through without an error for 1h 0m 0s',
      },
    ],
  },
  {
    alert: 'CertRotatorAbsent',
    about: 'when nobody leads, or nothing is heard; not while another takes over',
    series: {
      'cert_rotator_leader{instance="a"}': '1x5 0x30',
      'cert_rotator_leader{instance="b"}': '0x6 1x10 stale _x10 1x10',
    },
    quiet: ['1h10m', '2h50m', '5h'],
    fires: [{ at: '4h', labels: {}, summary: 'No controller leads, or its metrics cannot be read' }],
  },
];

let directory: string;
let promtool: string;
const rules = resolve(import.meta.dirname, '../chart/files/alerts.yaml');

beforeAll(() => {
  promtool = buildTool('promtool');
  directory = mkdtempSync(join(tmpdir(), 'alerts-'));
}, 1_800_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const run = (...args: readonly string[]): string =>
  execFileSync(promtool, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

function testFile({ alert, every = '10m', series, quiet, fires }: Case): string {
  const { severity } = alerts.find(({ name }) => name === alert) ?? { severity: '' };
  const moments = [...new Set([...quiet, ...fires.map(({ at }) => at)])];
  return stringify({
    rule_files: [rules],
    evaluation_interval: every,
    tests: [
      {
        interval: every,
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: moments.map((moment) => ({
          eval_time: moment,
          alertname: alert,
          exp_alerts: fires
            .filter(({ at }) => at === moment)
            .map(({ labels, summary }) => ({
              exp_labels: { severity, ...labels },
              exp_annotations: { summary, runbook_url: `${runbookFile}#${alert.toLowerCase()}` },
            })),
        })),
      },
    ],
  });
}

describe('the alerts', () => {
  test('are rules that promtool accepts, without a word', () => {
    expect(run('check', 'rules', '--lint=all', '--lint-fatal', rules)).toContain('SUCCESS');
  });

  test.each(cases)('$alert: $about', (one) => {
    const file = join(directory, 'test.yaml');
    writeFileSync(file, testFile(one));
    expect(run('test', 'rules', file)).toContain('SUCCESS');
  });

  test.each(alerts)('$name has a case that fires and one that is over', ({ name }) => {
    const own = cases.filter(({ alert }) => alert === name);
    expect(own.some(({ fires, quiet }) => fires.length > 0 && quiet.length > 1)).toBe(true);
  });
});
