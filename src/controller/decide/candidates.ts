// The certificates of a node that the product renews, each with the moment that R1 gives it.
import { caIds, certificateIds, type CaId, type CertificateId, type Component } from '../../catalogue/ids.ts';
import { entryOf } from '../../catalogue/table.ts';
import type { InventoryRow } from '../../agent/protocol.ts';
import { dueMoment } from '../../policy/due.ts';
import type { Configuration } from '../configuration.ts';
import type { Inventory, World } from '../world.ts';
import type { NodeView } from './view.ts';

export interface RenewableCertificate {
  readonly id: CertificateId;
  readonly component: Component;
  readonly ca: CaId;
  readonly row: InventoryRow;
  readonly notAfter: Date;
  /** By R1; undefined: never. */
  readonly dueAt: Date | undefined;
}

/** The kubelet's files: their rotation needs its restart (S6). */
export function isKubelets(id: CertificateId): boolean {
  return entryOf(id).component === 'kubelet';
}

/** The lifetime that a new certificate gets, in milliseconds. */
export function lifetimeOf(id: CertificateId, configuration: Configuration): number {
  const { kubelet, controlPlane } = configuration.lifetimes;
  return entryOf(id).profile === 'kubelet' ? kubelet : controlPlane;
}

/** The certificates of a node that are ours to renew, by catalogue order. */
interface Candidates {
  readonly all: readonly RenewableCertificate[];
  /** Those whose CA can sign. */
  readonly signable: readonly RenewableCertificate[];
}

/**
 * What may be renewed of a node now. Left out: what somebody else owns (KubeletManaged, Unmanaged), what cannot be read
 * or written safely, what a node of this role has no use for, kubelet.crt where the configuration says to leave it, and
 * what is signed by a CA that cannot sign (an external one): it must not hold up the rest. While nothing at all can be
 * signed, nothing is left out for it: that passes, and the gates say so.
 */
export function renewableOf(node: NodeView, world: World): readonly RenewableCertificate[] {
  return candidatesOf(node, world).signable;
}

/** The same, whether its CA can sign or not: of a rotation that a person asked for, the gates say what is missing. */
export function manageableOf(node: NodeView, world: World): readonly RenewableCertificate[] {
  return candidatesOf(node, world).all;
}

/** What is due before `until` and left out, since its CA cannot sign; in words. Undefined: nothing. */
export function leftOut(node: NodeView, world: World, until: Date): string | undefined {
  const { all, signable } = candidatesOf(node, world);
  if (all.length === signable.length) return undefined;
  const wanting = all.filter(
    (one) => !signable.includes(one) && one.dueAt !== undefined && one.dueAt <= until,
  );
  if (wanting.length === 0) return undefined;
  const cas = [...new Set(wanting.map(({ ca }) => ca))];
  const why = cas.map((ca) => world.vault.unavailable?.[ca]?.message ?? '').join('; ');
  return `not renewed: ${wanting.map(({ id }) => id).join(', ')}: ${why}`;
}

/** Of a kubeconfig with several users the one that ends first stands for its id. */
function candidatesOf({ inventory, role }: NodeView, world: World): Candidates {
  if (inventory === undefined) return none;
  const { configuration, vault } = world;
  const known = answers.get(inventory);
  const isSame = known?.configuration === configuration && known.role === role;
  if (isSame && known.vault === vault) return known.candidates;
  const ends = caEndsOf(inventory, world);
  const cannotSign = vault.problem === undefined ? caIds.filter((ca) => isGone(vault.unavailable?.[ca])) : [];
  const key = [...caIds.map((ca) => ends[ca] ?? ''), ...cannotSign].join();
  if (isSame && known.key === key) {
    known.vault = vault;
    return known.candidates;
  }
  const all = inventory.certificates
    .flatMap((row) => (isRenewable(row, configuration) ? renewable(row, ends, configuration) : []))
    .filter(({ id }) => entryOf(id).roles.includes(role))
    .toSorted((a, b) => rank(a) - rank(b) || a.notAfter.getTime() - b.notAfter.getTime())
    .filter((one, i, sorted) => one.id !== sorted[i - 1]?.id);
  const candidates = { all, signable: all.filter(({ ca }) => !cannotSign.includes(ca)) };
  answers.set(inventory, { configuration, role, key, vault, candidates });
  return candidates;
}

const isGone = (unavailable: NonNullable<World['vault']['unavailable']>[CaId]): boolean =>
  unavailable !== undefined && unavailable.passing !== true;

const none: Candidates = { all: [], signable: [] };

/** The answer depends on these values alone, not on the time: thousands of nodes are asked about in every pass. */
const answers = new WeakMap<
  Inventory,
  {
    readonly configuration: Configuration;
    readonly role: NodeView['role'];
    /** What of the vault it depends on. */
    readonly key: string;
    /** Who said so last: the same value needs no second look. */
    vault: World['vault'];
    readonly candidates: Candidates;
  }
>();

function rank({ id }: RenewableCertificate): number {
  return certificateIds.indexOf(id);
}

function isRenewable(row: InventoryRow, { kubelet }: Configuration): boolean {
  if (row.id === 'kubelet.crt' && kubelet.serving === 'leave') return false;
  return row.state === 'Ok' || (row.id === 'kubelet.crt' && row.state === 'SelfSigned');
}

function renewable(
  row: InventoryRow,
  ends: CaEnds,
  configuration: Configuration,
): readonly RenewableCertificate[] {
  const id = certificateIds.find((one) => one === row.id);
  const [notBefore, notAfter] = [new Date(row.notBefore), new Date(row.notAfter)];
  if (id === undefined || Number.isNaN(notBefore.getTime()) || Number.isNaN(notAfter.getTime())) return [];
  // R3: kubeadm's own kubelet.crt names no CA of ours; the cluster's will sign its successor.
  const { component, ca: usual } = entryOf(id);
  const ca = row.ca ?? usual;
  const dueAt = dueMoment({
    certificate: { notBefore, notAfter },
    profile: lifetimeOf(id, configuration),
    caNotAfter: moment(ends[ca]),
    trigger: configuration.trigger,
  });
  return [{ id, component, ca, row, notAfter, dueAt }];
}

/** When each CA ends, RFC 3339: the vault's word, else the CA certificate that was found on the node. */
type CaEnds = Readonly<Record<CaId, string | undefined>>;

function caEndsOf({ certificates }: Inventory, { vault }: World): CaEnds {
  const endOf = (ca: CaId) =>
    vault.cas[ca]?.notAfter ?? certificates.find((row) => row.kind === 'ca' && row.ca === ca)?.notAfter;
  return { kubernetes: endOf('kubernetes'), etcd: endOf('etcd'), 'front-proxy': endOf('front-proxy') };
}

function moment(text: string | undefined): Date | undefined {
  const end = text === undefined ? undefined : new Date(text);
  return end === undefined || Number.isNaN(end.getTime()) ? undefined : end;
}
