// The manual's table, as data: each certificate in one place. Who may hold it stands in policy/identity-rules.ts, under
// the same id.
import { posix } from 'node:path';
import type { CaId, CertificateId, Component, Location, NodeRole, StaticComponent } from './ids.ts';
import type { NodeView } from './node-view.ts';

export interface Entry {
  readonly id: CertificateId;
  readonly title: string;
  readonly roles: readonly NodeRole[];
  readonly ca: CaId;
  /** Whose lifetime and trigger hold: 91 days for the kubelet, 365 for the others by default. */
  readonly profile: 'kubelet' | 'control-plane';
  /** What must take it up. */
  readonly component: Component;
  /** How it is seen alive (R20). */
  readonly proof: string;
  /** Where it lies on this node; undefined when the node has no such certificate. */
  readonly find: (node: NodeView) => Location | undefined;
}

/** Where kubeadm puts a pair, when the manifest does not say. */
const pki = '/etc/kubernetes/pki';

function pairOf(
  component: StaticComponent,
  flags: { readonly certificate: string; readonly key: string },
  fallback: string,
): Entry['find'] {
  return (node) => {
    if (!node.pods.has(component)) return undefined;
    const certPath = node.flagPath(component, flags.certificate);
    const keyPath = node.flagPath(component, flags.key);
    if (certPath !== undefined && keyPath !== undefined) {
      return certPath === keyPath
        ? { form: 'combined', path: certPath }
        : { form: 'pair', certPath, keyPath };
    }
    // A manifest that was read and names no such pair has none: an etcd without TLS, an API server without etcd's.
    if (node.pods.get(component)?.container !== undefined && certPath === undefined) return undefined;
    return { form: 'pair', certPath: `${pki}/${fallback}.crt`, keyPath: `${pki}/${fallback}.key` };
  };
}

/** kubeadm's own probe used it; it lies beside the server's. */
function healthcheckClient(node: NodeView): Location | undefined {
  if (!node.pods.has('etcd')) return undefined;
  const directory = posix.dirname(node.flagPath('etcd', 'cert-file') ?? `${pki}/etcd/server.crt`);
  return {
    form: 'pair',
    certPath: `${directory}/healthcheck-client.crt`,
    keyPath: `${directory}/healthcheck-client.key`,
  };
}

function administrators(path: string): Entry['find'] {
  return (node) => (node.pods.has('kube-apiserver') ? node.credential(path) : undefined);
}

/** Kubeconfigs without which a component does nothing. */
export const ownKubeconfigIds = ['controller-manager.conf', 'scheduler.conf'] as const;
export type OwnKubeconfig = (typeof ownKubeconfigIds)[number];

const ownersOf: Readonly<Record<OwnKubeconfig, StaticComponent>> = {
  'controller-manager.conf': 'kube-controller-manager',
  'scheduler.conf': 'kube-scheduler',
};

/** Undefined: its component does not run on this node. */
export function ownKubeconfigPath(node: NodeView, id: OwnKubeconfig): string | undefined {
  const component = ownersOf[id];
  if (!node.pods.has(component)) return undefined;
  return node.flagPath(component, 'kubeconfig') ?? `/etc/kubernetes/${id}`;
}

function ownKubeconfig(id: OwnKubeconfig): Entry['find'] {
  return (node) => {
    const path = ownKubeconfigPath(node, id);
    return path === undefined ? undefined : node.credential(path);
  };
}

/** With serverTLSBootstrap the kubelet keeps its own, as kubelet-server-current.pem (R2). */
function kubeletServing({ kubelet }: NodeView): Location | undefined {
  const { tlsCertFile: certPath, tlsPrivateKeyFile: keyPath, certDirectory } = kubelet;
  if (certPath !== undefined && keyPath !== undefined) {
    return certPath === keyPath ? { form: 'combined', path: certPath } : { form: 'pair', certPath, keyPath };
  }
  if (kubelet.serverTLSBootstrap)
    return { form: 'combined', path: `${certDirectory}/kubelet-server-current.pem` };
  return { form: 'pair', certPath: `${certDirectory}/kubelet.crt`, keyPath: `${certDirectory}/kubelet.key` };
}

/**
 * The kubeconfig names the file, or holds the data itself (kubeadm before 1.17). A kubelet that has none, or logs in
 * otherwise, may have got a certificate all the same, and need not.
 */
function kubeletClient(node: NodeView): Location | undefined {
  const { kubeconfigPath, certDirectory } = node.kubelet;
  const named = kubeconfigPath === undefined ? undefined : node.credential(kubeconfigPath);
  if (named !== undefined) return named;
  const path = `${certDirectory}/kubelet-client-current.pem`;
  const needsOne = kubeconfigPath !== undefined && node.lacks(kubeconfigPath).lack !== 'no-certificate';
  return needsOne || node.isPresent(path) ? { form: 'combined', path } : undefined;
}

const controlPlane = { roles: ['control-plane'], profile: 'control-plane' } as const;
const everyNode = { roles: ['control-plane', 'worker'], profile: 'kubelet', component: 'kubelet' } as const;

/** In the order in which a rotation takes them (design §4). */
export const table: readonly Entry[] = [
  {
    ...controlPlane,
    id: 'etcd/server.crt',
    title: 'etcd serving',
    ca: 'etcd',
    component: 'etcd',
    proof: 'handshake on 2379 shows the new serial',
    find: pairOf('etcd', { certificate: 'cert-file', key: 'key-file' }, 'etcd/server'),
  },
  {
    ...controlPlane,
    id: 'etcd/peer.crt',
    title: 'etcd member to member',
    ca: 'etcd',
    component: 'etcd',
    proof: 'handshake on 2380 shows the new serial',
    find: pairOf('etcd', { certificate: 'peer-cert-file', key: 'peer-key-file' }, 'etcd/peer'),
  },
  {
    ...controlPlane,
    id: 'etcd/healthcheck-client.crt',
    title: 'etcd health checks',
    ca: 'etcd',
    component: 'none',
    proof: 'etcd answers a request made with it',
    find: healthcheckClient,
  },
  {
    ...controlPlane,
    id: 'apiserver-etcd-client.crt',
    title: 'kube-apiserver to etcd',
    ca: 'etcd',
    component: 'kube-apiserver',
    proof: 'kube-apiserver started after the file, and /readyz/etcd is well',
    find: pairOf(
      'kube-apiserver',
      { certificate: 'etcd-certfile', key: 'etcd-keyfile' },
      'apiserver-etcd-client',
    ),
  },
  {
    ...controlPlane,
    id: 'apiserver-kubelet-client.crt',
    title: 'kube-apiserver to kubelet',
    ca: 'kubernetes',
    component: 'kube-apiserver',
    proof: '10250/healthz answers a request made with it',
    find: pairOf(
      'kube-apiserver',
      { certificate: 'kubelet-client-certificate', key: 'kubelet-client-key' },
      'apiserver-kubelet-client',
    ),
  },
  {
    ...controlPlane,
    id: 'front-proxy-client.crt',
    title: 'kube-apiserver to aggregated API servers',
    ca: 'front-proxy',
    component: 'kube-apiserver',
    proof: 'kube-apiserver started after the file',
    find: pairOf(
      'kube-apiserver',
      { certificate: 'proxy-client-cert-file', key: 'proxy-client-key-file' },
      'front-proxy-client',
    ),
  },
  {
    ...controlPlane,
    id: 'apiserver.crt',
    title: 'kube-apiserver serving',
    ca: 'kubernetes',
    component: 'kube-apiserver',
    proof: 'handshake on 6443 shows the new serial',
    find: pairOf(
      'kube-apiserver',
      { certificate: 'tls-cert-file', key: 'tls-private-key-file' },
      'apiserver',
    ),
  },
  {
    ...controlPlane,
    id: 'admin.conf',
    title: 'administrator’s kubeconfig',
    ca: 'kubernetes',
    component: 'none',
    proof: 'GET /version with it',
    find: administrators('/etc/kubernetes/admin.conf'),
  },
  {
    ...controlPlane,
    id: 'super-admin.conf',
    title: 'super-administrator’s kubeconfig',
    ca: 'kubernetes',
    component: 'none',
    proof: 'GET /version with it',
    find: administrators('/etc/kubernetes/super-admin.conf'),
  },
  {
    ...controlPlane,
    id: '/root/.kube/config',
    title: 'root’s kubeconfig',
    ca: 'kubernetes',
    component: 'none',
    proof: 'GET /version with it',
    find: administrators('/root/.kube/config'),
  },
  {
    ...controlPlane,
    id: 'controller-manager.conf',
    title: 'kube-controller-manager’s kubeconfig',
    ca: 'kubernetes',
    component: 'kube-controller-manager',
    proof: 'started after the file and sees the new bytes; GET /version with it',
    find: ownKubeconfig('controller-manager.conf'),
  },
  {
    ...controlPlane,
    id: 'scheduler.conf',
    title: 'kube-scheduler’s kubeconfig',
    ca: 'kubernetes',
    component: 'kube-scheduler',
    proof: 'started after the file and sees the new bytes; GET /version with it',
    find: ownKubeconfig('scheduler.conf'),
  },
  {
    ...everyNode,
    id: 'kubelet.crt',
    title: 'kubelet serving',
    ca: 'kubernetes',
    proof: 'handshake on 10250 shows the new serial',
    find: kubeletServing,
  },
  {
    ...everyNode,
    id: 'kubelet-client-current.pem',
    title: 'kubelet client',
    ca: 'kubernetes',
    proof: 'the kubelet started after the file; the API server takes it',
    find: kubeletClient,
  },
];

/** The row of one id. */
export function entryOf(id: CertificateId): Entry {
  const entry = table.find((each) => each.id === id);
  if (entry === undefined) throw new Error(`the table has no ${id}`);
  return entry;
}
