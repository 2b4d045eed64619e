// The allow-list as data: who each certificate of the catalogue may be. Sources: the PKI page of the Kubernetes
// documents, kubeadm's certificate table, and what certificates made by other installers carry.
import type { CertificateId, NodeRole } from '../catalogue/ids.ts';

/** What may stand in the subject, usages and names of one certificate. `<node>` is the name of its Node. */
export interface IdentityRule {
  readonly roles: readonly NodeRole[];
  readonly commonNames: readonly string[];
  /** Each entry is one allowed set of organizations; the whole set must be equal. */
  readonly organizations: readonly (readonly string[])[];
  /** Each entry is one allowed set of extended key usages; the whole set must be equal. */
  readonly usages: readonly (readonly ('serverAuth' | 'clientAuth')[])[];
  /** none: a client's; any: DNS names and addresses as the old one had; kubelet: only what R5 allows. */
  readonly sans: 'none' | 'any' | 'kubelet';
}

const client = [['clientAuth']] as const;
const server = [['serverAuth']] as const;
// etcd's members are clients of each other, and operators run etcdctl with the server's certificate.
const etcdMember = [['serverAuth', 'clientAuth'], ['serverAuth']] as const;
const nobody = [[]] as const;
const masters = 'system:masters';
const clusterAdmins = 'kubeadm:cluster-admins';

export const identityRules: Readonly<Record<CertificateId, IdentityRule>> = {
  'apiserver.crt': {
    roles: ['control-plane'],
    commonNames: ['kube-apiserver'],
    organizations: nobody,
    usages: server,
    sans: 'any',
  },
  'apiserver-etcd-client.crt': {
    roles: ['control-plane'],
    commonNames: ['kube-apiserver-etcd-client'],
    organizations: [[], [masters]],
    usages: client,
    sans: 'none',
  },
  'apiserver-kubelet-client.crt': {
    roles: ['control-plane'],
    commonNames: ['kube-apiserver-kubelet-client'],
    // kubeadm 1.37 gives none: ClusterRoleBinding kubeadm:apiserver-kubelet-client names the common name.
    organizations: [[masters], [clusterAdmins], []],
    usages: client,
    sans: 'none',
  },
  'front-proxy-client.crt': {
    roles: ['control-plane'],
    commonNames: ['front-proxy-client'],
    organizations: nobody,
    usages: client,
    sans: 'none',
  },
  'etcd/server.crt': {
    roles: ['control-plane'],
    commonNames: ['<node>', 'kube-etcd', 'etcd-server', 'etcd'],
    organizations: nobody,
    usages: etcdMember,
    sans: 'any',
  },
  'etcd/peer.crt': {
    roles: ['control-plane'],
    commonNames: ['<node>', 'kube-etcd-peer', 'etcd-peer', 'etcd'],
    organizations: nobody,
    usages: etcdMember,
    sans: 'any',
  },
  'etcd/healthcheck-client.crt': {
    roles: ['control-plane'],
    commonNames: ['kube-etcd-healthcheck-client'],
    organizations: [[], [masters]],
    usages: client,
    sans: 'none',
  },
  '/root/.kube/config': {
    roles: ['control-plane'],
    commonNames: ['kubernetes-admin', 'kubernetes-super-admin'],
    organizations: [[masters], [clusterAdmins]],
    usages: client,
    sans: 'none',
  },
  'admin.conf': {
    roles: ['control-plane'],
    commonNames: ['kubernetes-admin'],
    organizations: [[masters], [clusterAdmins]],
    usages: client,
    sans: 'none',
  },
  'super-admin.conf': {
    roles: ['control-plane'],
    commonNames: ['kubernetes-super-admin'],
    organizations: [[masters]],
    usages: client,
    sans: 'none',
  },
  'controller-manager.conf': {
    roles: ['control-plane'],
    commonNames: ['system:kube-controller-manager'],
    organizations: nobody,
    usages: client,
    sans: 'none',
  },
  'scheduler.conf': {
    roles: ['control-plane'],
    commonNames: ['system:kube-scheduler'],
    organizations: nobody,
    usages: client,
    sans: 'none',
  },
  'kubelet.crt': {
    roles: ['control-plane', 'worker'],
    commonNames: ['system:node:<node>', 'kubelet'],
    organizations: [['system:nodes'], []],
    usages: server,
    sans: 'kubelet',
  },
  'kubelet-client-current.pem': {
    roles: ['control-plane', 'worker'],
    commonNames: ['system:node:<node>'],
    organizations: [['system:nodes']],
    usages: client,
    sans: 'none',
  },
};
