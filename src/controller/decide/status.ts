// Changes of a rotation's status. What would change nothing is no action: a world at rest is not written to.
import { isDeepStrictEqual } from 'node:util';
import { printable } from '../../formats/text.ts';
import { isTerminal, wasNeverBegun } from '../../kube/objects.ts';
import type { CertificateRotation, Condition, Phase, RotationStatus } from '../../kube/types.ts';
import type { Gate, Reason } from '../../policy/reasons.ts';
import type { Action, NewEvent } from '../world.ts';
import { rfc3339 } from '../../pki/time.ts';

/** Merges into the status as it is; nothing when it already says so. */
export function patch(rotation: CertificateRotation, change: Partial<RotationStatus>): Action[] {
  const before: RotationStatus = rotation.status ?? {};
  if (Object.entries(change).every(([key, value]) => says(before, key, value))) return [];
  return [{ type: 'patch-rotation-status', rotation, status: { ...before, ...change } }];
}

function says(status: RotationStatus, key: string, value: unknown): boolean {
  const known: unknown = Reflect.get(status, key);
  return known === value || (typeof value === 'object' && isDeepStrictEqual(known, value));
}

export interface Ending {
  readonly phase: Extract<Phase, 'Succeeded' | 'RolledBack' | 'Failed' | 'NeedsManual' | 'Superseded'>;
  readonly reason: Reason;
  readonly message: string;
}

/** Ends a rotation and tells it on both objects that an operator looks at. */
export function end(
  rotation: CertificateRotation,
  ending: Ending,
  now: Date,
  more: Partial<RotationStatus> = {},
): Action[] {
  const { phase, reason } = ending;
  const message = printable(ending.message);
  const status: Condition['status'] = phase === 'Succeeded' ? 'True' : 'False';
  const ready = { type: 'Ready', status, reason, message } as const;
  const changed = patch(rotation, {
    ...more,
    phase,
    reason,
    message,
    finishedAt: rfc3339(now),
    observedGeneration: rotation.metadata.generation ?? 1,
    conditions: withCondition(rotation, ready, now, more.conditions),
  });
  return [...changed, ...tell(rotation, warningOf(phase), reason, endText(phase, message))];
}

const endText = (phase: Phase, message: string): string => `${phase}: ${message}`;

/** Shorter than the hour for which Events are kept and remembered (events.ts): what was told is not told twice. */
const youngFor = 45 * 60_000;

/**
 * What `end` told lately, to be told again: an API server that goes away behind the status takes the Events with it, and the
 * leader, too. They have the names that they had, so that one that is there stays as it is.
 */
export function lateEndings(rotations: readonly CertificateRotation[], now: Date): NewEvent[] {
  const since = rfc3339(new Date(now.getTime() - youngFor));
  return rotations.flatMap((rotation) => {
    const { phase, reason = '', message = '', finishedAt = '' } = rotation.status ?? {};
    // Both are written by rfc3339, of which the order is that of time.
    if (phase === undefined || finishedAt <= since || !isTerminal(rotation)) return [];
    return wasNeverBegun(rotation)
      ? []
      : eventsOf(rotation, warningOf(phase), reason, endText(phase, message));
  });
}

function warningOf(phase: Phase): 'Normal' | 'Warning' {
  return phase === 'Succeeded' || phase === 'Superseded' ? 'Normal' : 'Warning';
}

/** The conditions with one of them replaced; its time of transition changes only with its status. */
export function withCondition(
  rotation: CertificateRotation,
  condition: Omit<Condition, 'lastTransitionTime'>,
  now: Date,
  among: readonly Condition[] = rotation.status?.conditions ?? [],
): readonly Condition[] {
  const before = among.find(({ type }) => type === condition.type);
  const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : rfc3339(now);
  return [...among.filter(({ type }) => type !== condition.type), { ...condition, lastTransitionTime }];
}

/** Events on the rotation and on its node. */
export function tell(
  rotation: CertificateRotation,
  type: NewEvent['type'],
  reason: Reason | Gate,
  message: string,
): Action[] {
  return eventsOf(rotation, type, reason, message).map((event) => ({ type: 'event', event }));
}

function eventsOf(
  rotation: CertificateRotation,
  type: NewEvent['type'],
  reason: string,
  message: string,
): NewEvent[] {
  const { name, uid } = rotation.metadata;
  const { nodeName, nodeUID } = rotation.spec;
  const about: NewEvent['about'][] = [{ kind: 'Node', name: nodeName, uid: nodeUID }];
  if (uid !== undefined) about.unshift({ kind: 'CertificateRotation', name, uid });
  return about.map((object) => ({ about: object, type, reason, message: printable(message) }));
}
