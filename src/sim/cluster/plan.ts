// What cluster is to be made: names, addresses, and how long every certificate lives. Pure.
import type { CertificateId } from '../../catalogue/ids.ts';
import type { Validity } from './authority.ts';

export interface PlannedNode {
  readonly name: string;
  readonly role: 'control-plane' | 'worker';
  /** In 127.0.0.0/8, every address of which a Linux machine has without being told: no root is needed. */
  readonly address: string;
}

export interface ClusterPlan {
  /** What stands before the API servers, as a load balancer does; also the address of Service `kubernetes`. */
  readonly endpoint: { readonly host: string; readonly port: number };
  readonly nodes: readonly PlannedNode[];
  readonly version: string;
  readonly authorities: Validity;
  readonly validity: (node: PlannedNode, id: CertificateId) => Validity;
}

export function planNodes(subnet: string, controlPlanes: number, workers: number): readonly PlannedNode[] {
  const address = (index: number): string => `${subnet}.${index}.1`;
  const roles = [
    ...Array.from({ length: controlPlanes }, () => 'control-plane' as const),
    ...Array.from({ length: workers }, () => 'worker' as const),
  ];
  return roles.map((role, index) => {
    const name = role === 'worker' ? `w${index - controlPlanes + 1}` : `n${index + 1}`;
    return { name, role, address: address(index + 1) };
  });
}

export const controlPlanesOf = ({ nodes }: Pick<ClusterPlan, 'nodes'>): readonly PlannedNode[] =>
  nodes.filter(({ role }) => role === 'control-plane');
