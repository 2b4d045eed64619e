// When a certificate may be tried again. A failure makes those wait that were in it, and no others of the node: its
// other components have nothing to do with it. A refusal of the signer is about one of them, and it does not say which:
// they are tried apart, so that what it would sign does not wait for what it will not.
import type { CertificateId } from '../../catalogue/ids.ts';
import { entryOf } from '../../catalogue/table.ts';
import type { CertificateRotation } from '../../kube/types.ts';
import type { World } from '../world.ts';
import { lifetimeOf, type RenewableCertificate } from './candidates.ts';
import { isPlanned } from './rotation-object.ts';
import { isTerminal, wasNeverBegun, type NodeView } from './view.ts';

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
  const ended = node.rotations.filter((rotation) => isTerminal(rotation) && !wasNeverBegun(rotation));
  if (ended.length === 0) return undefined;
  const newestFirst = ended.toSorted((a, b) => endOf(b) - endOf(a));
  // With lifetimes of an hour a wait of an hour would outlive the certificate.
  const shortest = Math.min(...certificates.map(({ id }) => lifetimeOf(id, configuration)));
  const rest = restAfter(newestFirst[0], shortest);
  return new Map(
    certificates.map(({ id }) => {
      const last = newestFirst.find(({ spec }) => spec.certificates.includes(id));
      const { failures, until } = backoffAfter(last, shortest);
      const part = partAfter(last, id);
      // The parts of what was refused follow each other: none of them has been renewed.
      const notBefore = new Date(part === undefined ? Math.max(rest, until) : until);
      return [id, { failures, notBefore, part }];
    }),
  );
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

function backoffAfter(
  last: CertificateRotation | undefined,
  shortest: number,
): { readonly failures: number; readonly until: number } {
  if (last === undefined || last.status?.phase === 'Succeeded') return { failures: 0, until: 0 };
  const failures = last.status?.attempts ?? 1;
  const pause = Math.min(firstRetry, shortest / 10) * 2 ** Math.min(failures - 1, doublings);
  return { failures, until: endOf(last) + pause };
}

/** The next smaller part: of several components each by itself, then each certificate. */
function partAfter(last: CertificateRotation | undefined, id: CertificateId): string | undefined {
  if (last?.status?.phase !== 'Failed' || last.status.reason !== 'SigningRefused') return undefined;
  const { component } = entryOf(id);
  const isOfOne = last.spec.certificates.every((other) => entryOf(other).component === component);
  return isOfOne ? id : component;
}

function endOf({ status }: CertificateRotation): number {
  return Date.parse(status?.finishedAt ?? '') || 0;
}
