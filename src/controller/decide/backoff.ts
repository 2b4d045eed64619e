// When a certificate may be tried again. A failure makes those wait that were in it, and no others of the node: its
// other components have nothing to do with it. A refusal of the signer is about one of them, and it does not say which:
// they are tried apart, so that what it would sign does not wait for what it will not.
import type { CertificateId } from '../../catalogue/ids.ts';
import { entryOf } from '../../catalogue/table.ts';
import type { CertificateRotation, FailedAttempts } from '../../kube/types.ts';
import { rfc3339 } from '../../pki/time.ts';
import type { World } from '../world.ts';
import { lifetimeOf } from '../../policy/renewable.ts';
import type { RenewableCertificate } from './candidates.ts';
import { isPlanned } from './rotation-object.ts';
import { isTerminal, wasNeverBegun } from '../../kube/objects.ts';
import type { NodeView } from './view.ts';

const hour = 3_600_000;
/** A failed rotation is tried again after 1 h, 2 h, … 32 h, as cert-manager does. */
const firstRetry = hour;
const doublings = 5;

export interface Retry {
  /** Attempts in a row that were to renew it and did not. */
  readonly failures: number;
  readonly notBefore: Date;
  /** With what else it is tried: with what has the same. Undefined: with all that failed and was not refused. */
  readonly part: string | undefined;
}

/** For each certificate of the node; undefined: nothing was ever tried on it. */
export function retriesOf(
  node: NodeView,
  certificates: readonly RenewableCertificate[],
  { configuration }: World,
): ReadonlyMap<CertificateId, Retry> | undefined {
  const ended = endedOf(node);
  const failures = failuresOf(node);
  if (ended.length === 0 && failures.length === 0) return undefined;
  // With lifetimes of an hour a wait of an hour would outlive the certificate.
  const shortest = Math.min(...certificates.map(({ id }) => lifetimeOf(id, configuration)));
  const rest = restAfter(ended.at(-1), shortest);
  const byId = new Map(failures.map((one) => [one.id, one]));
  return new Map(certificates.map(({ id }) => [id, retryOf(byId.get(id), rest, shortest)]));
}

function retryOf(failed: FailedAttempts | undefined, rest: number, shortest: number): Retry {
  if (failed === undefined) return { failures: 0, notBefore: new Date(rest), part: undefined };
  const { attempts, lastAt, part } = failed;
  const pause = Math.min(firstRetry, shortest / 10) * 2 ** Math.min(attempts - 1, doublings);
  const until = momentOf(lastAt) + pause;
  // The parts of what was refused follow each other: none of them has been renewed.
  return {
    failures: attempts,
    notBefore: new Date(part === undefined ? Math.max(rest, until) : until),
    part,
  };
}

/**
 * Whatever a node says is due: it is not restarted all the time. With a trigger of 90 % what is new is due again after
 * a tenth of its life.
 */
function restAfter(last: CertificateRotation | undefined, shortest: number): number {
  if (last?.status?.phase !== 'Succeeded' || !isPlanned(last)) return 0;
  const began = Date.parse(last.status.startedAt ?? last.status.finishedAt ?? '');
  return (began || 0) + Math.min(hour, shortest / 20);
}

/** What the next object of the node must carry on, since the oldest will go; undefined: there is nothing to remember. */
export function carriedOn(node: NodeView): readonly FailedAttempts[] | undefined {
  const failures = failuresOf(node);
  // That nothing fails any more must be said as long as an older one says otherwise.
  const isSaid = node.rotations.some(({ status }) => (status?.failedBefore ?? []).length > 0);
  return failures.length > 0 || isSaid ? failures : undefined;
}

/** Of each certificate the last attempt, where it failed: the newest object that carries them knows all before itself. */
function failuresOf(node: NodeView): readonly FailedAttempts[] {
  const newest = node.rotations.findLast(({ status }) => status?.failedBefore !== undefined);
  const known = new Map(newest?.status?.failedBefore?.map((one) => [one.id, one]));
  const from = newest?.metadata.creationTimestamp ?? '';
  for (const rotation of endedOf(node)) {
    if ((rotation.metadata.creationTimestamp ?? '') < from) continue;
    for (const id of rotation.spec.certificates) {
      if (momentOf(known.get(id)?.lastAt) > endOf(rotation)) continue;
      if (rotation.status?.phase === 'Succeeded') known.delete(id);
      else known.set(id, failureOf(id, rotation));
    }
  }
  return [...known.values()];
}

function failureOf(id: CertificateId, rotation: CertificateRotation): FailedAttempts {
  const { attempts = 1, finishedAt } = rotation.status ?? {};
  const part = partAfter(id, rotation);
  const lastAt = finishedAt ?? rfc3339(new Date(0));
  return { id, attempts, lastAt, ...(part === undefined ? {} : { part }) };
}

/** The next smaller part: of several components each by itself, then each certificate. */
function partAfter(id: CertificateId, { spec, status }: CertificateRotation): string | undefined {
  if (status?.phase !== 'Failed' || status.reason !== 'SigningRefused') return undefined;
  const { component } = entryOf(id);
  const isOfOne = spec.certificates.every((other) => entryOf(other).component === component);
  return isOfOne ? id : component;
}

/** The last to end comes last. */
function endedOf({ rotations }: NodeView): readonly CertificateRotation[] {
  return rotations
    .filter((rotation) => isTerminal(rotation) && !wasNeverBegun(rotation))
    .toSorted((a, b) => endOf(a) - endOf(b));
}

function endOf({ status }: CertificateRotation): number {
  return momentOf(status?.finishedAt);
}

function momentOf(time = ''): number {
  return Date.parse(time) || 0;
}
