// What sign is about to do, as a value and as text: exactly what will be signed, before it is. Pure.
import { entryOf } from '../../catalogue/table.ts';
import { printable } from '../../formats/text.ts';
import type { Certificate, San } from '../../pki/certificate.ts';
import { equalBytes } from '../../pki/der.ts';
import { validity, rfc3339 } from '../../pki/time.ts';
import { isSignedBy } from '../../pki/verify.ts';
import { manualLifetimes } from '../../policy/due.ts';
import { sanText } from '../../policy/identity-sans.ts';
import type { LocalCa } from '../../rotation/local-signer.ts';
import type { JudgedNode, Wanted } from './judge.ts';

const dayMs = 86_400_000;

/** One certificate that is about to be signed. */
export interface PlannedSigning {
  readonly id: Wanted['id'];
  readonly subject: string;
  readonly names: readonly string[];
  readonly usages: readonly string[];
  readonly ca: string;
  readonly oldSerial: string;
  readonly oldNotAfter: string;
  readonly newNotAfter: string;
  readonly expired: boolean;
  /** Its CA ends before the lifetime would. */
  readonly clamped: boolean;
  readonly key: 'new' | 'kept';
}

export interface PlannedNode {
  readonly node: string;
  readonly request: string;
  readonly made: string;
  readonly machineId: string;
  readonly certificates: readonly PlannedSigning[];
}

/** Milliseconds that a certificate will live. @param days undefined: the manual's, by kind */
export function lifetimeOf(id: Wanted['id'], days: number | undefined): number {
  return days === undefined ? manualLifetimes[entryOf(id).profile] : days * dayMs;
}

/** @throws CertError CaExpired */
export function planSigning(
  nodes: readonly JudgedNode[],
  cas: readonly LocalCa[],
  { days, now }: { readonly days: number | undefined; readonly now: Date },
): PlannedNode[] {
  return nodes.map(({ block, wanted }) => ({
    node: block.node,
    request: block.id,
    made: block.made,
    machineId: block.machineId,
    certificates: wanted.map((each) => planOne(each, cas, { lifetimeMs: lifetimeOf(each.id, days), now })),
  }));
}

function planOne(
  { id, old, spki }: Wanted,
  cas: readonly LocalCa[],
  { lifetimeMs, now }: { readonly lifetimeMs: number; readonly now: Date },
): PlannedSigning {
  const ca = caOf(old, cas);
  const { notAfter, clamped } = validity({ now, lifetimeMs, backdateMs: 0, ca });
  return {
    id,
    subject: old.subject.text,
    names: old.sans.map((san: San) => printable(sanText(san))),
    usages: old.extendedKeyUsages,
    ca: ca.subject.text,
    oldSerial: old.serial,
    oldNotAfter: rfc3339(old.notAfter),
    newNotAfter: rfc3339(notAfter),
    expired: old.notAfter <= now,
    clamped,
    key: equalBytes(old.spki, spki) ? 'kept' : 'new',
  };
}

/** The judgement has found one. */
function caOf(old: Certificate, cas: readonly LocalCa[]): Certificate {
  const found = cas.find(({ certificate }) => isSignedBy(old, certificate));
  if (found === undefined) throw new Error('a certificate without a CA was judged to be signable');
  return found.certificate;
}

export function renderPlan(nodes: readonly PlannedNode[]): string {
  return nodes.flatMap(nodeLines).join('\n');
}

function nodeLines({ node, request, made, machineId, certificates }: PlannedNode): string[] {
  return [
    `node ${node} (request ${request}, made ${made}, machine ${machineId})`,
    ...certificates.flatMap((each) => [
      `  ${each.id}: ${each.key === 'new' ? 'a new key' : 'the key that it has'}`,
      `    subject  ${each.subject}`,
      `    names    ${each.names.join(', ') || 'none'}`,
      `    usages   ${each.usages.join(', ') || 'none'}`,
      `    CA       ${each.ca}`,
      `    ends     ${each.oldNotAfter}${each.expired ? ' (expired)' : ''} → ${each.newNotAfter}${each.clamped ? ' (cut to the end of its CA)' : ''}`,
    ]),
  ];
}
