// The static Pods of a control plane, as kubeadm writes them. Pure.
import { stringify } from 'yaml';
import { controlPlanesOf, type ClusterPlan, type PlannedNode } from './plan.ts';

const pki = '/etc/kubernetes/pki';

export const registry = 'registry.k8s.io';

/** By file name. */
export function manifestsOf(plan: ClusterPlan, node: PlannedNode): Readonly<Record<string, string>> {
  return {
    'etcd.yaml': etcd(plan, node),
    'kube-apiserver.yaml': apiserver(plan, node),
    'kube-controller-manager.yaml': client(plan, 'kube-controller-manager', 'controller-manager.conf', [
      `--client-ca-file=${pki}/ca.crt`,
      `--cluster-signing-cert-file=${pki}/ca.crt`,
      `--cluster-signing-key-file=${pki}/ca.key`,
      `--root-ca-file=${pki}/ca.crt`,
      `--service-account-private-key-file=${pki}/sa.key`,
    ]),
    'kube-scheduler.yaml': client(plan, 'kube-scheduler', 'scheduler.conf', []),
  };
}

function etcd(plan: ClusterPlan, { name, address }: PlannedNode): string {
  const members = controlPlanesOf(plan).map((each) => `${each.name}=https://${each.address}:2380`);
  const flags = [
    `--advertise-client-urls=https://${address}:2379`,
    `--cert-file=${pki}/etcd/server.crt`,
    '--client-cert-auth=true',
    '--data-dir=/var/lib/etcd',
    `--initial-advertise-peer-urls=https://${address}:2380`,
    `--initial-cluster=${members.join(',')}`,
    `--key-file=${pki}/etcd/server.key`,
    `--listen-client-urls=https://${address}:2379`,
    `--listen-peer-urls=https://${address}:2380`,
    `--name=${name}`,
    `--peer-cert-file=${pki}/etcd/peer.crt`,
    '--peer-client-cert-auth=true',
    `--peer-key-file=${pki}/etcd/peer.key`,
    `--peer-trusted-ca-file=${pki}/etcd/ca.crt`,
    `--trusted-ca-file=${pki}/etcd/ca.crt`,
  ];
  return manifest('etcd', `${registry}/etcd:3.6.5-0`, flags, {
    volumes: [
      ['etcd-certs', `${pki}/etcd`, 'DirectoryOrCreate'],
      ['etcd-data', '/var/lib/etcd', 'DirectoryOrCreate'],
    ],
  });
}

function apiserver(plan: ClusterPlan, { address }: PlannedNode): string {
  const flags = [
    `--advertise-address=${address}`,
    `--bind-address=${address}`,
    '--authorization-mode=Node,RBAC',
    `--client-ca-file=${pki}/ca.crt`,
    '--enable-admission-plugins=NodeRestriction',
    `--etcd-cafile=${pki}/etcd/ca.crt`,
    `--etcd-certfile=${pki}/apiserver-etcd-client.crt`,
    `--etcd-keyfile=${pki}/apiserver-etcd-client.key`,
    `--etcd-servers=https://${address}:2379`,
    `--kubelet-client-certificate=${pki}/apiserver-kubelet-client.crt`,
    `--kubelet-client-key=${pki}/apiserver-kubelet-client.key`,
    `--proxy-client-cert-file=${pki}/front-proxy-client.crt`,
    `--proxy-client-key-file=${pki}/front-proxy-client.key`,
    `--requestheader-client-ca-file=${pki}/front-proxy-ca.crt`,
    '--secure-port=6443',
    '--shutdown-delay-duration=1s',
    `--tls-cert-file=${pki}/apiserver.crt`,
    `--tls-private-key-file=${pki}/apiserver.key`,
  ];
  const httpGet = { host: address, path: '/readyz', port: 6443, scheme: 'HTTPS' };
  return manifest('kube-apiserver', `${registry}/kube-apiserver:${plan.version}`, flags, {
    volumes: [['k8s-certs', pki, 'DirectoryOrCreate']],
    readinessProbe: { httpGet, periodSeconds: 1, timeoutSeconds: 15, failureThreshold: 3 },
  });
}

function client(plan: ClusterPlan, component: string, file: string, more: readonly string[]): string {
  const kubeconfig = `/etc/kubernetes/${file}`;
  const flags = [
    `--authentication-kubeconfig=${kubeconfig}`,
    `--authorization-kubeconfig=${kubeconfig}`,
    `--kubeconfig=${kubeconfig}`,
    '--leader-elect=true',
    ...more,
  ];
  return manifest(component, `${registry}/${component}:${plan.version}`, flags, {
    // A file, mounted by its inode: who is not started anew goes on seeing the old one.
    volumes: [
      ['kubeconfig', kubeconfig, 'FileOrCreate'],
      ...(more.length === 0 ? [] : [['k8s-certs', pki, 'DirectoryOrCreate'] as const]),
    ],
  });
}

interface More {
  readonly volumes: readonly (readonly [name: string, path: string, type: string])[];
  readonly readinessProbe?: object;
}

function manifest(component: string, image: string, flags: readonly string[], more: More): string {
  const { volumes, readinessProbe } = more;
  return stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      labels: { component, tier: 'control-plane' },
      name: component,
      namespace: 'kube-system',
    },
    spec: {
      containers: [
        {
          command: [component, ...flags],
          image,
          imagePullPolicy: 'IfNotPresent',
          name: component,
          ...(readinessProbe === undefined ? {} : { readinessProbe }),
          volumeMounts: volumes.map(([name, mountPath]) => ({
            mountPath,
            name,
            ...(name === 'etcd-data' ? {} : { readOnly: true }),
          })),
        },
      ],
      hostNetwork: true,
      priorityClassName: 'system-node-critical',
      terminationGracePeriodSeconds: 5,
      volumes: volumes.map(([name, path, type]) => ({ hostPath: { path, type }, name })),
    },
  });
}
