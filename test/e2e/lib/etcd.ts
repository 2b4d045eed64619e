// etcd as its own etcdctl tells it, on a node, with that node's certificates.
import type { Bed } from './bed.ts';

interface Health {
  readonly endpoint: string;
  readonly health: boolean;
  readonly error?: string;
}

const flags = [
  '--cacert=/etc/kubernetes/pki/etcd/ca.crt',
  '--cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt',
  '--key=/etc/kubernetes/pki/etcd/healthcheck-client.key',
  '--endpoints=https://127.0.0.1:2379',
];

/** The members as one of them lists them, and how each is: `https://…:2379 healthy`. Errors: one does not answer. */
export async function etcdMembers(bed: Bed, node: string): Promise<readonly string[]> {
  const text = await bed.exec(node, 'etcdctl', ...flags, 'endpoint', 'health', '--cluster', '-w', 'json');
  const members: readonly Health[] = JSON.parse(text);
  return members
    .map(({ endpoint, health, error }) => `${endpoint} ${health ? 'healthy' : `ill: ${error ?? ''}`}`)
    .toSorted();
}
