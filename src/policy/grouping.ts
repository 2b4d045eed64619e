// Which certificates of one node are renewed together (design §3, Time). What is due starts a rotation; grouping
// never does: it only lets those join whose component restarts anyway.
import type { CertificateId, Component } from '../catalogue/ids.ts';

/** What grouping asks of a certificate. `dueAt` undefined: never due. */
export interface Candidate {
  readonly id: CertificateId;
  readonly component: Component;
  readonly dueAt: Date | undefined;
  /** Not to be tried before: an attempt has failed. It counts as due then, and joins nothing that begins earlier. */
  readonly notBefore?: Date | undefined;
}

/** Restarted by a rotation; etcd reloads by itself and administrators' kubeconfigs have no process. */
const restarted: ReadonlySet<Component> = new Set([
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
]);

export interface Group {
  /** When the rotation is due, or may be tried again: the earliest of its certificates. */
  readonly dueAt: Date;
  /** In the order of the candidates. */
  readonly ids: readonly CertificateId[];
}

/**
 * The next rotation of a node: everything due by now, or, when nothing is, what comes due first; and with it what the
 * same restarts serve and is due within `groupWithin` milliseconds (0: nothing joins). Undefined: never anything.
 */
export function nextGroup(
  candidates: readonly Candidate[],
  now: Date,
  groupWithin: number,
): Group | undefined {
  let earliest = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) earliest = Math.min(earliest, beginOf(candidate));
  if (!Number.isFinite(earliest)) return undefined;
  const start = Math.max(now.getTime(), earliest);
  const isStarter = (candidate: Candidate) => isDueBy(candidate, start, earliest);
  const joins = ({ component }: Candidate) =>
    restarted.has(component) && candidates.some((other) => other.component === component && isStarter(other));
  const ids = candidates
    .filter(
      (candidate) =>
        isStarter(candidate) ||
        (groupWithin > 0 && mayJoin(candidate, start, groupWithin) && joins(candidate)),
    )
    .map(({ id }) => id);
  return { dueAt: new Date(earliest), ids };
}

/**
 * The last moment of which it is sure that `nextGroup` answers the same then as now: none of the candidates becomes due,
 * may be tried again or is near enough to join before it has gone by.
 */
export function groupHoldsUntil(candidates: readonly Candidate[], now: Date, groupWithin: number): number {
  const time = now.getTime();
  let until = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    if (candidate.dueAt === undefined) continue;
    const joinsFrom = Math.ceil(candidate.dueAt.getTime() - groupWithin);
    const triedFrom = candidate.notBefore?.getTime() ?? 0;
    for (const last of [beginOf(candidate), joinsFrom - 1, triedFrom - 1])
      if (last >= time) until = Math.min(until, last);
  }
  return until;
}

/** Due means after the moment (R1: «<»), save for the one that is to come first. */
function isDueBy(candidate: Candidate, start: number, earliest: number): boolean {
  const begin = beginOf(candidate);
  return begin < start || begin === earliest;
}

function mayJoin({ dueAt, notBefore }: Candidate, start: number, groupWithin: number): boolean {
  if (dueAt === undefined || (notBefore?.getTime() ?? 0) > start) return false;
  return dueAt.getTime() <= start + groupWithin;
}

/** Infinity: never. */
function beginOf({ dueAt, notBefore }: Candidate): number {
  return dueAt === undefined
    ? Number.POSITIVE_INFINITY
    : Math.max(dueAt.getTime(), notBefore?.getTime() ?? 0);
}
