// A CertificateRotation as the plan makes it: its name, its spec, its first status. The same world gives the same
// object, so two leaders create it once (design §3).
import { components, type CertificateId, type Component, type NodeRole } from '../../catalogue/ids.ts';
import { entryOf } from '../../catalogue/table.ts';
import { annotations, apiVersion, type CertificateRotation, type RotationStatus } from '../../kube/types.ts';
import type { Group } from '../../policy/grouping.ts';
import { labels, nodeLabel, shortHash, shortName } from '../labels.ts';
import type { RenewableCertificate } from './candidates.ts';
import type { NodeView } from './view.ts';

/** A name must also be good for a Pod's, with something before it. */
const maxName = 200;

/** What the plan wants of a node next. */
export interface Wish {
  readonly node: NodeView;
  /** Name without the attempt. */
  readonly base: string;
  readonly certificates: readonly RenewableCertificate[];
  /** When it is due, or may be tried again. */
  readonly dueAt: Date;
  /** Failures in a row before it. */
  readonly failures: number;
  /** What would be due with it and cannot be signed, in words. */
  readonly leftOut: string | undefined;
  readonly now: Date;
}

export function wishOf(
  node: NodeView,
  group: Group,
  renewable: readonly RenewableCertificate[],
  { failures, leftOut, now }: Pick<Wish, 'failures' | 'leftOut' | 'now'>,
): Wish {
  const ids = new Set(group.ids);
  const certificates = renewable.filter(({ id }) => ids.has(id));
  return {
    node,
    base: baseName(node, certificates, renewable),
    certificates,
    dueAt: group.dueAt,
    failures,
    leftOut,
    now,
  };
}

/** The node's name, and a hash over its UID, the ids and the old serials. */
function baseName(
  node: NodeView,
  certificates: readonly RenewableCertificate[],
  renewable: readonly RenewableCertificate[],
): string {
  const ids = certificates.map(({ id }) => id).join();
  const known = baseNames.get(renewable);
  if (known?.ids === ids && known.uid === node.uid) return known.base;
  const identity = [node.uid, ...certificates.flatMap(({ id, row }) => [id, row.serial])].join('\n');
  const base = shortName(`${node.name}-${shortHash(identity)}`, maxName);
  baseNames.set(renewable, { ids, uid: node.uid, base });
  return base;
}

/** What was computed last for the certificates of a node: hashing for thousands of them is most of a pass. */
const baseNames = new WeakMap<
  readonly RenewableCertificate[],
  { readonly ids: string; readonly uid: string; readonly base: string }
>();

/** Whether this object is an attempt at that wish: the same machine, certificates and serials, by spec and by name. */
export function isAttemptAt(rotation: CertificateRotation, { base, certificates }: Wish): boolean {
  const wanted = certificates.map(({ id }) => id).join();
  return attemptOf(rotation, base) !== undefined && rotation.spec.certificates.join() === wanted;
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
      reason: hasExpired(wish) ? 'Expired' : 'Due',
    },
    status: plannedStatus(wish),
  };
}

/** Made by the plan, not by a person. */
export function isPlanned({ metadata }: CertificateRotation): boolean {
  return metadata.labels?.[labels.planned] === 'true';
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
> & { readonly phase: 'Scheduled' | 'Pending' };

/** The status of a plan: absolute times, so that it changes only when the plan does. */
export function plannedStatus(wish: Wish): PlannedStatus {
  const { certificates, dueAt, failures, leftOut, now } = wish;
  const due = now.getTime() > dueAt.getTime();
  const end = new Date(Math.min(...certificates.map(({ notAfter }) => notAfter.getTime())));
  const again = failures === 0 ? '' : `, attempt ${failures + 1}`;
  const without = leftOut === undefined ? '' : `; ${leftOut}`;
  return {
    ...summaryOf(
      wish.node.role,
      certificates.map(({ id }) => id),
    ),
    phase: due ? 'Pending' : 'Scheduled',
    reason: reasonOf(due, wish),
    message: `due ${rfc3339(dueAt)}, the first certificate ends ${rfc3339(end)}${again}${without}`,
    dueAt: rfc3339(dueAt),
    attempts: failures + 1,
    certificates: certificates.map(({ id, row }) => ({
      id,
      oldSerial: row.serial,
      oldNotAfter: row.notAfter,
    })),
  };
}

function reasonOf(due: boolean, wish: Wish): string {
  if (hasExpired(wish)) return 'Expired';
  return due ? 'NearingExpiry' : 'NotDue';
}

function hasExpired({ certificates, now }: Wish): boolean {
  return certificates.some(({ notAfter }) => notAfter.getTime() < now.getTime());
}

/** As Kubernetes writes times: whole seconds. */
export function rfc3339(moment: Date): string {
  return moment.toISOString().replace(/\.\d+Z$/, 'Z');
}
