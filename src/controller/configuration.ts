// The configuration file: every field with its default, read and validated as a whole. A file with anything wrong in
// it is refused as a whole, with every fault named at once; that the last good one stays is the loop's business.
import { Cron } from 'croner';
import * as v from 'valibot';
import { parseDocument } from 'yaml';
import { CertError } from '../errors.ts';
import { privateNamespace } from '../kube/types.ts';

/** The ConfigMap that the chart makes, whose text is the file. */
export const configurationRef = { name: 'cluster-cert-rotator-config', namespace: privateNamespace } as const;
export const configurationKey = 'config.yaml';

/** Milliseconds. In the file: `90s`, `5m`, `24h`, `30d`, also joined (`1h30m`); a plain `0` is allowed. */
export type Duration = number;

/** One maintenance window: open for `duration` from every moment that `cron` names in `zone` (IANA name). */
export interface Window {
  readonly cron: string;
  readonly duration: Duration;
  readonly zone: string;
}

/** What an operator may choose. Durations are milliseconds; shares are percent. */
export interface Configuration {
  /** auto renews; manual waits for an approval of each rotation; observe scans and plans and touches nothing. */
  readonly mode: 'auto' | 'manual' | 'observe';
  /** Nothing new is begun while true; what runs comes to its end. */
  readonly paused: boolean;
  readonly lifetimes: { readonly kubelet: Duration; readonly controlPlane: Duration };
  /** R1. `days` is a number of days and never counts for more than a third of the new lifetime. */
  readonly trigger: { readonly percent: number; readonly days: number };
  readonly scanInterval: Duration;
  /** Scans are spread over this time; below 50 nodes they are not spread at all. */
  readonly scanJitter: Duration;
  readonly parallelScans: number;
  /** What comes due within it is shown as Scheduled. */
  readonly planHorizon: Duration;
  /** What is served by the same restart joins a rotation when due within it; 0 is the manual's rule to the letter. */
  readonly groupWithin: Duration;
  readonly parallelWorkers: number;
  /** Rest between two rotations. */
  readonly settle: Duration;
  /** None: always open. */
  readonly windows: readonly Window[];
  readonly keyPolicy: 'new' | 'keep';
  readonly clockSkewLimit: Duration;
  readonly backdate: Duration;
  readonly kubelet: {
    /** R3: leave = kubelet.crt is watched and never written. */
    readonly serving: 'manage' | 'leave';
    /** R21. */
    readonly restart: 'always' | 'auto';
  };
  /** What a component has to come back after its restart. */
  readonly componentTimeout: Duration;
  /** Below it soft gates give way (R13). */
  readonly urgent: Duration;
  /** A failure stops all rotations for this long; then one try decides (R13). */
  readonly breaker: { readonly coolDown: Duration };
  /** Wait before a failed scan is tried again: doubles from `first` to `most`. */
  readonly backoff: { readonly first: Duration; readonly most: Duration };
  /** One node of a role goes first and the others wait `bake` after it (R27). */
  readonly canary: { readonly enabled: boolean; readonly bake: Duration };
  /** On which nodes the tool is laid down for a day without an API (R18). */
  readonly stageTool: 'controlPlanes' | 'all' | 'none';
  /** Whether the cluster serves cert-renew (S8). The chart's Deployment is made from the same value. */
  readonly download: { readonly enabled: boolean };
  /** Whether the web program serves the dashboard. The chart's Deployment is made from the same value. */
  readonly dashboard: { readonly enabled: boolean };
  readonly images: { readonly agent: string };
  /** Namespace of what others read: ConfigMaps, Secret kubernetes-ca. */
  readonly publicNamespace: string;
  /** Directories beside R18's list. The chart's admission policy is made from the same value. */
  readonly extraHostPaths: readonly string[];
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const unit: Readonly<Record<string, number>> = { s: second, m: minute, h: hour, d: day };
const longest = 36_500 * day;

/** Milliseconds of `90s`, `5m`, `24h`, `30d`, `1h30m`, or undefined. */
export function parseDuration(text: string): Duration | undefined {
  if (!/^(?:\d{1,9}[smhd]){1,4}$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, letter] of text.matchAll(/(\d+)([smhd])/g)) {
    total += Number(amount) * (unit[letter ?? ''] ?? Number.NaN);
  }
  return total;
}

const durationRule = 'must be a duration such as 90s, 5m, 24h, 30d or 1h30m, in quotes or plain';

function duration(least: Duration, fallback: string, most: Duration = longest) {
  return v.optional(
    v.pipe(
      v.union([v.string(), v.literal(0)], durationRule),
      v.transform((value) => (value === 0 ? 0 : parseDuration(value))),
      v.number(durationRule),
      v.minValue(least, `must be at least ${describeDuration(least)}`),
      v.maxValue(most, `must be at most ${describeDuration(most)}`),
    ),
    fallback,
  );
}

/** As in the file: `30d`, `90s`. */
export function describeDuration(value: Duration): string {
  for (const [letter, size] of [
    ['d', day],
    ['h', hour],
    ['m', minute],
  ] as const) {
    if (value >= size && value % size === 0) return `${value / size}${letter}`;
  }
  return `${value / second}s`;
}

function count(least: number, most: number, fallback: number) {
  const rule = `must be a whole number from ${least} to ${most}`;
  return v.optional(
    v.pipe(v.number(rule), v.integer(rule), v.minValue(least, rule), v.maxValue(most, rule)),
    fallback,
  );
}

function oneOf<const T extends readonly string[]>(options: T, fallback: T[number]) {
  return v.optional(v.picklist(options, `must be one of ${options.join(', ')}`), fallback);
}

function truth(fallback: boolean) {
  return v.optional(v.boolean('must be true or false'), fallback);
}

const dnsLabel = v.pipe(
  v.string('must be a name'),
  v.regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a namespace name'),
);

const hostPath = v.pipe(
  v.string('must be a path'),
  v.regex(/^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/, 'must be an absolute path without "." or ".." in it'),
  v.check(
    (path) => !/^\/(?:proc|sys|dev)(?:\/|$)|^\/var\/lib\/kubelet$|^\/var\/lib$|^\/var$/.test(path),
    'may not be mounted: it shows more than certificates (R18)',
  ),
);

const window = v.pipe(
  v.strictObject({
    cron: v.string('must be five cron fields in quotes'),
    duration: duration(minute, '1h', 7 * day),
    zone: v.optional(v.string('must be a time zone such as Asia/Shanghai'), 'UTC'),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const problem = windowProblem(dataset.value);
    if (problem !== undefined) addIssue({ message: problem });
  }),
);

function windowProblem({ cron, zone }: { cron: string; zone: string }): string | undefined {
  try {
    // The pattern is checked with a next run, since an unknown zone only shows when a date is asked for.
    if (new Cron(cron, { timezone: zone, paused: true }).nextRun() === null) {
      return `cron "${cron}" never comes`;
    }
    return undefined;
  } catch (error) {
    return `cron "${cron}" in zone "${zone}" cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

const schema = v.strictObject({
  mode: oneOf(['auto', 'manual', 'observe'], 'auto'),
  paused: truth(false),
  lifetimes: v.optional(
    v.strictObject({ kubelet: duration(minute, '91d'), controlPlane: duration(minute, '365d') }),
    {},
  ),
  trigger: v.optional(v.strictObject({ percent: count(0, 90, 20), days: count(0, 36_500, 30) }), {}),
  scanInterval: duration(10 * second, '24h', 31 * day),
  scanJitter: duration(0, '2h', 31 * day),
  parallelScans: count(1, 1000, 40),
  planHorizon: duration(0, '30d'),
  groupWithin: duration(0, '7d'),
  parallelWorkers: count(1, 100, 5),
  settle: duration(0, '30s', 7 * day),
  windows: v.optional(v.array(window, 'must be a list of windows'), []),
  keyPolicy: oneOf(['new', 'keep'], 'new'),
  clockSkewLimit: duration(second, '5m', day),
  // Over an hour a certificate could begin before what it replaces was even known (design §3, Time).
  backdate: duration(0, '1h', hour),
  kubelet: v.optional(
    v.strictObject({
      serving: oneOf(['manage', 'leave'], 'manage'),
      restart: oneOf(['always', 'auto'], 'always'),
    }),
    {},
  ),
  componentTimeout: duration(10 * second, '3m', hour),
  urgent: duration(0, '7d'),
  breaker: v.optional(v.strictObject({ coolDown: duration(0, '1h') }), {}),
  backoff: v.optional(v.strictObject({ first: duration(second, '1m'), most: duration(second, '6h') }), {}),
  canary: v.optional(v.strictObject({ enabled: truth(false), bake: duration(0, '1h') }), {}),
  stageTool: oneOf(['controlPlanes', 'all', 'none'], 'controlPlanes'),
  download: v.optional(v.strictObject({ enabled: truth(true) }), {}),
  dashboard: v.optional(v.strictObject({ enabled: truth(true) }), {}),
  images: v.optional(
    v.strictObject({
      agent: v.optional(
        v.pipe(
          v.string('must be an image reference'),
          v.regex(/^[^\s]{1,512}$/, 'must be an image reference'),
        ),
        'localhost/cluster-cert-rotator-agent:dev',
      ),
    }),
    {},
  ),
  publicNamespace: v.optional(dnsLabel, 'cpaas-system'),
  extraHostPaths: v.optional(v.array(hostPath, 'must be a list of paths'), []),
});

/** What holds when the file is empty. */
export const defaultConfiguration: Configuration = v.parse(schema, {});

/**
 * Reads the configuration file (YAML). The empty text gives the defaults.
 * Errors: MalformedYaml (with line), BadConfiguration (every fault, one a line).
 */
export function parseConfiguration(text: string, file = configurationKey): Configuration {
  const given = readYaml(text, file);
  if (Array.isArray(given)) throw refuse(file, ['the file: must be a mapping of fields']);
  const parsed = v.safeParse(schema, given);
  if (!parsed.success) throw refuse(file, parsed.issues.map(describeIssue));
  const problems = contradictions(parsed.output, given);
  if (problems.length > 0) throw refuse(file, problems);
  return parsed.output;
}

function readYaml(text: string, file: string): unknown {
  // a warning of the parser would go past the log
  const document = parseDocument(text, { prettyErrors: false, logLevel: 'error' });
  const [first] = document.errors;
  if (first !== undefined) {
    const before = text.slice(0, first.pos[0]);
    const line = before.split('\n').length;
    throw new CertError('MalformedYaml', `the configuration is not YAML: ${first.message}`, {
      file,
      line,
      column: first.pos[0] - before.lastIndexOf('\n'),
      cause: first,
    });
  }
  try {
    return document.toJS() ?? {};
  } catch (cause) {
    throw new CertError('MalformedYaml', 'the configuration has an alias without an anchor, or too many', {
      file,
      cause,
    });
  }
}

function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  if (issue.type === 'strict_object') {
    return issue.expected === 'never'
      ? `${path ?? issue.received}: unknown field`
      : `${path ?? 'the file'}: must be a mapping of fields`;
  }
  return path === null ? issue.message : `${path}: ${issue.message}`;
}

/** What every field by itself allows and all together do not. */
function contradictions(configuration: Configuration, given: unknown): string[] {
  const { lifetimes, trigger, backoff } = configuration;
  const shortest = Math.min(lifetimes.kubelet, lifetimes.controlPlane);
  const problems: string[] = [];
  // The default of 30 days is capped by R1 for short lifetimes; a number that a person wrote is taken at its word.
  if (wroteTriggerDays(given) && trigger.days * day >= shortest) {
    problems.push(
      `trigger.days: ${trigger.days} days are not shorter than the lifetime of ${describeDuration(shortest)}: ` +
        'a new certificate would be due at once',
    );
  }
  if (backoff.most < backoff.first) problems.push('backoff.most: must not be shorter than backoff.first');
  return problems;
}

function wroteTriggerDays(given: unknown): boolean {
  return v.is(v.looseObject({ trigger: v.looseObject({ days: v.number() }) }), given);
}

function refuse(file: string, problems: readonly string[]): CertError {
  return new CertError('BadConfiguration', `the configuration is refused:\n  ${problems.join('\n  ')}`, {
    file,
  });
}
