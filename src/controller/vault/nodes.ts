// What the vault and the signer ask of a Node object.
import type { Node } from 'kubernetes-types/core/v1.js';
import type { NodeRole } from '../../catalogue/ids.ts';
import type { NodeNames } from '../../policy/identity.ts';

/** From the label alone (R6): the NodeRestriction admission keeps nodes from setting it. */
export function roleOf(node: Node): NodeRole {
  return node.metadata?.labels?.['node-role.kubernetes.io/control-plane'] === undefined
    ? 'worker'
    : 'control-plane';
}

export function isControlPlane(node: Node): boolean {
  return roleOf(node) === 'control-plane';
}

export function nameOf(node: Node): string {
  return node.metadata?.name ?? '';
}

/** Addresses of one type (`InternalIP`, `Hostname`, …), or all of them. */
export function addressesOf(node: Node, type?: string): readonly string[] {
  const addresses = node.status?.addresses ?? [];
  return addresses.filter((entry) => type === undefined || entry.type === type).map(({ address }) => address);
}

export function namesOf(node: Node): NodeNames {
  return { name: nameOf(node), addresses: addressesOf(node) };
}
