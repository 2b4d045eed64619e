// What is known of the cluster at one moment, and an index over it. Everything else in this room is a question to it.
import type { Node } from 'kubernetes-types/core/v1.js';
import type { CaId, Component, NodeRole } from '../catalogue/ids.ts';
import { unseenIn } from '../catalogue/unseen-notes.ts';
import type { Configuration } from '../controller/configuration.ts';
import type { Inventory } from '../controller/inventory-store.ts';
import {
  byAge,
  condition,
  isActive,
  isAnnotated,
  isTerminal,
  roleOf,
  wasNeverBegun,
} from '../kube/objects.ts';
import { annotations, type CertificateRotation } from '../kube/types.ts';
import { certificatesOf, type SeenCertificate } from './certificates.ts';
import type { Message } from './messages/message.ts';

export interface Picture {
  readonly now: Date;
  readonly nodes: readonly Node[];
  /** By node name. */
  readonly inventories: ReadonlyMap<string, Inventory>;
  /** Names of ConfigMaps in the place of an inventory that are not as the controller wrote them. */
  readonly strange: ReadonlySet<string>;
  readonly rotations: readonly CertificateRotation[];
  readonly configuration: SeenConfiguration;
  /** Fingerprints of the CAs that the controller has accepted (R11); undefined: not read. */
  readonly accepted: Readonly<Partial<Record<CaId, string>>> | undefined;
  /** When the leading controller renewed its Lease, RFC 3339; null: nobody leads; undefined: not asked. */
  readonly controllerAt: string | null | undefined;
  /** Why that could not be asked. Where others say so: undefined. */
  readonly controllerUnread: Message | undefined;
  /** The API server has not answered since, RFC 3339; undefined: it does. */
  readonly staleSince: string | undefined;
}

export interface SeenConfiguration {
  readonly settings: Configuration;
  /** The file is refused, or may not be read; `settings` are then the last good ones that were seen, or the defaults. */
  readonly problem: Message | undefined;
}

export interface SeenNode {
  readonly name: string;
  readonly uid: string;
  readonly role: NodeRole;
  readonly ready: boolean;
  readonly paused: boolean;
  readonly version: string;
  /** Undefined: never read, or what was read is another machine under this name. */
  readonly inventory: Inventory | undefined;
  readonly certificates: readonly SeenCertificate[];
  /** Components of the control plane whose certificates the reading could not see. */
  readonly unseen: readonly Component[];
  /** Oldest first. */
  readonly rotations: readonly CertificateRotation[];
  /** The one that is planned, waits or is at work. */
  readonly open: CertificateRotation | undefined;
  /** The newest that ended and was begun. */
  readonly last: CertificateRotation | undefined;
}

export interface Seen {
  readonly picture: Picture;
  readonly nodes: readonly SeenNode[];
  readonly byName: ReadonlyMap<string, SeenNode>;
}

export function seenOf(picture: Picture): Seen {
  const rotations = Map.groupBy(picture.rotations, ({ spec }) => spec.nodeName);
  const nodes = picture.nodes
    .flatMap((node) => seenNode(node, picture, rotations.get(node.metadata?.name ?? '') ?? []))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return { picture, nodes, byName: new Map(nodes.map((node) => [node.name, node])) };
}

function seenNode(
  node: Node,
  { inventories, configuration }: Picture,
  all: readonly CertificateRotation[],
): SeenNode[] {
  const { name, uid } = node.metadata ?? {};
  if (name === undefined || uid === undefined) return [];
  const found = inventories.get(name);
  const inventory = found?.nodeUID === uid ? found : undefined;
  const role = roleOf(node);
  const rotations = all.filter(({ spec }) => spec.nodeUID === uid).toSorted(byAge);
  return [
    {
      name,
      uid,
      role,
      ready: condition(node, 'Ready'),
      paused: isAnnotated(node, annotations.paused),
      version: node.status?.nodeInfo?.kubeletVersion ?? '',
      inventory,
      certificates: inventory === undefined ? [] : certificatesOf(inventory, configuration.settings),
      unseen: unseenIn(role, inventory?.notes),
      rotations,
      open: rotations.find(isActive) ?? rotations.find((one) => !isTerminal(one)),
      last: rotations.findLast((one) => isTerminal(one) && !wasNeverBegun(one)),
    },
  ];
}
