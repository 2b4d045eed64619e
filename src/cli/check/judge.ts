// What each certificate of a picture is worth now. Pure.
import { decideDue, manualTrigger, timeText } from '../../policy/due.ts';
import { madeAtStart } from '../missed.ts';
import { restartOf, type RuntimeTool } from '../restart-advice.ts';
import type { SeenCertificate, SeenCopy } from './picture.ts';

/** NotCounted: it is shown, and nothing hangs on it. */
export type Verdict = 'Fine' | 'Due' | 'Expired' | 'Broken' | 'Unreadable' | 'NotCounted';

/** What must be done about one. */
export type Todo = 'renew' | 'restart' | 'replace-ca' | 'put-back' | 'approve' | 'renew-elsewhere';

interface Judgement {
  readonly verdict: Verdict;
  readonly todo?: Todo;
  readonly remark?: string;
}

export interface CheckedCertificate extends SeenCertificate {
  readonly verdict: Verdict;
  readonly todo: Todo | undefined;
  /** From when on it is due; undefined: not by itself. */
  readonly dueAt: Date | undefined;
}

type Rule = (seen: SeenCertificate, now: Date) => Judgement | undefined;

/** The first that says something holds. */
const rules: readonly Rule[] = [
  isNotThere,
  isOfTheKubeletAlone, // kubeadm's own kubelet.crt (R3)
  hasExpired, // also one whose key alone cannot be read
  cannotBeRead,
  doesNotFitItsKey,
  isNotValidYet,
  isShownExpired, // what runs still shows the one before, and that has expired
  isAuthority, // watched, never due
  isRenewedByTheKubelet, // R2
  isDue,
  isNotInUse, // the file is fine, and a restart is due
];

const fine: Judgement = { verdict: 'Fine' };

export function judge(seen: SeenCertificate, now: Date, tool: RuntimeTool): CheckedCertificate {
  const answers = rules.map((rule) => rule(seen, now));
  const found = answers.find((each) => each !== undefined) ?? fine;
  const remarks = [found.remark, useRemark(seen, tool), stateRemark(seen)].filter(
    (each) => each !== undefined,
  );
  return {
    ...seen,
    verdict: found.verdict,
    todo: found.todo,
    dueAt: dueOf(seen, now)?.dueAt,
    remarks: [...new Set([...seen.remarks, ...remarks])],
  };
}

const endOf = ({ row }: SeenCertificate): Date => new Date(row.notAfter);

function isNotThere({ row }: SeenCertificate): Judgement | undefined {
  if (row.state !== 'NotPresent') return undefined;
  const verdict = row.reason === madeAtStart ? 'NotCounted' : 'Unreadable';
  return { verdict, remark: row.reason };
}

function cannotBeRead({ row }: SeenCertificate): Judgement | undefined {
  const isUnreadable = row.state === 'Unreadable' || row.state === 'Unreachable';
  return isUnreadable ? { verdict: 'Unreadable', remark: row.reason } : undefined;
}

function isOfTheKubeletAlone({ row }: SeenCertificate): Judgement | undefined {
  if (row.state !== 'SelfSigned') return undefined;
  const remark = 'made by the kubelet itself, signed by nobody that the cluster knows: not counted';
  return { verdict: 'NotCounted', remark };
}

function hasExpired(seen: SeenCertificate, now: Date): Judgement | undefined {
  if (seen.row.notAfter === '' || now <= endOf(seen)) return undefined;
  const todo = renewalOf(seen);
  if (todo !== 'approve') return { verdict: 'Expired', todo };
  const remark = 'the kubelet asks for a new one by itself, and somebody must approve that (kubectl get csr)';
  return { verdict: 'Expired', todo, remark };
}

function renewalOf({ row }: SeenCertificate): Todo {
  if (row.kind === 'ca') return 'replace-ca';
  // What a process made for itself.
  if (row.kind === 'served') return 'restart';
  if (row.state === 'KubeletManaged') return 'approve';
  return row.state === 'Unmanaged' ? 'renew-elsewhere' : 'renew';
}

function doesNotFitItsKey({ key }: SeenCertificate): Judgement | undefined {
  return key === 'mismatch'
    ? { verdict: 'Broken', todo: 'put-back', remark: 'its key does not fit it' }
    : undefined;
}

function isNotValidYet({ row }: SeenCertificate, now: Date): Judgement | undefined {
  if (now >= new Date(row.notBefore)) return undefined;
  const remark = `not valid before ${row.notBefore}, and the clock of this node says ${now.toISOString()}: check the clock`;
  return { verdict: 'Broken', remark };
}

function isShownExpired({ use }: SeenCertificate, now: Date): Judgement | undefined {
  if (use.kind !== 'older' || use.notAfter === undefined) return undefined;
  return now > new Date(use.notAfter) ? { verdict: 'Expired', todo: 'restart' } : undefined;
}

const caWarningMs = 365 * 86_400_000;

function isAuthority(seen: SeenCertificate, now: Date): Judgement | undefined {
  if (seen.row.kind !== 'ca') return undefined;
  const left = endOf(seen).getTime() - now.getTime();
  // One that comes along in a chain says nothing of this cluster.
  if (left > caWarningMs || seen.row.ca === null) return fine;
  return {
    verdict: 'Fine',
    remark: `this CA ends in ${timeText(left)}, and all that it signed with it: plan its replacement`,
  };
}

function isRenewedByTheKubelet({ row }: SeenCertificate): Judgement | undefined {
  return row.state === 'KubeletManaged' ? { verdict: 'Fine', remark: 'the kubelet renews it' } : undefined;
}

function isDue(seen: SeenCertificate, now: Date): Judgement | undefined {
  const answer = dueOf(seen, now);
  if (answer?.reason === 'NoGain') return { verdict: 'Due', todo: 'replace-ca', remark: answer.message };
  return answer?.due === true ? { verdict: 'Due', todo: renewalOf(seen) } : undefined;
}

function isNotInUse({ use }: SeenCertificate): Judgement | undefined {
  return use.kind === 'older' ? { verdict: 'Due', todo: 'restart' } : undefined;
}

function dueOf({ row, profile, caNotAfter }: SeenCertificate, now: Date) {
  if (row.notAfter === '' || row.kind === 'ca' || row.state === 'KubeletManaged') return undefined;
  const certificate = { notBefore: new Date(row.notBefore), notAfter: new Date(row.notAfter) };
  return decideDue({ certificate, profile, caNotAfter, trigger: manualTrigger, now });
}

function useRemark({ use, component }: SeenCertificate, tool: RuntimeTool): string | undefined {
  if (use.kind === 'older') {
    const command = restartOf(component, tool);
    return `${use.text}${command === undefined ? '' : `; restart it: ${command}`}`;
  }
  return use.kind === 'unknown' ? use.text : undefined;
}

function stateRemark({ row }: SeenCertificate): string | undefined {
  if (row.state === 'Unmanaged') {
    const why = row.reason === '' ? 'signed by none of the CAs on this disk' : row.reason;
    return `${why} (issuer ${row.issuer}): cert-renew leaves it alone`;
  }
  return row.reason === '' || row.state === 'Unreadable' || row.state === 'NotPresent'
    ? undefined
    : row.reason;
}

export type CopyVerdict = 'Current' | 'Stale' | 'Expired' | 'Foreign';

export interface CheckedCopy extends SeenCopy {
  readonly verdict: CopyVerdict;
  readonly remark: string;
}

export function judgeCopy(copy: SeenCopy, now: Date): CheckedCopy {
  const remarks = [copyRemark(copy, now), ...(copy.isReadableByOthers ? ['others may read its key'] : [])];
  return {
    ...copy,
    verdict: copyVerdict(copy, now),
    remark: remarks.filter((each) => each !== '').join('; '),
  };
}

function copyVerdict({ isOurs, notAfter, of }: SeenCopy, now: Date): CopyVerdict {
  if (!isOurs) return 'Foreign';
  if (now > new Date(notAfter)) return 'Expired';
  return of?.isRenewed === true ? 'Stale' : 'Current';
}

function copyRemark(copy: SeenCopy, now: Date): string {
  const { of, path } = copy;
  const verdict = copyVerdict(copy, now);
  if (verdict === 'Foreign') return 'signed by another CA: of another cluster, or from before this CA';
  const what = of === undefined ? '' : `a copy of ${of.path}`;
  if (verdict === 'Current') return what;
  return of === undefined ? 'renew it by hand' : `${what}; put the present one there: cp ${of.path} ${path}`;
}
