// How a case holds a phase of a rotation open, by the world and not by the product: an approval that is missing, a port of
// the kubelet that is shut.
import { auditMark, type AuditMark } from './audit.ts';
import type { Bed } from './bed.ts';
import { deploy } from './product.ts';

/** Everything is due, and each rotation waits for its approval. */
export async function deployForApprovals(bed: Bed): Promise<AuditMark> {
  await bed.restore('due');
  const mark = auditMark(bed);
  await deploy(bed, { mode: 'manual', settle: '5s' });
  return mark;
}

const rule = ['INPUT', '-p', 'tcp', '--dport', '10250', '!', '-i', 'lo', '-j', 'REJECT'];

/** The controller does not see the new serial: the rotation stays in Verifying. */
export async function shutKubelet(bed: Bed, node: string): Promise<void> {
  await bed.exec(node, 'iptables', '-I', ...rule);
}

export async function openKubelet(bed: Bed, node: string): Promise<void> {
  await bed.exec(node, 'iptables', '-D', ...rule);
}
