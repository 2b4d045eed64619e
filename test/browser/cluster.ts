// Clusters to look at: one where something of everything is going on, and a large one.
import type { CertificateId } from '../../src/catalogue/ids.ts';
import { recordName } from '../../src/controller/vault/record.ts';
import { resources } from '../../src/kube/resources.ts';
import { privateNamespace, type CertificateRotation, type StepStatus } from '../../src/kube/types.ts';
import {
  caRow,
  inventoryMap,
  leafRow,
  nodeObject,
  rotationObject,
  type NodeParts,
} from '../../src/view/testing.ts';
import { MemoryClient } from './memory-client.ts';

/** The fixtures of the view are about a fixed day; what is shown in a browser is about today. */
const from = (days: number): string =>
  new Date(Date.now() + days * 86_400_000).toISOString().replace(/\.\d+Z/, 'Z');

const leaf = (id: CertificateId, left: number, change = {}) => {
  const row = leafRow(id, left, change);
  const days = Math.round((Date.parse(row.notAfter) - Date.parse(row.notBefore)) / 86_400_000);
  return { ...row, path: pathOf(id), notBefore: from(left - days), notAfter: from(left), ...change };
};

function pathOf(id: CertificateId): string {
  if (id.startsWith('/')) return id;
  if (id.endsWith('.conf')) return `/etc/kubernetes/${id}`;
  return id.startsWith('kubelet') ? `/var/lib/kubelet/pki/${id}` : `/etc/kubernetes/pki/${id}`;
}

const ca = (left: number, change = {}) => ({
  ...caRow(left, change),
  notBefore: from(left - 3650),
  notAfter: from(left),
});

const controlPlaneIds: readonly CertificateId[] = [
  'etcd/server.crt',
  'etcd/peer.crt',
  'etcd/healthcheck-client.crt',
  'apiserver-etcd-client.crt',
  'apiserver-kubelet-client.crt',
  'front-proxy-client.crt',
  'apiserver.crt',
  'admin.conf',
  'super-admin.conf',
  '/root/.kube/config',
  'controller-manager.conf',
  'scheduler.conf',
];

export function controlPlane(left: number): NodeParts {
  const cas = [
    ca(3200),
    ca(3200, {
      id: 'etcd/ca.crt',
      ca: 'etcd',
      subject: 'CN=etcd-ca',
      path: '/etc/kubernetes/pki/etcd/ca.crt',
      sha256: 'e7'.repeat(32),
    }),
    ca(3200, {
      id: 'front-proxy-ca.crt',
      ca: 'front-proxy',
      subject: 'CN=front-proxy-ca',
      path: '/etc/kubernetes/pki/front-proxy-ca.crt',
      sha256: 'f0'.repeat(32),
    }),
  ];
  const own = controlPlaneIds.map((id, i) => leaf(id, left + i));
  return { role: 'control-plane', rows: [...cas, ...own, ...worker((left % 60) + 50).rows.slice(1)] };
}

export function worker(left: number, change = {}): NodeParts & { rows: NonNullable<NodeParts['rows']> } {
  return {
    rows: [ca(3200), leaf('kubelet.crt', left, change), leaf('kubelet-client-current.pem', left + 4)],
  };
}

export function place(client: MemoryClient, name: string, parts: NodeParts): void {
  client.put(resources.nodes, nodeObject(name, parts));
  if (parts.unread === true) return;
  const map = inventoryMap(name, parts);
  // Read a while ago, by today's clock; the digest leaves these two lines out.
  const text = Object.values(map.data ?? {})[0]?.replaceAll(
    /^( {2}"(?:collectedAt|clock)": ).*$/gm,
    `$1"${from(-0.2)}",`,
  );
  client.put(resources.configMaps, { ...map, data: { 'certificates.json': text ?? '' } });
}

export function baseCluster(config = ''): MemoryClient {
  const client = new MemoryClient();
  const namespace = privateNamespace;
  client.put(resources.configMaps, {
    metadata: { name: 'cluster-cert-rotator-config', namespace },
    data: { 'config.yaml': config },
  });
  client.put(resources.configMaps, {
    metadata: { name: recordName, namespace },
    data: { kubernetes: 'ca'.repeat(32), etcd: 'e7'.repeat(32), 'front-proxy': 'f0'.repeat(32) },
  });
  client.put(resources.leases, {
    metadata: { name: 'cluster-cert-rotator', namespace },
    spec: { renewTime: from(0) },
  });
  return client;
}

const put = (client: MemoryClient, rotation: CertificateRotation): void =>
  client.put(resources.certificateRotations, rotation);

/** @param node where something begins that was not there before */
export const begin = (client: MemoryClient, node: string): void =>
  put(client, rotationObject(`new-${node}`, node, { status: { phase: 'Running', reason: 'Running' } }));

/** Something of everything. */
export function busyCluster(): MemoryClient {
  const client = baseCluster(
    'mode: manual\nparallelWorkers: 3\nwindows: [{cron: "0 2 * * *", duration: 4h, zone: Asia/Shanghai}]\n',
  );
  for (const [i, name] of ['cp-1', 'cp-2', 'cp-3'].entries()) place(client, name, controlPlane(240 + i));
  for (let i = 1; i <= 40; i += 1)
    place(client, `worker-${String(i).padStart(2, '0')}`, worker(22 + ((i * 7) % 66)));
  const renewed = { serial: '6b1c2d3e4f5061728394' };
  place(client, 'worker-01', {
    rows: [
      ca(3200),
      leaf('kubelet.crt', 90, renewed),
      leaf('kubelet-client-current.pem', 90, { serial: '7c2d3e4f506172839405' }),
    ],
  });
  place(client, 'worker-41', worker(-3));
  place(client, 'worker-42', worker(40, { state: 'WritableByOthers', reason: 'mode 0777' }));
  place(client, 'worker-43', { unread: true, ready: false });
  place(client, 'worker-44', {
    ...worker(50),
    paused: true,
    notes: ['not on this node, left out: /etc/sysconfig'],
  });
  for (const rotation of busyRotations()) put(client, rotation);
  return client;
}

const names = ['check', 'swap', 'restart', 'prove'];

function stepsOfKubelet(): readonly StepStatus[] {
  const seconds = [0.4, 0.2, 6, 21];
  let at = -1;
  return names.map((name, i) => {
    const startedAt = from(at);
    at += (seconds[i] ?? 0) / 86_400;
    return { name: `kubelet: ${name}`, startedAt, finishedAt: from(at), result: 'done' };
  });
}

function rolledBack(steps: readonly StepStatus[]): readonly StepStatus[] {
  const message = '10.0.0.22:10250 shows serial 5a0b1c2d3e4f50617283, not 6b1c2d3e4f5061728395';
  const after = steps.at(-1)?.finishedAt ?? '';
  return [
    ...steps.slice(0, -1),
    { ...steps.at(-1), name: 'kubelet: prove', result: 'failed', message },
    { name: 'kubelet: restore', startedAt: after, finishedAt: after, result: 'rolled-back' },
    { name: 'kubelet: prove the old state', startedAt: after, finishedAt: after, result: 'rolled-back' },
  ];
}

function busyRotations(): readonly CertificateRotation[] {
  const kubelets = ['kubelet.crt', 'kubelet-client-current.pem'] as const;
  const steps = stepsOfKubelet();
  const renewed = kubelets.map((id) => {
    const newSerial = id === 'kubelet.crt' ? '6b1c2d3e4f5061728394' : '7c2d3e4f506172839405';
    const proof =
      id === 'kubelet.crt'
        ? `handshake with 10.0.0.21:10250 shows serial ${newSerial}`
        : `10.0.0.1:6443 answers /version to it; kubelet was started at ${from(-1)}`;
    return {
      id,
      oldSerial: '5a0b1c2d3e4f50617283',
      newSerial,
      oldNotAfter: from(17),
      newNotAfter: from(90),
      proof,
    };
  });
  const ended = { startedAt: from(-1), finishedAt: from(-0.999), attempts: 1 } as const;
  const waits =
    'waits: EtcdUnsafe: etcd would have 1 of 3 members, 2 are needed (cp-2: its static Pod etcd is not there; cp-3: its ' +
    `static Pod etcd is not Ready (CrashLoopBackOff)); OutsideWindow: the next maintenance window opens ${from(0.4)}`;
  return [
    rotationObject('w1-done', 'worker-01', {
      certificates: kubelets,
      status: {
        phase: 'Succeeded',
        reason: 'Renewed',
        message: 'all is proved',
        steps,
        certificates: renewed,
        ...ended,
      },
    }),
    rotationObject('w2-back', 'worker-02', {
      status: {
        phase: 'RolledBack',
        reason: 'NotProved',
        message: '10.0.0.22:10250 shows serial 5a0b1c2d3e4f50617283, not 6b1c2d3e4f5061728395',
        steps: rolledBack(steps),
        ...ended,
      },
    }),
    rotationObject('w41-manual', 'worker-41', {
      status: {
        phase: 'NeedsManual',
        reason: 'KubeletNotTakingPods',
        message: 'the kubelet of worker-41 does not start Pods; on the node: cert-renew all',
        ...ended,
      },
    }),
    rotationObject('w3-run', 'worker-03', {
      status: {
        phase: 'Running',
        reason: 'Running',
        message: 'the Pod on the node is at work',
        step: 'renew, restart kubelet',
        startedAt: from(-0.001),
        attempts: 1,
      },
    }),
    rotationObject('cp1-wait', 'cp-1', {
      certificates: ['apiserver.crt', 'etcd/server.crt'],
      status: {
        phase: 'Pending',
        reason: 'EtcdUnsafe',
        message: waits,
        dueAt: from(-1),
        attempts: 2,
        step: 'renew, restart kube-apiserver',
      },
    }),
    rotationObject('w4-approve', 'worker-04', {
      status: {
        phase: 'Pending',
        reason: 'AwaitingApproval',
        message:
          'waits: AwaitingApproval: mode is manual: approve it with annotation certrotator.cpaas.io/approved="true"',
        dueAt: from(-0.5),
      },
    }),
    ...[5, 6, 7, 8].map((i) =>
      rotationObject(`w${i}-plan`, `worker-0${i}`, {
        status: {
          phase: 'Scheduled',
          reason: 'NearingExpiry',
          message: 'due soon',
          dueAt: from(i),
          step: 'renew, restart kubelet',
        },
      }),
    ),
  ];
}

export function largeCluster(count: number): MemoryClient {
  const client = baseCluster();
  for (let i = 0; i < 3; i += 1) place(client, `cp-${i}`, controlPlane(200 + i));
  for (let i = 3; i < count; i += 1)
    place(client, `node-${String(i).padStart(5, '0')}`, worker(20 + ((i * 13) % 70)));
  return client;
}
