import { readFileSync } from 'node:fs';
import { assert, json, oneof, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CertError } from '../errors.ts';
import { defaultConfiguration, parseConfiguration, parseDuration } from './configuration.ts';

const day = 86_400_000;

describe('parseConfiguration', () => {
  it('gives the documented defaults for an empty file', () => {
    expect(parseConfiguration('')).toEqual(defaultConfiguration);
    expect(defaultConfiguration).toMatchObject({
      mode: 'auto',
      paused: false,
      lifetimes: { kubelet: 91 * day, controlPlane: 365 * day },
      trigger: { percent: 20, days: 30 },
      scanInterval: day,
      parallelScans: 40,
      planHorizon: 30 * day,
      groupWithin: 7 * day,
      settle: 30_000,
      windows: [],
      keyPolicy: 'new',
      clockSkewLimit: 300_000,
      backdate: 3_600_000,
      kubelet: { serving: 'manage', restart: 'always' },
      urgent: 7 * day,
      canary: { enabled: false },
      stageTool: 'controlPlanes',
      publicNamespace: 'cpaas-system',
    });
  });

  it('has every field, with its default, in the chart’s values, but what the chart itself says', () => {
    const values = readFileSync(new URL('../../deploy/chart/values.yaml', import.meta.url), 'utf8');
    const [, block = ''] = /^config: \{\}\n((?: {2}# .*\n)+)/m.exec(values) ?? [];
    const text = block.replaceAll(/^ {2}# /gm, '');
    const fromChart = ['images', 'publicNamespace', 'extraHostPaths'];
    const named = [...Object.keys(parse(text)), ...fromChart];
    expect(named.toSorted()).toEqual(Object.keys(defaultConfiguration).toSorted());
    expect(parseConfiguration(text)).toEqual(defaultConfiguration);
  });

  it('reads every kind of field', () => {
    const configuration = parseConfiguration(`
mode: manual
lifetimes: { kubelet: 1h, controlPlane: 1h30m }
trigger: { percent: 90 }
groupWithin: 0
windows:
  - { cron: "0 1 * * 6", duration: 4h, zone: Asia/Shanghai }
extraHostPaths: [/opt/pki]
`);
    expect(configuration.lifetimes).toEqual({ kubelet: 3_600_000, controlPlane: 5_400_000 });
    expect(configuration.trigger).toEqual({ percent: 90, days: 30 });
    expect(configuration.groupWithin).toBe(0);
    expect(configuration.windows).toEqual([
      { cron: '0 1 * * 6', duration: 14_400_000, zone: 'Asia/Shanghai' },
    ]);
    expect(configuration.extraHostPaths).toEqual(['/opt/pki']);
    expect(configuration.mode).toBe('manual');
  });

  const refused: Record<string, { text: string; says: RegExp }> = {
    'an unknown field': { text: 'modus: auto', says: /modus: unknown field/ },
    'an unknown field inside': {
      text: 'lifetimes: { worker: 1d }',
      says: /lifetimes\.worker: unknown field/,
    },
    'a duration without a unit': { text: 'settle: 30', says: /settle: must be a duration/ },
    'a duration with an unknown unit': { text: 'settle: 1w', says: /settle: must be a duration/ },
    'a negative duration': { text: 'settle: -5s', says: /settle: must be a duration/ },
    'a lifetime of nothing': { text: 'lifetimes: { kubelet: 0s }', says: /kubelet: must be at least 1m/ },
    'a lifetime over a hundred years': { text: 'lifetimes: { kubelet: 40000d }', says: /at most 36500d/ },
    'a trigger over the lifetime': {
      text: 'lifetimes: { kubelet: 20d }\ntrigger: { days: 25 }',
      says: /trigger\.days: 25 days are not shorter than the lifetime of 20d/,
    },
    'a trigger share that no renewal could gain': {
      text: 'trigger: { percent: 95 }',
      says: /from 0 to 90/,
    },
    'a mode that does not exist': { text: 'mode: on', says: /mode: must be one of auto, manual, observe/ },
    'a backdate over an hour': { text: 'backdate: 2h', says: /backdate: must be at most 1h/ },
    'an unreadable cron': { text: 'windows: [{ cron: "nonsense" }]', says: /windows\.0: cron "nonsense"/ },
    'an unknown zone': {
      text: 'windows: [{ cron: "0 1 * * *", zone: Mars/Base }]',
      says: /zone "Mars\/Base"/,
    },
    'a relative host path': { text: 'extraHostPaths: [etc]', says: /extraHostPaths\.0: must be an absolute/ },
    'a host path that climbs': { text: 'extraHostPaths: [/a/../b]', says: /absolute path without/ },
    'the whole of the kubelet': { text: 'extraHostPaths: [/var/lib/kubelet]', says: /may not be mounted/ },
    'a list in place of the file': { text: '- mode: auto', says: /the file: must be a mapping/ },
    'a field twice': { text: 'mode: auto\nmode: auto', says: /not YAML.*unique/ },
    'broken YAML': { text: 'mode: [auto', says: /not YAML/ },
    'an alias without an anchor': { text: 'mode: *x', says: /not YAML|alias/ },
    'a retry wait that shrinks': { text: 'backoff: { first: 1h, most: 1m }', says: /backoff\.most/ },
  };
  it.each(Object.entries(refused))('refuses %s', (_, { text, says }) => {
    expect(() => parseConfiguration(text)).toThrow(says);
    expect(() => parseConfiguration(text)).toThrow(CertError);
  });

  it('names every fault at once', () => {
    expect(() => parseConfiguration('mode: on\nsettle: x\nfoo: 1')).toThrow(/mode[^]*settle[^]*foo/);
  });

  it('throws nothing but its own error, whatever the text', () => {
    assert(
      property(oneof(string(), json()), (text) => {
        try {
          parseConfiguration(text);
        } catch (error) {
          return error instanceof CertError;
        }
        return true;
      }),
    );
  });
});

describe('parseDuration', () => {
  it.each([
    ['90s', 90_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['91d', 91 * day],
    ['0s', 0],
    ['', undefined],
    ['1', undefined],
    ['1.5h', undefined],
    ['1 h', undefined],
  ])('%s is %s', (text, expected) => {
    expect(parseDuration(text)).toBe(expected);
  });
});
