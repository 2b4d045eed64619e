// A CertificateRotation as the plan makes it: its name, its spec, its first status. The same world gives the same
// object, so two leaders create it once (design §3).
import { isDeepStrictEqual } from 'node:util';
import { components, type CertificateId, type Component, type NodeRole } from '../../catalogue/ids.ts';
import { entryOf } from '../../catalogue/table.ts';
import {
  annotations,
  apiVersion,
  type CertificateRotation,
  type FailedAttempts,
  type RotationStatus,
} from '../../kube/types.ts';
import { isTerminal } from '../../kube/objects.ts';
import type { Group } from '../../policy/grouping.ts';
import { labels, nodeLabel, shortHash, shortName } from '../labels.ts';
import type { RenewableCertificate } from './candidates.ts';
import type { NodeView } from './view.ts';
import { rfc3339 } from '../../pki/time.ts';

/** A name must also be good for a Pod's, with something before it. */
const maxName = 200;

/** What the plan wants of a node next. */
export interface Wish {
  readonly node: NodeView;
  /** Name without the attempt. */
  readonly base: string;
  readonly certificates: readonly RenewableCertificate[];
  /** All of the node, of which these are. */
  readonly renewable: readonly RenewableCertificate[];
  /** When it is due, or may be tried again. */
  readonly dueAt: Date;
  /** Failures in a row before it. */
  readonly failures: number;
  /** What would be due with it and cannot be signed, in words. */
  readonly leftOut: string | undefined;
  /** What of the node has failed; undefined: nothing to remember. */
  readonly failedBefore: readonly FailedAttempts[] | undefined;
  /** Its moment has come. */
  readonly isDue: boolean;
  /** One of its certificates has ended. */
  readonly hasExpired: boolean;
}

export function wishOf(
  node: NodeView,
  { ids, dueAt }: Group,
  renewable: readonly RenewableCertificate[],
  { now, ...more }: Pick<Wish, 'failures' | 'leftOut' | 'failedBefore'> & { readonly now: Date },
): Wish {
  const chosen = chosenOf(node, ids, renewable);
  const time = now.getTime();
  const isDue = time > dueAt.getTime();
  const hasExpired = chosen.certificates.some(({ notAfter }) => notAfter.getTime() < time);
  return { node, ...chosen, renewable, dueAt, ...more, isDue, hasExpired };
}

type Chosen = Pick<Wish, 'base' | 'certificates'>;

/** The base is the node's name, and a hash over its UID, the ids and the old serials. */
function chosenOf(
  node: NodeView,
  ids: readonly CertificateId[],
  renewable: readonly RenewableCertificate[],
): Chosen {
  const known = lastChosen.get(renewable);
  if (known?.uid === node.uid && areSame(known.ids, ids)) return known.chosen;
  const certificates = renewable.filter(({ id }) => ids.includes(id));
  const identity = [node.uid, ...certificates.flatMap(({ id, row }) => [id, row.serial])].join('\n');
  const base = shortName(`${node.name}-${shortHash(identity)}`, maxName);
  const chosen = { certificates, base };
  lastChosen.set(renewable, { ids, uid: node.uid, chosen });
  return chosen;
}

/** What was computed last for the certificates of a node: hashing for thousands of them is most of a pass. */
const lastChosen = new WeakMap<
  readonly RenewableCertificate[],
  { readonly ids: readonly CertificateId[]; readonly uid: string; readonly chosen: Chosen }
>();

function areSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}

/** Whether this object is an attempt at that wish: the same machine, certificates and serials, by spec and by name. */
export function isAttemptAt(rotation: CertificateRotation, { base, certificates }: Wish): boolean {
  const { certificates: ids } = rotation.spec;
  const isThese = ids.length === certificates.length && certificates.every(({ id }, at) => id === ids[at]);
  return isThese && attemptOf(rotation, base) !== undefined;
}

export function attemptOf({ metadata }: CertificateRotation, base: string): number | undefined {
  if (!metadata.name.startsWith(`${base}-`)) return undefined;
  const attempt = metadata.name.slice(base.length + 1);
  return /^\d{1,6}$/.test(attempt) ? Number(attempt) : undefined;
}

/** `replaced`: what waits and gives way to it. */
export function rotationFor(wish: Wish, replaced: readonly CertificateRotation[]): CertificateRotation {
  const { node, base, certificates } = wish;
  const ids = new Set<CertificateId>(certificates.map(({ id }) => id));
  // What was approved is in it: that others have joined makes nobody approve it again.
  const approved = replaced.some(
    (one) => isApproved(one) && one.spec.certificates.every((id) => ids.has(id)),
  );
  const attempts = node.rotations.flatMap((rotation) => attemptOf(rotation, base) ?? []);
  return {
    apiVersion,
    kind: 'CertificateRotation',
    metadata: {
      name: `${base}-${Math.max(0, ...attempts) + 1}`,
      labels: { [labels.planned]: 'true', [labels.node]: nodeLabel(node.name) },
      ...(approved ? { annotations: { [annotations.approved]: 'true' } } : {}),
    },
    spec: {
      nodeName: node.name,
      nodeUID: node.uid,
      certificates: certificates.map(({ id }): CertificateId => id),
      reason: wish.hasExpired ? 'Expired' : 'Due',
    },
    status: plannedStatus(wish),
  };
}

/** Made by the plan, not by a person. */
export function isPlanned({ metadata }: CertificateRotation): boolean {
  return metadata.labels?.[labels.planned] === 'true';
}

/** What is not to keep a key that others may know. */
export function wantsNewKeys(rotation: CertificateRotation): boolean {
  return rotation.spec.reason === 'Compromised' && !isTerminal(rotation);
}

export function isApproved({ metadata }: CertificateRotation): boolean {
  return metadata.annotations?.[annotations.approved] === 'true';
}

/** What a table shows of a rotation beside its plan: the role, the certificates in few words, what it does. */
export function summaryOf(
  role: NodeRole,
  ids: readonly CertificateId[],
): Required<Pick<RotationStatus, 'role' | 'summary' | 'step'>> {
  const [first = '', ...others] = ids;
  const restarted = components.filter(
    (one) => restarts.has(one) && ids.some((id) => entryOf(id).component === one),
  );
  return {
    role,
    summary: others.length === 0 ? first : `${first} +${others.length}`,
    step: ['renew', ...restarted.map((one) => `restart ${one}`)].join(', '),
  };
}

/** etcd reloads by itself; administrators' kubeconfigs have no process. */
const restarts: ReadonlySet<Component> = new Set([
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
]);

export type PlannedStatus = Required<
  Pick<
    RotationStatus,
    'reason' | 'message' | 'dueAt' | 'attempts' | 'certificates' | 'role' | 'summary' | 'step'
  >
> &
  Pick<RotationStatus, 'failedBefore'> & { readonly phase: 'Scheduled' | 'Pending' };

/**
 * The status of a plan: absolute times, so that it changes only when the plan does. The same value for the same wish:
 * thousands are asked about in every pass.
 */
export function plannedStatus(wish: Wish): PlannedStatus {
  const known = plannedStatuses.get(wish.renewable);
  const isSame = known !== undefined && saysTheSame(known.wish, wish);
  const status = isSame ? known.status : makePlannedStatus(wish);
  // The wish is this one also then: an earlier one would keep the Node of its day in memory.
  plannedStatuses.set(wish.renewable, { wish, status });
  return status;
}

/** What was said last of the certificates of a node. */
const plannedStatuses = new WeakMap<
  readonly RenewableCertificate[],
  { readonly wish: Wish; readonly status: PlannedStatus }
>();

/** In all that the status of a plan depends on. */
function saysTheSame(a: Wish, b: Wish): boolean {
  return (
    a === b ||
    (a.certificates === b.certificates &&
      a.failures === b.failures &&
      a.leftOut === b.leftOut &&
      a.dueAt.getTime() === b.dueAt.getTime() &&
      a.isDue === b.isDue &&
      a.hasExpired === b.hasExpired &&
      isDeepStrictEqual(a.failedBefore, b.failedBefore))
  );
}

function makePlannedStatus(wish: Wish): PlannedStatus {
  const { certificates, dueAt, failures, leftOut, failedBefore } = wish;
  const end = new Date(Math.min(...certificates.map(({ notAfter }) => notAfter.getTime())));
  const again = failures === 0 ? '' : `, attempt ${failures + 1}`;
  const without = leftOut === undefined ? '' : `; ${leftOut}`;
  const dueText = rfc3339(dueAt);
  return {
    ...summaryOf(
      wish.node.role,
      certificates.map(({ id }) => id),
    ),
    phase: wish.isDue ? 'Pending' : 'Scheduled',
    reason: reasonOf(wish),
    message: `due ${dueText}, the first certificate ends ${rfc3339(end)}${again}${without}`,
    dueAt: dueText,
    attempts: failures + 1,
    certificates: certificates.map(({ id, row }) => ({
      id,
      oldSerial: row.serial,
      oldNotAfter: row.notAfter,
    })),
    ...(failedBefore === undefined ? {} : { failedBefore }),
  };
}

function reasonOf({ isDue, hasExpired }: Wish): string {
  if (hasExpired) return 'Expired';
  return isDue ? 'NearingExpiry' : 'NotDue';
}
