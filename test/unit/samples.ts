// One real text of each kind that the product reads: seeds for the fuzzing of its parsers.
import type { RotateResult, ScanResult } from '../../src/agent/protocol.ts';
import type { RequestBlock, ResponseBlock } from '../../src/cli/offline/block.ts';

const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');

export const kubeconfig = (certificate: string, key: string): string => `# kept
apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority-data: ${base64(certificate)}
    server: https://10.0.0.1:6443
  name: kubernetes
contexts:
- context: {cluster: kubernetes, user: admin}
  name: admin@kubernetes
current-context: admin@kubernetes
users:
- name: other
  user: {client-certificate: pki/a.crt, client-key: /pki/a.key, exec: {command: x}}
- name: admin
  user:
    client-certificate-data: ${base64(certificate)}
    client-key-data: "${base64(key)}"
`;

export const manifest = `apiVersion: v1
kind: Pod
metadata:
  annotations:
    kubeadm.kubernetes.io/etcd.advertise-client-urls: https://10.0.0.1:2379
  labels: {component: etcd, tier: control-plane}
  name: etcd
  namespace: kube-system
spec:
  containers:
  - command:
    - etcd
    - --cert-file=/etc/kubernetes/pki/etcd/server.crt
    - --listen-client-urls
    - https://127.0.0.1:2379
    env: [{name: A, value: "1"}]
    name: etcd
    volumeMounts:
    - {mountPath: /etc/kubernetes/pki/etcd, name: certs, subPath: sub}
  hostNetwork: true
  volumes:
  - hostPath: {path: /etc/kubernetes/pki/etcd, type: DirectoryOrCreate}
    name: certs
status: {}
`;

export const kubeletConfiguration = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}
address: 0.0.0.0
port: 10250
rotateCertificates: true
serverTLSBootstrap: false
staticPodPath: /etc/kubernetes/manifests
tlsCertFile: /etc/kubernetes/pki/kubelet.crt
tlsPrivateKeyFile: /etc/kubernetes/pki/kubelet.key
`;

export const unit = `[Unit]
Description=kubelet
[Service]
Environment="A=--v=2" 'B=x y'
ExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml \\
  # a comment between
  $A \${B} --cert-dir "/var/lib/kubelet/pki"
Restart=always
`;

export const dropIn = `[Service]
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
Environment=C=--port=10251
ExecStart=
ExecStart=-/bin/sh -c '/usr/bin/kubelet $KUBELET_KUBEADM_ARGS $C'
`;

export const environment = `# by kubeadm
KUBELET_KUBEADM_ARGS="--tls-cert-file=/a.crt --node-ip='10.0.0.1'"
export OTHER=--v=3\\
 --more
`;

export const configuration = `mode: manual
lifetimes: { kubelet: 1h, controlPlane: 1h30m }
trigger: { percent: 50, days: 0 }
groupWithin: 0
windows:
  - { cron: "0 1 * * 6", duration: 4h, zone: Asia/Shanghai }
extraHostPaths: [/opt/pki]
backoff: { first: 1m, most: 1h }
keyPolicy: keep
`;

export const clusterConfiguration = `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
controlPlaneEndpoint: "lb.example.org:6443"
apiServer: {certSANs: [10.0.0.200]}
etcd: {external: {endpoints: ["https://[fd00::9]:2379"]}}
`;

const serial = '0123456789abcdef';
const row = {
  id: 'apiserver.crt',
  path: '/etc/kubernetes/pki/apiserver.crt',
  kind: 'pair',
  ca: 'kubernetes',
  subject: 'CN=kube-apiserver',
  issuer: 'CN=kubernetes',
  serial,
  notBefore: '2026-01-01T00:00:00Z',
  notAfter: '2027-01-01T00:00:00Z',
  sans: ['DNS:kubernetes', 'IP:10.96.0.1'],
  keyAlgorithm: 'RSA-2048',
  sha256: 'ab'.repeat(32),
  state: 'Ok',
  reason: '',
} as const;

export const scanResult: ScanResult = {
  schema: 1,
  machineID: 'c0ffee',
  clock: '2026-01-01T00:00:00.000Z',
  certificates: [row],
  notes: ['a note'],
};

export const rotateResult: RotateResult = {
  schema: 1,
  outcome: 'succeeded',
  reason: 'Ok',
  message: '1 renewed and proved',
  steps: [
    { name: 'swap', startedAt: row.notBefore, finishedAt: row.notBefore, result: 'done', message: 'x' },
  ],
  certificates: [
    {
      id: 'apiserver.crt',
      oldSerial: serial,
      newSerial: `${serial}00`,
      oldNotAfter: row.notBefore,
      newNotAfter: row.notAfter,
      proof: 'handshake',
    },
  ],
};

export const inventory = {
  ...scanResult,
  node: 'n1',
  nodeUID: 'uid-1',
  collectedAt: '2026-01-01T00:00:05.000Z',
};

export const harvest = [
  { schema: 1, ca: 'kubernetes', sealed: 'AAAA' },
  { schema: 1, ca: 'etcd', missing: true },
  { schema: 1, ca: 'front-proxy', certificates: ['AAAA'] },
  { schema: 1, ca: 'etcd', error: 'why' },
] as const;

export const status = { kind: 'Status', code: 403, reason: 'Forbidden', message: 'pods is forbidden' };

const letter = { schema: 1, id: '0f'.repeat(16), node: 'w1', machineId: 'a'.repeat(32) } as const;

export const postRequest: RequestBlock = {
  ...letter,
  made: '2030-03-01T00:00:00Z',
  certificates: [{ id: 'kubelet.crt', old: 'AAAA', request: 'AAAA', possession: 'AAAA' }],
};

export const postResponse: ResponseBlock = {
  ...letter,
  certificates: [{ id: 'kubelet.crt', certificate: 'AAAA' }],
};

export const words = [
  '--ca-cert',
  '--ca-cert=/etc/kubernetes/pki/ca.crt',
  '--ca-key=/etc/kubernetes/pki/ca.key',
  '--days',
  '91',
  '--lock-timeout=5m',
  '--backup-dir=/b',
  '--no-backup',
  '--json',
  '--dry-run',
  '--help',
  '--version',
  '--',
  '/etc/kubernetes/pki/apiserver.crt',
] as const;
