// One node whole: every certificate with where it lies, who uses it, old and new, its last proof; its rotations; the log
// of the last one.
import { certificateIds, type Component } from '../catalogue/ids.ts';
import { isTerminal } from '../kube/objects.ts';
import type { CertificateRotation, RenewedCertificate } from '../kube/types.ts';
import { isBroken, type InventoryRow, type Kind, type SeenCertificate } from './certificates.ts';
import { pastRotation, stepsOf, type PastRotation, type Step } from './history.ts';
import { message, reasonMessage, type Message } from './messages/message.ts';
import { nodeRow, type NodeRow } from './nodes.ts';
import type { Seen, SeenNode } from './picture.ts';
import { openItemOf, type PlanItem } from './plan.ts';

export interface NodePage {
  readonly row: NodeRow;
  readonly uid: string;
  readonly certificates: readonly CertificateDetail[];
  readonly notes: readonly string[];
  /** What its clock says, against ours; undefined: never measured. Milliseconds. */
  readonly clockSkew: number | undefined;
  readonly open: PlanItem | undefined;
  /** Newest first. */
  readonly rotations: readonly PastRotation[];
  /** Of the last rotation that wrote one. */
  readonly log: (PastRotation & { readonly steps: readonly Step[] }) | undefined;
}

export interface CertificateDetail extends Omit<InventoryRow, 'kind'> {
  readonly use: Message;
  readonly kind: Kind;
  readonly component: Component;
  readonly stateText: Message;
  readonly broken: boolean;
  readonly dueAt: string | undefined;
  /** The newest rotation that renewed it. */
  readonly renewal: (RenewedCertificate & { readonly at: string | undefined }) | undefined;
}

/** Undefined: no such node. */
export function nodePageOf(seen: Seen, name: string): NodePage | undefined {
  const node = seen.byName.get(name);
  if (node === undefined) return undefined;
  const { inventory, rotations } = node;
  const logged = rotations.findLast(({ status }) => (status?.steps ?? []).length > 0);
  return {
    row: nodeRow(node, seen.picture.now.getTime()),
    uid: node.uid,
    certificates: node.certificates.map((one) => detailOf(one, node)),
    notes: inventory?.notes ?? [],
    clockSkew:
      inventory === undefined ? undefined : Date.parse(inventory.clock) - Date.parse(inventory.collectedAt),
    open: openItemOf(node, seen),
    rotations: rotations.filter(isTerminal).toReversed().map(pastRotation),
    log: logged === undefined ? undefined : { ...pastRotation(logged), steps: stepsOf(logged) },
  };
}

function detailOf(one: SeenCertificate, { rotations }: SeenNode): CertificateDetail {
  const { row, component, kind, dueAt } = one;
  return {
    ...row,
    use: useOf(one),
    kind,
    component,
    stateText: reasonMessage(row.state),
    broken: isBroken(one),
    dueAt: dueAt === undefined ? undefined : new Date(dueAt).toISOString(),
    renewal: renewalOf(row.id, rotations),
  };
}

function useOf({ row, kind }: SeenCertificate): Message {
  if (kind === 'ca') return message('use.ca');
  const id = certificateIds.find((one) => one === row.id);
  return message(id === undefined ? 'use.other' : `use.${id}`);
}

function renewalOf(id: string, rotations: readonly CertificateRotation[]): CertificateDetail['renewal'] {
  for (const { status } of rotations.toReversed()) {
    const renewed = status?.certificates?.find((one) => one.id === id && one.newSerial !== undefined);
    if (renewed !== undefined) return { ...renewed, at: status?.finishedAt };
  }
  return undefined;
}
