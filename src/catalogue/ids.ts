// The names by which everything else speaks of certificates, authorities and components: the manual's own.

export const certificateIds = [
  'apiserver.crt',
  'apiserver-etcd-client.crt',
  'apiserver-kubelet-client.crt',
  'front-proxy-client.crt',
  'etcd/server.crt',
  'etcd/peer.crt',
  'etcd/healthcheck-client.crt',
  '/root/.kube/config',
  'admin.conf',
  'super-admin.conf',
  'controller-manager.conf',
  'scheduler.conf',
  'kubelet.crt',
  'kubelet-client-current.pem',
] as const;
export type CertificateId = (typeof certificateIds)[number];

export const caIds = ['kubernetes', 'etcd', 'front-proxy'] as const;
export type CaId = (typeof caIds)[number];

/** What serves or uses a certificate and must take up a new one. `none`: no process (administrators' kubeconfigs). */
export const components = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'none',
] as const;
export type Component = (typeof components)[number];

/** Each runs in a static Pod. */
export type StaticComponent = Exclude<Component, 'kubelet' | 'none'>;
export const staticComponents: readonly StaticComponent[] = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
];

export type NodeRole = 'control-plane' | 'worker';

/** Where a certificate and its key live: two files, one combined PEM, or base64 inside a kubeconfig's user. */
export type Location =
  | { readonly form: 'pair'; readonly certPath: string; readonly keyPath: string }
  | { readonly form: 'combined'; readonly path: string }
  | { readonly form: 'kubeconfig'; readonly path: string; readonly user: string };

/** One certificate of one node, found from what the node itself says. Paths are the node's own (no Pod prefix). */
export interface Target {
  readonly id: CertificateId;
  readonly location: Location;
}

export interface CaLocation {
  readonly id: CaId;
  readonly certPath: string;
  readonly keyPath: string;
}
