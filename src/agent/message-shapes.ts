// The shapes of what a container may say, checked field by field: the controller believes no node.
import { printable } from '../formats/text.ts';
import * as v from 'valibot';
import { caIds, certificateIds } from '../catalogue/ids.ts';
import { CertError } from '../errors.ts';
import { reasons, type Reason } from '../policy/reasons.ts';
import type { DoneResult, RotateResult, ScanResult } from './protocol.ts';

/** Without control characters: it is shown in terminals, by kubectl and in logs. */
const text = (most: number) => v.pipe(v.string(), v.maxLength(most), v.transform(printable));
const line = text(4096);
/** A moment that there is: V8 takes 30 February for 2 March, and month 13 for none at all. */
const time = v.pipe(
  v.string(),
  v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/u),
  v.check((value) => {
    const moment = Date.parse(value);
    return Number.isFinite(moment) && new Date(moment).toISOString().slice(0, 19) === value.slice(0, 19);
  }, 'must be a moment that there is'),
);
const serial = v.pipe(v.string(), v.maxLength(64), v.regex(/^[0-9a-f]*$/u));
const reason = v.custom<Reason>((value) => typeof value === 'string' && Object.hasOwn(reasons, value));
const schema = v.literal(1);

const row = v.strictObject({
  id: text(512),
  path: line,
  kind: v.picklist(['pair', 'combined', 'kubeconfig', 'ca']),
  ca: v.nullable(v.picklist(caIds)),
  subject: line,
  issuer: line,
  serial,
  notBefore: v.union([time, v.literal('')]),
  notAfter: v.union([time, v.literal('')]),
  sans: v.pipe(v.array(text(1024)), v.maxLength(1000)),
  keyAlgorithm: text(64),
  sha256: v.pipe(v.string(), v.regex(/^(?:[0-9a-f]{64})?$/u)),
  state: reason,
  reason: line,
});

const scan = v.strictObject({
  schema,
  machineID: text(128),
  clock: time,
  certificates: v.pipe(v.array(row), v.maxLength(1000)),
  notes: v.pipe(v.array(line), v.maxLength(1000)),
});

const rotate = v.strictObject({
  schema,
  outcome: v.picklist(['succeeded', 'rolled-back', 'needs-manual', 'refused', 'nothing-to-do']),
  reason,
  message: line,
  steps: v.pipe(
    v.array(
      v.strictObject({
        name: text(128),
        startedAt: time,
        finishedAt: time,
        result: v.picklist(['done', 'skipped', 'failed', 'rolled-back']),
        message: v.exactOptional(line),
      }),
    ),
    v.maxLength(200),
  ),
  certificates: v.pipe(
    v.array(
      v.strictObject({
        id: v.picklist(certificateIds),
        oldSerial: serial,
        newSerial: serial,
        oldNotAfter: v.union([time, v.literal('')]),
        newNotAfter: v.union([time, v.literal('')]),
        proof: v.exactOptional(line),
      }),
    ),
    v.maxLength(100),
  ),
});

const done = v.strictObject({ schema, message: line });

/** For `decodeMessages`: each gives its value or throws CertError `Unsupported`. */
export const checkers = {
  scan: (value: unknown): ScanResult => check(scan, value),
  rotate: (value: unknown): RotateResult => check(rotate, value),
  done: (value: unknown): DoneResult => check(done, value),
};

function check<T>(shape: v.GenericSchema<unknown, T>, value: unknown): T {
  const result = v.safeParse(shape, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const where = v.getDotPath(issue) ?? 'its root';
  throw new CertError(
    'Unsupported',
    `the agent’s message is not what it should be, at ${where}: ${issue.message}`,
  );
}
