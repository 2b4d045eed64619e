// The certificates of one node as they are asked about: read once for each inventory, since there may be hundreds of
// thousands.
import { certificateIds, type CertificateId, type Component } from '../catalogue/ids.ts';
import { entryOf } from '../catalogue/table.ts';
import type { Configuration } from '../controller/configuration.ts';
import type { Inventory } from '../controller/inventory-store.ts';
import { leafEndsSoonFrom } from '../policy/ending.ts';
import { caEndOf, renewableRow } from '../policy/renewable.ts';
import type { Reason } from '../policy/reasons.ts';

export const kinds = [
  'apiserver',
  'etcd',
  'kubeconfig',
  'kubelet-client',
  'kubelet-serving',
  'ca',
  'other',
] as const;
export type Kind = (typeof kinds)[number];

export type InventoryRow = Inventory['certificates'][number];

export interface SeenCertificate {
  readonly row: InventoryRow;
  /** Undefined: a CA, or not in the catalogue. */
  readonly id: CertificateId | undefined;
  readonly kind: Kind;
  readonly component: Component;
  /** Milliseconds since 1970; NaN: it could not be read. */
  readonly end: number;
  /** When it is for a person to look, should it be a leaf, milliseconds since 1970; NaN with `end`. */
  readonly soonFrom: number;
  /** By R1, milliseconds since 1970; undefined: not ours to renew, or never. */
  readonly dueAt: number | undefined;
}

const known = new WeakMap<
  Inventory,
  { readonly settings: Configuration; readonly certificates: readonly SeenCertificate[] }
>();

export function certificatesOf(inventory: Inventory, settings: Configuration): readonly SeenCertificate[] {
  const before = known.get(inventory);
  if (before?.settings === settings) return before.certificates;
  const rows = inventory.certificates;
  const ends = {
    kubernetes: caEndOf('kubernetes', rows),
    etcd: caEndOf('etcd', rows),
    'front-proxy': caEndOf('front-proxy', rows),
  };
  const certificates = rows.map((row): SeenCertificate => {
    const id = certificateIds.find((one) => one === row.id);
    const dueAt = renewableRow(row, ends, settings)?.dueAt?.getTime();
    const component = id === undefined ? 'none' : entryOf(id).component;
    const end = Date.parse(row.notAfter);
    const begin = Date.parse(row.notBefore);
    const soonFrom = leafEndsSoonFrom({ begin, end, dueAt, renewsItself: row.state === 'KubeletManaged' });
    return { row, id, kind: kindOf(row, id), component, end, soonFrom, dueAt };
  });
  known.set(inventory, { settings, certificates });
  return certificates;
}

function kindOf(row: InventoryRow, id: CertificateId | undefined): Kind {
  if (row.kind === 'ca') return 'ca';
  if (id === undefined) return 'other';
  if (id === 'kubelet.crt') return 'kubelet-serving';
  if (id === 'kubelet-client-current.pem') return 'kubelet-client';
  if (row.kind === 'kubeconfig') return 'kubeconfig';
  return entryOf(id).component === 'etcd' || id === 'etcd/healthcheck-client.crt' ? 'etcd' : 'apiserver';
}

/** What is wrong with the file, so that it cannot be renewed as it is. */
const broken: ReadonlySet<Reason> = new Set(['Unreadable', 'KeyMismatch', 'WritableByOthers', 'Unreachable']);

export const isBroken = ({ row }: SeenCertificate): boolean => broken.has(row.state);
export const isLeaf = ({ id }: SeenCertificate): boolean => id !== undefined;
export const isExpired = ({ end }: SeenCertificate, now: number): boolean => end <= now;
/** And has not ended yet. */
export const endsSoon = ({ soonFrom, end }: SeenCertificate, now: number): boolean =>
  soonFrom <= now && now < end;

/** The one that ends first; undefined: none that could be read. */
export function firstToEnd(certificates: readonly SeenCertificate[]): SeenCertificate | undefined {
  let first: SeenCertificate | undefined;
  for (const one of certificates)
    if (!Number.isNaN(one.end) && (first === undefined || one.end < first.end)) first = one;
  return first;
}

/** The one that is due first; undefined: none ever. */
export function firstDue(
  certificates: readonly SeenCertificate[],
): (SeenCertificate & { readonly dueAt: number }) | undefined {
  let first: (SeenCertificate & { readonly dueAt: number }) | undefined;
  for (const one of certificates) {
    const { dueAt } = one;
    if (dueAt !== undefined && (first === undefined || dueAt < first.dueAt)) first = { ...one, dueAt };
  }
  return first;
}
