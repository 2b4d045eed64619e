// The certificates of a node that the product renews, each with the moment that R1 gives it.
import { caIds, certificateIds, type CaId, type CertificateId } from '../../catalogue/ids.ts';
import { entryOf } from '../../catalogue/table.ts';
import type { InventoryRow } from '../../agent/protocol.ts';
import { caEndOf, renewableRow, type CaEnds, type Renewable } from '../../policy/renewable.ts';
import type { Configuration } from '../configuration.ts';
import type { Inventory, World } from '../world.ts';
import type { NodeView } from './view.ts';

export type RenewableCertificate = Renewable<InventoryRow>;

/** The kubelet's files: their rotation needs its restart (S6). */
export function isKubelets(id: CertificateId): boolean {
  return entryOf(id).component === 'kubelet';
}

type Scanned = Pick<NodeView, 'inventory' | 'role'>;

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
export function leftOut(node: Scanned, world: World, until: Date): string | undefined {
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
function candidatesOf({ inventory, role }: Scanned, world: World): Candidates {
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
    .flatMap((row) => renewableRow(row, ends, configuration) ?? [])
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

/** The vault's word, else the CA certificate that was found on the node. */
function caEndsOf({ certificates }: Inventory, { vault }: World): CaEnds {
  const endOf = (ca: CaId) => vault.cas[ca]?.notAfter ?? caEndOf(ca, certificates);
  return { kubernetes: endOf('kubernetes'), etcd: endOf('etcd'), 'front-proxy': endOf('front-proxy') };
}
