// A node's directory: certificates, kubeconfigs, manifests and the kubelet's configuration as kubeadm lays them down.
import * as fs from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';
import type { CertificateId } from '../../catalogue/ids.ts';
import type { San } from '../../pki/certificate.ts';
import type { Identity } from '../../pki/issue.ts';
import { makeLeaf, type Authority, type Pair } from './authority.ts';
import { manifestsOf } from './manifests.ts';
import type { ClusterPlan, PlannedNode } from './plan.ts';

export interface Authorities {
  readonly kubernetes: Authority;
  readonly etcd: Authority;
  readonly 'front-proxy': Authority;
}

/** PEM of the key that signs ServiceAccounts' tokens, the same on every control plane. */
export interface ClusterSecrets extends Authorities {
  readonly serviceAccountKey: string;
}

type Issue = (id: CertificateId, identity: Partial<Identity>, authority?: keyof Authorities) => Pair;
type Write = (path: string, text: string, mode?: number) => void;

/** @param root an empty directory, which becomes the node's root */
export function layNode(root: string, plan: ClusterPlan, node: PlannedNode, secrets: ClusterSecrets): void {
  const write: Write = (path, text, mode = 0o644) => {
    const file = join(root, path);
    fs.mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    fs.writeFileSync(file, text, { mode });
  };
  const issue: Issue = (id, identity, authority = 'kubernetes') =>
    makeLeaf(secrets[authority], identity, plan.validity(node, id));
  fs.mkdirSync(root, { recursive: true, mode: 0o755 });
  for (const name of ['etc/default', 'etc/sysconfig', 'etc/systemd/system', 'etc/kubernetes/manifests'])
    fs.mkdirSync(join(root, name), { recursive: true, mode: 0o755 });
  fs.mkdirSync(join(root, 'root'), { mode: 0o700 });
  write('etc/machine-id', `${createHash('md5').update(`${root}${node.name}`).digest('hex')}\n`);
  layKubelet(write, plan, node, secrets, issue);
  const client = join(root, 'var/lib/kubelet/pki', 'kubelet-client-current.pem');
  // The link is absolute, as the kubelet makes it: it counts from the node's own root.
  fs.symlinkSync(clientFile, client);
  if (node.role === 'control-plane') layControlPlane(write, plan, node, secrets, issue);
}

const pki = 'etc/kubernetes/pki';
const clientFile = '/var/lib/kubelet/pki/kubelet-client-2026-01-01-00-00-00.pem';
const currentClient = '/var/lib/kubelet/pki/kubelet-client-current.pem';

function layKubelet(
  write: Write,
  plan: ClusterPlan,
  node: PlannedNode,
  { kubernetes }: Authorities,
  issue: Issue,
): void {
  const user = `system:node:${node.name}`;
  const nodes = { commonName: user, organizations: ['system:nodes'] };
  const serving = issue('kubelet.crt', {
    ...nodes,
    sans: sansOf(node.name, node.address),
    extendedKeyUsages: ['serverAuth'],
  });
  const login = issue('kubelet-client-current.pem', nodes);
  write('var/lib/kubelet/pki/kubelet.crt', serving.certificate);
  write('var/lib/kubelet/pki/kubelet.key', serving.key, 0o600);
  write(clientFile, login.certificate + login.key, 0o600);
  write(`${pki}/ca.crt`, kubernetes.certificate);
  const files = { 'client-certificate': currentClient, 'client-key': currentClient };
  write('etc/kubernetes/kubelet.conf', kubeconfig(serverOf(plan), kubernetes, 'default-auth', files), 0o600);
  write('var/lib/kubelet/config.yaml', kubeletConfiguration(node));
  write('var/lib/kubelet/kubeadm-flags.env', flagsFile(node));
  write('usr/lib/systemd/system/kubelet.service', unit);
  write('usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf', dropIn);
}

function layControlPlane(
  write: Write,
  plan: ClusterPlan,
  node: PlannedNode,
  secrets: ClusterSecrets,
  issue: Issue,
): void {
  const pair = (path: string, { certificate, key }: Pair): void => {
    write(`${pki}/${path}.crt`, certificate);
    write(`${pki}/${path}.key`, key, 0o600);
  };
  pair('ca', secrets.kubernetes);
  pair('etcd/ca', secrets.etcd);
  pair('front-proxy-ca', secrets['front-proxy']);
  write(`${pki}/sa.key`, secrets.serviceAccountKey, 0o600);
  const own = sansOf(node.name, node.address);
  const names = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
  ];
  const served = [...names.map(dns), ...own, ip(plan.endpoint.host)];
  const server = { extendedKeyUsages: ['serverAuth'] } as const;
  const member = {
    commonName: node.name,
    sans: [...own, dns('localhost')],
    extendedKeyUsages: ['serverAuth', 'clientAuth'],
  } as const;
  pair('apiserver', issue('apiserver.crt', { commonName: 'kube-apiserver', sans: served, ...server }));
  pair(
    'apiserver-kubelet-client',
    issue('apiserver-kubelet-client.crt', {
      commonName: 'kube-apiserver-kubelet-client',
      organizations: ['kubeadm:cluster-admins'],
    }),
  );
  pair(
    'apiserver-etcd-client',
    issue('apiserver-etcd-client.crt', { commonName: 'kube-apiserver-etcd-client' }, 'etcd'),
  );
  pair(
    'front-proxy-client',
    issue('front-proxy-client.crt', { commonName: 'front-proxy-client' }, 'front-proxy'),
  );
  pair('etcd/server', issue('etcd/server.crt', member, 'etcd'));
  pair('etcd/peer', issue('etcd/peer.crt', member, 'etcd'));
  pair(
    'etcd/healthcheck-client',
    issue('etcd/healthcheck-client.crt', { commonName: 'kube-etcd-healthcheck-client' }, 'etcd'),
  );
  layKubeconfigs(write, plan, node, secrets, issue);
  for (const [name, text] of Object.entries(manifestsOf(plan, node)))
    write(`etc/kubernetes/manifests/${name}`, text, 0o600);
}

function layKubeconfigs(
  write: Write,
  plan: ClusterPlan,
  node: PlannedNode,
  { kubernetes }: Authorities,
  issue: Issue,
): void {
  const lay = (path: string, id: CertificateId, server: string, user: Partial<Identity>): void => {
    const { certificate, key } = issue(id, user);
    const data = { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) };
    write(path, kubeconfig(server, kubernetes, user.commonName ?? '', data), 0o600);
  };
  const own = `https://${node.address}:6443`;
  const admin = { commonName: 'kubernetes-admin', organizations: ['kubeadm:cluster-admins'] };
  lay('etc/kubernetes/admin.conf', 'admin.conf', serverOf(plan), admin);
  lay('etc/kubernetes/controller-manager.conf', 'controller-manager.conf', own, {
    commonName: 'system:kube-controller-manager',
  });
  lay('etc/kubernetes/scheduler.conf', 'scheduler.conf', own, { commonName: 'system:kube-scheduler' });
}

const dns = (value: string): San => ({ kind: 'dns', value });
const ip = (value: string): San => ({ kind: 'ip', value });
const sansOf = (name: string, address: string): readonly San[] => [dns(name), ip(address)];
const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');
export const serverOf = ({ endpoint }: ClusterPlan): string => `https://${endpoint.host}:${endpoint.port}`;

export function kubeconfig(
  server: string,
  authority: Pick<Authority, 'certificate'>,
  user: string,
  credentials: Readonly<Record<string, string>>,
): string {
  const cluster = { 'certificate-authority-data': base64(authority.certificate), server };
  return stringify({
    apiVersion: 'v1',
    clusters: [{ cluster, name: 'kubernetes' }],
    contexts: [{ context: { cluster: 'kubernetes', user }, name: `${user}@kubernetes` }],
    'current-context': `${user}@kubernetes`,
    kind: 'Config',
    users: [{ name: user, user: credentials }],
  });
}

const kubeletConfiguration = ({ address }: PlannedNode): string =>
  stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address,
    authentication: { anonymous: { enabled: false }, x509: { clientCAFile: '/etc/kubernetes/pki/ca.crt' } },
    // It would renew its client certificate by itself, long before anybody could watch how that is done here.
    rotateCertificates: false,
    staticPodPath: '/etc/kubernetes/manifests',
    tlsCertFile: '/var/lib/kubelet/pki/kubelet.crt',
    tlsPrivateKeyFile: '/var/lib/kubelet/pki/kubelet.key',
  });

const flagsFile = ({ name, address }: PlannedNode): string =>
  `KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/containerd/containerd.sock --hostname-override=${name} --node-ip=${address}"\n`;

const unit = `[Unit]
Description=kubelet: The Kubernetes Node Agent

[Service]
ExecStart=/usr/bin/kubelet
Restart=always

[Install]
WantedBy=multi-user.target
`;

const dropIn = `[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
`;
