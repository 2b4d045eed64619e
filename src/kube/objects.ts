// What is asked of Nodes and CertificateRotations, and what is kept of objects, whoever reads them. Pure.
import type { Node } from 'kubernetes-types/core/v1.js';
import type { NodeRole } from '../catalogue/ids.ts';
import { terminalPhases, type CertificateRotation } from './types.ts';

/** R6: by the label, which the NodeRestriction admission keeps a node from setting. */
export function roleOf(node: Node): NodeRole {
  return node.metadata?.labels?.['node-role.kubernetes.io/control-plane'] === undefined
    ? 'worker'
    : 'control-plane';
}

/** True when the node says so; unknown is not true. */
export function condition(node: Node, type: string): boolean {
  return node.status?.conditions?.some((one) => one.type === type && one.status === 'True') ?? false;
}

/** An annotation that switches something on: present, and not "false". */
export function isAnnotated({ metadata }: Node, name: string): boolean {
  const value = metadata?.annotations?.[name];
  return value !== undefined && value !== 'false';
}

export function isTerminal({ status }: CertificateRotation): boolean {
  return status?.phase !== undefined && terminalPhases.has(status.phase);
}

/** It waits for its turn or is at work. What is only planned waits in the next pass after it came due, and not before. */
export function isOpenNow(rotation: CertificateRotation): boolean {
  return rotation.status?.phase !== 'Scheduled' && !isTerminal(rotation);
}

/** Something is being done on the node for it. */
export function isActive({ status }: CertificateRotation): boolean {
  const phase = status?.phase;
  return phase === 'Admitted' || phase === 'Running' || phase === 'Verifying';
}

/** Oldest first, then by name: the order does not depend on how they were read. */
export function byAge(a: CertificateRotation, b: CertificateRotation): number {
  const [left, right] = [a, b].map(
    ({ metadata }) => `${metadata.creationTimestamp ?? '9999'} ${metadata.name}`,
  );
  if (left === right) return 0;
  return (left ?? '') < (right ?? '') ? -1 : 1;
}

/** Superseded while it waited: it was never begun, and says nothing about its node. */
export function wasNeverBegun({ status }: CertificateRotation): boolean {
  return status?.phase === 'Superseded' && status.startedAt === undefined;
}

/** The DNS names of a Service, the longest that is common first. */
export function serviceNames(service: string, namespace: string): string[] {
  return [`${service}.${namespace}.svc`, `${service}.${namespace}.svc.cluster.local`, service];
}

/** Who wrote which field is much of an object, and nobody's question here. */
export function withoutManagedFields<T extends { readonly metadata?: object }>(object: T): T {
  return { ...object, metadata: { ...object.metadata, managedFields: undefined } };
}
