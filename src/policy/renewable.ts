// Which rows of a node's inventory are ours to renew, and the moment that R1 gives each.
import { certificateIds, type CaId, type CertificateId, type Component } from '../catalogue/ids.ts';
import { entryOf } from '../catalogue/table.ts';
import { dueMoment } from './due.ts';
import type { Reason } from './reasons.ts';

/** What is asked of a row of an inventory. Times are RFC 3339. */
export interface RenewableRow {
  readonly id: string;
  readonly kind: string;
  readonly ca: CaId | null;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly state: Reason;
}

/** What of the configuration decides it. Lifetimes in milliseconds. */
export interface RenewalSettings {
  readonly lifetimes: { readonly kubelet: number; readonly controlPlane: number };
  readonly trigger: { readonly percent: number; readonly days: number };
  readonly kubelet: { readonly serving: 'manage' | 'leave' };
}

export interface Renewable<Row extends RenewableRow> {
  readonly id: CertificateId;
  readonly component: Component;
  readonly ca: CaId;
  readonly row: Row;
  readonly notAfter: Date;
  /** By R1; undefined: never. */
  readonly dueAt: Date | undefined;
}

/** When each CA ends, RFC 3339. */
export type CaEnds = Readonly<Partial<Record<CaId, string | undefined>>>;

/** The lifetime that a new certificate gets, in milliseconds. */
export function lifetimeOf(id: CertificateId, { lifetimes }: Pick<RenewalSettings, 'lifetimes'>): number {
  return entryOf(id).profile === 'kubelet' ? lifetimes.kubelet : lifetimes.controlPlane;
}

/** Not somebody else's, nothing that cannot be read or written safely, and not to be left by the configuration. */
export function isRenewable(row: RenewableRow, settings: Pick<RenewalSettings, 'kubelet'>): boolean {
  return idOf(row) !== undefined && isOurs(row, settings);
}

/** Undefined where it is not ours to renew. */
export function renewableRow<Row extends RenewableRow>(
  row: Row,
  ends: CaEnds,
  settings: RenewalSettings,
): Renewable<Row> | undefined {
  const id = idOf(row);
  const [notBefore, notAfter] = [new Date(row.notBefore), new Date(row.notAfter)];
  if (id === undefined || !isOurs(row, settings)) return undefined;
  if (Number.isNaN(notBefore.getTime()) || Number.isNaN(notAfter.getTime())) return undefined;
  // R3: kubeadm's own kubelet.crt names no CA of ours; the cluster's will sign its successor.
  const { component, ca: usual } = entryOf(id);
  const ca = row.ca ?? usual;
  const dueAt = dueMoment({
    certificate: { notBefore, notAfter },
    profile: lifetimeOf(id, settings),
    caNotAfter: moment(ends[ca]),
    trigger: settings.trigger,
  });
  return { id, component, ca, row, notAfter, dueAt };
}

/** By the CA certificate that was found on the node itself. */
export function caEndOf(ca: CaId, rows: readonly RenewableRow[]): string | undefined {
  return rows.find((row) => row.kind === 'ca' && row.ca === ca)?.notAfter;
}

const idOf = (row: RenewableRow): CertificateId | undefined => certificateIds.find((one) => one === row.id);

function isOurs(row: RenewableRow, { kubelet }: Pick<RenewalSettings, 'kubelet'>): boolean {
  if (row.id === 'kubelet.crt' && kubelet.serving === 'leave') return false;
  return row.state === 'Ok' || (row.id === 'kubelet.crt' && row.state === 'SelfSigned');
}

function moment(text: string | undefined): Date | undefined {
  const end = text === undefined ? undefined : new Date(text);
  return end === undefined || Number.isNaN(end.getTime()) ? undefined : end;
}
