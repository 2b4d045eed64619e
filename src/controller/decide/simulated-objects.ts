// The objects of the simulated cluster, as the API would show them.
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import type { InventoryRow, RotateResult } from '../../agent/protocol.ts';
import type { CertificateId, NodeRole } from '../../catalogue/ids.ts';
import type { CertificateRotation } from '../../kube/types.ts';
import { onceFor } from '../../once.ts';
import type { Inventory, LiveSerials, World } from '../world.ts';

export const day = 86_400_000;

export interface SimulatedCertificate {
  serial: string;
  notBefore: Date;
  notAfter: Date;
  state: InventoryRow['state'];
}

export interface SimulatedNode {
  readonly name: string;
  uid: string;
  readonly role: NodeRole;
  ready: boolean;
  /** Milliseconds that its clock is ahead. */
  clockAhead: number;
  readonly certificates: Map<CertificateId, SimulatedCertificate>;
  /** Replaced, not changed. */
  annotations: Readonly<Record<string, string>>;
  notes: string[];
  /** Optional host paths that it does not have. */
  missing: string[];
  /** How its next rotations end; the default is success. */
  outcome: (ids: readonly CertificateId[]) => Partial<RotateResult>;
}

/** The same value until something of it changes, as the watch gives it. */
function nodeObject(node: SimulatedNode): Node {
  const { uid, ready, annotations } = node;
  const known = objects.get(node);
  const isSame = known?.uid === uid && known.ready === ready && known.annotations === annotations;
  if (isSame) return known.object;
  const object = makeNodeObject(node);
  objects.set(node, { uid, ready, annotations, object });
  return object;
}

/** What is watched, as it is given to a pass: the same lists for as long as their objects are the same. */
export class Watched {
  readonly #nodes = steadyList<Node>();
  readonly #inventories = steadyList<Inventory>();
  readonly #rotations = steadyList<CertificateRotation>();

  lists(
    nodes: readonly SimulatedNode[],
    inventories: Iterable<Inventory>,
    rotations: readonly CertificateRotation[],
  ): Pick<World, 'nodes' | 'inventories' | 'rotations'> {
    return {
      nodes: this.#nodes(nodes.map(nodeObject)),
      inventories: byNode(this.#inventories(inventories)),
      rotations: this.#rotations(rotations),
    };
  }
}

function steadyList<T>(): (now: Iterable<T>) => readonly T[] {
  let last: readonly T[] = [];
  return (now) => {
    const next = [...now];
    if (last.length !== next.length || next.some((one, at) => one !== last[at])) last = next;
    return last;
  };
}

const byNode = onceFor(
  (list: readonly Inventory[]): ReadonlyMap<string, Inventory> => new Map(list.map((one) => [one.node, one])),
);

interface Known extends Pick<SimulatedNode, 'uid' | 'ready' | 'annotations'> {
  readonly object: Node;
}
const objects = new WeakMap<SimulatedNode, Known>();

function makeNodeObject(node: SimulatedNode): Node {
  const controlPlane = node.role === 'control-plane' ? { 'node-role.kubernetes.io/control-plane': '' } : {};
  return {
    metadata: { name: node.name, uid: node.uid, labels: controlPlane, annotations: node.annotations },
    status: {
      conditions: [{ type: 'Ready', status: node.ready ? 'True' : 'Unknown' }],
      nodeInfo: {
        kubeletVersion: 'v1.34.4',
        machineID: node.uid,
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

export function rowOf(
  id: CertificateId,
  { serial, notBefore, notAfter, state }: SimulatedCertificate,
): InventoryRow {
  return {
    id,
    path: `/etc/kubernetes/pki/${id.replaceAll('/', '-')}`,
    kind: 'pair',
    ca: state === 'SelfSigned' ? null : 'kubernetes',
    subject: `CN=${id}`,
    issuer: 'CN=kubernetes',
    serial,
    notBefore: notBefore.toISOString(),
    notAfter: notAfter.toISOString(),
    sans: [],
    keyAlgorithm: 'RSA-2048',
    sha256: '',
    state,
    reason: '',
  };
}

/** As the gatherer asks: of the nodes whose rotation is being verified. */
export function liveSerialsOf(
  rotations: readonly CertificateRotation[],
  nodes: readonly SimulatedNode[],
  now: Date,
): ReadonlyMap<string, LiveSerials> {
  const verifying = rotations.filter(({ status }) => status?.phase === 'Verifying');
  const names = new Set(verifying.map(({ spec }) => spec.nodeName));
  const asked = names.size === 0 ? [] : nodes.filter(({ name }) => names.has(name));
  return new Map(asked.map((node) => [node.name, liveOf(node, now)]));
}

/** What its endpoints show. */
function liveOf({ certificates }: SimulatedNode, now: Date): LiveSerials {
  const apiServer = certificates.get('apiserver.crt')?.serial;
  const kubelet = certificates.get('kubelet.crt')?.serial;
  return {
    checkedAt: now.toISOString(),
    ...(apiServer === undefined ? {} : { apiServer }),
    ...(kubelet === undefined ? {} : { kubelet }),
  };
}

type State = NonNullable<NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number]['state']>;

export function withState(pod: Pod, phase: string, state: State, index?: number): Pod {
  const containers = pod.spec?.containers ?? [];
  const statuses = containers.map(({ name }, i) => ({
    name,
    image: '',
    imageID: '',
    ready: true,
    restartCount: 0,
    state: index === undefined || index === i ? state : {},
  }));
  return { ...pod, status: { ...pod.status, phase, containerStatuses: statuses } };
}

export function finished(pod: Pod, now: Date, message: (part: number, parts: number) => string): Pod {
  const parts = pod.spec?.containers.length ?? 1;
  const ended = withState(pod, 'Succeeded', {});
  const statuses = (ended.status?.containerStatuses ?? []).map((status, part) => ({
    ...status,
    state: { terminated: { exitCode: 0, finishedAt: now.toISOString(), message: message(part, parts) } },
  }));
  return { ...ended, status: { ...ended.status, containerStatuses: statuses } };
}

/** What the kubelet says of host paths that are not there. */
export function problemsOf(pod: Pod, missing: readonly string[]): string[] {
  return (pod.spec?.volumes ?? []).flatMap(({ name, hostPath }) =>
    hostPath !== undefined && missing.includes(hostPath.path)
      ? [
          `FailedMount: MountVolume.SetUp failed for volume "${name}" : hostPath type check failed: ${hostPath.path} is not a directory`,
        ]
      : [],
  );
}
