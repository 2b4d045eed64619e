// What an operator types when a node's kubelet does not start Pods (S7): the exact lines, for the files at hand.
import type { CaId, CertificateId } from '../../catalogue/ids.ts';
import type { Configuration } from '../configuration.ts';
import { shellWord } from '../../formats/text.ts';
import { lifetimeOf } from '../../policy/renewable.ts';
import { manageableOf, type RenewableCertificate } from './candidates.ts';
import { groupBy, type NodeView, type View } from './view.ts';

const day = 86_400_000;

/** kubeadm's own places, for a node whose scan named no CA file. */
const caPaths: Readonly<Record<CaId, string>> = {
  kubernetes: '/etc/kubernetes/pki/ca.crt',
  etcd: '/etc/kubernetes/pki/etcd/ca.crt',
  'front-proxy': '/etc/kubernetes/pki/front-proxy-ca.crt',
};

/**
 * `cert-renew --ca-cert … --ca-key … --days N FILE…`, one line for each CA and lifetime; empty when nothing is known of
 * the node.
 */
export function renewLines(node: NodeView, ids: readonly CertificateId[], view: View): string[] {
  const { configuration } = view.world;
  const wanted = new Set<string>(ids);
  const found = manageableOf(node, view.world).filter(({ id }) => wanted.has(id));
  const calls = groupBy(found, ({ id, ca }) => `${ca} ${daysOf(id, configuration)}`);
  return [...calls.values()].flatMap((certificates) => lineOf(certificates, node, configuration));
}

export function manualAdvice(node: NodeView, ids: readonly CertificateId[], view: View): string {
  const lines = renewLines(node, ids, view);
  if (lines.length === 0) return `renew the certificates on ${node.name} by hand with cert-renew`;
  const typed = lines.join(' && ');
  if (node.role !== 'worker') return `run on ${node.name}: ${typed}`;
  return (
    `the CA's key lies on the control planes and stays there: cert-renew request on ${node.name}, cert-renew sign on ` +
    `one of them, cert-renew install on ${node.name}; with the CA and its key at hand: ${typed}`
  );
}

function lineOf(
  certificates: readonly RenewableCertificate[],
  node: NodeView,
  configuration: Configuration,
): string[] {
  const [first] = certificates;
  if (first === undefined) return [];
  const found = node.inventory?.certificates.find((row) => row.kind === 'ca' && row.ca === first.ca)?.path;
  const ca = found ?? caPaths[first.ca];
  const key = ca.replace(/\.crt$/, '.key');
  const files = certificates.map(({ row }) => shellWord(row.path)).join(' ');
  return [
    `cert-renew --ca-cert ${shellWord(ca)} --ca-key ${shellWord(key)} --days ${daysOf(first.id, configuration)} ${files}`,
  ];
}

function daysOf(id: CertificateId, configuration: Configuration): number {
  return Math.max(1, Math.ceil(lifetimeOf(id, configuration) / day));
}
