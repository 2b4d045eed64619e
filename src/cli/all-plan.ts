// What `cert-renew all` does with each certificate of this node, and why. Pure.
import type { CaId, CertificateId } from '../catalogue/ids.ts';
import { entryOf } from '../catalogue/table.ts';
import { decideDue, manualLifetimes, manualTrigger } from '../policy/due.ts';
import type { Reason } from '../policy/reasons.ts';
import type { InventoryRow } from '../rotation/inventory.ts';
import { byPost, type Signatory } from './by-post.ts';
import { madeAtStart } from './missed.ts';

const day = 86_400_000;

/** A certificate of the catalogue as it lies here. */
export interface Found {
  readonly id: CertificateId;
  readonly row: InventoryRow;
}

/** Of an authority: until when it signs, or why it cannot sign here. */
export type Signing =
  | { readonly until: Date }
  /** `by`: its key is elsewhere, and whoever has it can answer a request. */
  | { readonly cannot: string; readonly by?: Signatory };

export interface PlanTerms {
  readonly now: Date;
  /** Everything that is managed, due or not. */
  readonly force: boolean;
  /** Undefined: 91 for the kubelet's, 365 for the others (R24). */
  readonly days: number | undefined;
  readonly signing: Readonly<Record<CaId, Signing>>;
  /** How this program is called here. */
  readonly call: string;
}

export interface Decided extends Found {
  /**
   * `leave`: nothing is wrong with leaving it. `cannot`: it is due, missing or unreadable, and cannot be renewed here:
   * somebody must see to it.
   */
  readonly action: 'renew' | 'leave' | 'cannot';
  readonly reason: Reason;
  readonly why: string;
}

export const planAll = (found: readonly Found[], terms: PlanTerms): Decided[] =>
  found.map((each) => ({ ...each, ...decide(each, terms) }));

type Decision = Pick<Decided, 'action' | 'reason' | 'why'>;

function decide({ id, row }: Found, terms: PlanTerms): Decision {
  const state = decideState(row, terms);
  if (state !== undefined) return state;
  const { ca, profile } = entryOf(id);
  const signing = terms.signing[ca];
  const { due, reason, message } = decideDue({
    now: terms.now,
    certificate: { notBefore: new Date(row.notBefore), notAfter: new Date(row.notAfter) },
    profile: terms.days === undefined ? manualLifetimes[profile] : terms.days * day,
    caNotAfter: 'until' in signing ? signing.until : undefined,
    trigger: manualTrigger,
  });
  if (!due && !terms.force) return { action: 'leave', reason, why: message };
  if ('cannot' in signing) {
    const way = signing.by === undefined ? '' : `; ${byPost(terms.call, signing.by, [row.path])}`;
    return { action: 'cannot', reason, why: `${message}, but ${signing.cannot}${way}` };
  }
  return { action: 'renew', reason: due ? reason : 'Manual', why: due ? message : `${message}; forced` };
}

const leave = (reason: Reason, why: string): Decision => ({ action: 'leave', reason, why });
const cannot = (reason: Reason, why: string): Decision => ({ action: 'cannot', reason, why });

type Told = (
  row: InventoryRow,
  how: { readonly ended: string; readonly call: string },
) => Decision | undefined;

/** What a file is that is not simply ours; all other states are something that somebody must see to. */
const states: Partial<Record<Reason, Told>> = {
  Ok: ({ reason }) => (reason === '' ? undefined : cannot('Ok', reason)),
  SelfSigned: (_, { ended }) =>
    leave('SelfSigned', `the kubelet made it itself, no CA of the cluster signed it${ended}`),
  KubeletManaged: () => leave('KubeletManaged', 'the kubelet renews it by itself (serverTLSBootstrap)'),
  NotPresent: ({ reason }) =>
    reason === madeAtStart ? leave('NotPresent', reason) : cannot('NotPresent', reason),
  Unmanaged: ({ reason, issuer }, { ended }) =>
    leave('Unmanaged', reason || `signed by ${issuer}, no CA of this node${ended}`),
  KeyMismatch: (_, { call }) =>
    cannot(
      'KeyMismatch',
      `its key does not fit; put the right one back (${call} restore), or kubeadm certs renew`,
    ),
};

/** Undefined: one that is ours, and whole. */
function decideState(row: InventoryRow, { now, call }: PlanTerms): Decision | undefined {
  const { state, reason, notAfter } = row;
  const known = states[state];
  if (known === undefined) return cannot(state, reason || state);
  const ended = notAfter !== '' && new Date(notAfter) <= now ? `, expired ${notAfter}` : '';
  return known(row, { ended, call });
}
