// A cluster as the API would show it, for the tests of whoever shows it: nodes, what was read of them, rotations.
import type { ConfigMap, Node } from 'kubernetes-types/core/v1.js';
import type { CertificateId } from '../catalogue/ids.ts';
import { unseenNotes } from '../catalogue/unseen-notes.ts';
import { table } from '../catalogue/table.ts';
import { defaultConfiguration } from '../controller/configuration.ts';
import { inventoryConfigMap, readInventory, type Inventory } from '../controller/inventory-store.ts';
import { apiVersion, type CertificateRotation, type RotationStatus } from '../kube/types.ts';
import { rfc3339 } from '../pki/time.ts';
import type { InventoryRow } from './certificates.ts';
import { seenOf, type Picture, type Seen } from './picture.ts';

export const day = 86_400_000;
export const now = new Date('2027-03-01T08:00:00Z');

/** RFC 3339, so many days from `now`. */
export const inDays = (days: number): string => rfc3339(new Date(now.getTime() + Math.round(days * day)));

export type RowChange = Partial<InventoryRow>;

export function leafRow(id: CertificateId, left: number, change: RowChange = {}): InventoryRow {
  const entry = table.find((one) => one.id === id);
  const lifetime = entry?.profile === 'kubelet' ? 91 : 365;
  return {
    id,
    path: `/etc/kubernetes/pki/${id}`,
    kind: id.endsWith('.conf') || id.endsWith('config') ? 'kubeconfig' : 'pair',
    ca: entry?.ca ?? null,
    subject: `CN=${id}`,
    issuer: 'CN=kubernetes',
    serial: Buffer.from(id).toString('hex').slice(-16),
    notBefore: inDays(left - lifetime),
    notAfter: inDays(left),
    sans: ['DNS:n', 'IP:10.0.0.1'],
    keyAlgorithm: 'RSA-2048',
    sha256: Buffer.from(id).toString('hex').padEnd(64, '0').slice(0, 64),
    state: 'Ok',
    reason: '',
    ...change,
  };
}

export function caRow(left: number, change: RowChange = {}): InventoryRow {
  return {
    ...leafRow('apiserver.crt', left),
    id: 'ca.crt',
    path: '/etc/kubernetes/pki/ca.crt',
    kind: 'ca',
    ca: 'kubernetes',
    subject: 'CN=kubernetes',
    notBefore: inDays(left - 3650),
    sha256: 'ca'.repeat(32),
    ...change,
  };
}

export interface NodeParts {
  readonly role?: 'control-plane' | 'worker';
  readonly ready?: boolean;
  readonly paused?: boolean;
  /** Undefined: the usual ones of its role, with these days left. */
  readonly rows?: readonly InventoryRow[];
  readonly left?: number;
  readonly readDaysAgo?: number;
  readonly unread?: boolean;
  /** Where an API server made the Node. */
  readonly uid?: string;
  readonly notes?: readonly string[];
}

/** Notes of a control plane from which the manifest of the API server was moved away. */
export const notesOfUnseen: readonly string[] = unseenNotes([
  {
    id: 'apiserver.crt',
    path: '/etc/kubernetes/pki/apiserver.crt',
    lack: 'no-manifest',
    reason:
      'no manifest of kube-apiserver lies in /etc/kubernetes/manifests, though /etc/kubernetes/pki/apiserver.crt and its key lie on this node: put the manifest back, or move what lies here away where no kube-apiserver is to run in any way',
  },
]);

export const uidOf = (name: string): string => `uid-${name}`;

export function nodeObject(
  name: string,
  { role = 'worker', ready = true, paused = false, uid = uidOf(name) }: NodeParts,
): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      uid,
      labels: role === 'control-plane' ? { 'node-role.kubernetes.io/control-plane': '' } : {},
      annotations: paused ? { 'certrotator.cpaas.io/paused': 'true' } : {},
    },
    status: {
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      nodeInfo: {
        kubeletVersion: 'v1.34.4',
        machineID: '',
        architecture: 'amd64',
        bootID: '',
        containerRuntimeVersion: '',
        kernelVersion: '',
        kubeProxyVersion: '',
        operatingSystem: 'linux',
        osImage: '',
        systemUUID: '',
      },
    },
  };
}

function usualRows({ role = 'worker', left = 80 }: NodeParts): readonly InventoryRow[] {
  const leaves = table
    .filter((entry) => entry.roles.includes(role))
    .map(({ id, profile }) => leafRow(id, profile === 'kubelet' ? left : left + 240));
  return [caRow(3000), ...leaves];
}

/** As the controller would have written it. */
export function inventoryMap(name: string, parts: NodeParts, namespace = 'cpaas-system'): ConfigMap {
  const collectedAt = rfc3339(new Date(now.getTime() - (parts.readDaysAgo ?? 0.25) * day));
  const result = {
    schema: 1 as const,
    machineID: `machine-${name}`,
    clock: collectedAt,
    certificates: parts.rows ?? usualRows(parts),
    notes: parts.notes ?? [],
  };
  return inventoryConfigMap({
    node: nodeObject(name, parts),
    result,
    collectedAt,
    existing: undefined,
    namespace,
  });
}

export interface RotationParts {
  readonly status?: RotationStatus;
  readonly reason?: CertificateRotation['spec']['reason'];
  readonly certificates?: readonly CertificateId[];
  readonly createdDaysAgo?: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function rotationObject(name: string, node: string, parts: RotationParts): CertificateRotation {
  return {
    apiVersion,
    kind: 'CertificateRotation',
    metadata: {
      name,
      uid: uidOf(name),
      creationTimestamp: inDays(-(parts.createdDaysAgo ?? 1)),
      ...(parts.annotations === undefined ? {} : { annotations: parts.annotations }),
    },
    spec: {
      nodeName: node,
      nodeUID: uidOf(node),
      certificates: parts.certificates ?? ['kubelet.crt', 'kubelet-client-current.pem'],
      reason: parts.reason ?? 'Due',
    },
    ...(parts.status === undefined ? {} : { status: parts.status }),
  };
}

export interface ClusterParts {
  readonly nodes: Readonly<Record<string, NodeParts>>;
  readonly rotations?: readonly CertificateRotation[];
  readonly picture?: Partial<Picture>;
  readonly settings?: Partial<Picture['configuration']['settings']>;
}

export function pictureOf({ nodes, rotations = [], picture = {}, settings = {} }: ClusterParts): Picture {
  const inventories = new Map<string, Inventory>();
  for (const [name, parts] of Object.entries(nodes)) {
    const inventory = parts.unread === true ? undefined : readInventory(inventoryMap(name, parts));
    if (inventory !== undefined) inventories.set(name, inventory);
  }
  return {
    now,
    nodes: Object.entries(nodes).map(([name, parts]) => nodeObject(name, parts)),
    inventories,
    strange: new Set(),
    rotations,
    configuration: { settings: { ...defaultConfiguration, ...settings }, problem: undefined },
    accepted: undefined,
    controllerAt: rfc3339(now),
    controllerUnread: undefined,
    staleSince: undefined,
    ...picture,
  };
}

export const seenIn = (parts: ClusterParts): Seen => seenOf(pictureOf(parts));
