// Where a kubeadm node has its certificates, and where each is seen alive: the observer's own list, so that it believes
// nothing that the product believes.
export type Form = 'pair' | 'kubeconfig' | 'combined';

/** How a certificate is seen to be in use. */
export type Sight =
  | { readonly kind: 'served'; readonly port: number }
  /** A request with it is answered. `target`: which server of the node, or what its kubeconfig names. */
  | { readonly kind: 'asked'; readonly target: 'kubeconfig' | number; readonly path: string }
  /** The process that reads it was started after the file, and its node's API server is ready. */
  | { readonly kind: 'started'; readonly process: string };

export interface Place {
  readonly id: string;
  readonly form: Form;
  /** Below the node's root; of a pair without `.crt` and `.key`. */
  readonly path: string;
  readonly sight: Sight;
}

const pki = 'etc/kubernetes/pki';
const served = (port: number): Sight => ({ kind: 'served', port });
const byKubeconfig: Sight = { kind: 'asked', target: 'kubeconfig', path: '/version' };
const started: Sight = { kind: 'started', process: 'kube-apiserver' };

const everyNode: readonly Place[] = [
  { id: 'kubelet.crt', form: 'pair', path: 'var/lib/kubelet/pki/kubelet', sight: served(10_250) },
  {
    id: 'kubelet-client-current.pem',
    form: 'combined',
    path: 'var/lib/kubelet/pki/kubelet-client-current.pem',
    sight: byKubeconfig,
  },
];

const controlPlane: readonly Place[] = [
  { id: 'apiserver.crt', form: 'pair', path: `${pki}/apiserver`, sight: served(6443) },
  { id: 'etcd/server.crt', form: 'pair', path: `${pki}/etcd/server`, sight: served(2379) },
  { id: 'etcd/peer.crt', form: 'pair', path: `${pki}/etcd/peer`, sight: served(2380) },
  {
    id: 'etcd/healthcheck-client.crt',
    form: 'pair',
    path: `${pki}/etcd/healthcheck-client`,
    sight: { kind: 'asked', target: 2379, path: '/health' },
  },
  {
    id: 'apiserver-kubelet-client.crt',
    form: 'pair',
    path: `${pki}/apiserver-kubelet-client`,
    sight: { kind: 'asked', target: 10_250, path: '/healthz' },
  },
  { id: 'apiserver-etcd-client.crt', form: 'pair', path: `${pki}/apiserver-etcd-client`, sight: started },
  { id: 'front-proxy-client.crt', form: 'pair', path: `${pki}/front-proxy-client`, sight: started },
  { id: 'admin.conf', form: 'kubeconfig', path: 'etc/kubernetes/admin.conf', sight: byKubeconfig },
  {
    id: 'controller-manager.conf',
    form: 'kubeconfig',
    path: 'etc/kubernetes/controller-manager.conf',
    sight: byKubeconfig,
  },
  { id: 'scheduler.conf', form: 'kubeconfig', path: 'etc/kubernetes/scheduler.conf', sight: byKubeconfig },
];

export const placesOf = (role: 'control-plane' | 'worker'): readonly Place[] =>
  role === 'worker' ? everyNode : [...controlPlane, ...everyNode];
