// Real certificates, made once: three control planes as kubeadm lays them down, and what the agent's scan reads there.
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import type { InventoryRow } from '../../src/agent/protocol.ts';
import { scan } from '../../src/agent/scan.ts';
import { certificateIds } from '../../src/catalogue/ids.ts';
import { nodeFiles } from '../../src/host/node-files.ts';
import { makeAuthority } from '../../src/sim/cluster/authority.ts';
import { layNode, type ClusterSecrets } from '../../src/sim/cluster/node-files.ts';
import { planNodes, type ClusterPlan } from '../../src/sim/cluster/plan.ts';
import { controlPlanes } from './nodes.ts';

const day = 86_400;

export interface Template {
  readonly plan: ClusterPlan;
  readonly secrets: ClusterSecrets;
  /** Directory that is the root of a control plane, by name. */
  readonly rootOf: (name: string) => string;
}

/** @param subnet first two octets in 127.0.0.0/8 */
export function layTemplate(directory: string, subnet: string, now: Date): Template {
  // In whole seconds, as certificates have them.
  const at = (days: number): Date => new Date((Math.floor(now.getTime() / 1000) + days * day) * 1000);
  const authorities = { notBefore: at(-2), notAfter: at(3650) };
  const validity = { notBefore: at(-1), notAfter: at(300) };
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const secrets: ClusterSecrets = {
    kubernetes: makeAuthority('kubernetes', authorities),
    etcd: makeAuthority('etcd-ca', authorities),
    'front-proxy': makeAuthority('front-proxy-ca', authorities),
    serviceAccountKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
  const plan: ClusterPlan = {
    endpoint: { host: `${subnet}.0.1`, port: 6443 },
    nodes: planNodes(subnet, controlPlanes, 0),
    version: 'v1.34.4',
    authorities,
    validity: () => validity,
  };
  const rootOf = (name: string): string => join(directory, name);
  for (const node of plan.nodes) layNode(rootOf(node.name), plan, node, secrets);
  return { plan, secrets, rootOf };
}

/** What a scan reads on the first control plane: the fourteen of the catalogue, and the cluster's CA. */
export function readRows(
  root: string,
  now: Date,
): { rows: readonly InventoryRow[]; notes: readonly string[] } {
  const seen = { root, files: nodeFiles(root), isReachable: () => true };
  const { certificates, notes } = scan(seen, { machineID: 'template', now });
  const administrator = certificates.find(({ id }) => id === 'admin.conf');
  if (administrator === undefined) throw new Error('a control plane without admin.conf');
  const rows = certificateIds.map((id) => {
    const row = certificates.find((each) => each.id === id);
    // Not all of them are laid down here; the others are kubeconfigs of administrators.
    return row ?? { ...administrator, id, path: id.startsWith('/') ? id : `/etc/kubernetes/${id}` };
  });
  return {
    rows: [...rows, ...certificates.filter(({ kind, ca }) => kind === 'ca' && ca === 'kubernetes')],
    notes,
  };
}
