// The Pods that this product puts on nodes, as values. What each may have is in pods-kinds.ts; here is how that becomes
// a Pod. Names follow from node and rotation alone, so that two leaders collide instead of working twice.
import type { Container, EnvVar, Node, Pod, Volume, VolumeMount } from 'kubernetes-types/core/v1.js';
import { env } from '../agent/protocol.ts';
import { caIds, type CaId, type CaLocation } from '../catalogue/ids.ts';
import { privateNamespace, type CertificateRotation } from '../kube/types.ts';
import type { Configuration } from './configuration.ts';
import type { PodBuilders } from './decide/builders.ts';
import { labels, nodeLabel, shortHash } from './labels.ts';
import {
  agentExecutable,
  hostPaths,
  hostRoot,
  podKinds,
  tokenDirectory,
  tokenSeconds,
  tokenVolume,
  type ContainerRights,
  type HostPath,
} from './pods-kinds.ts';
import type { PodKind } from './world.ts';
import { isControlPlane } from './vault/nodes.ts';

/** Where kubeadm puts the CAs. */
export const caLocations: Readonly<Record<CaId, CaLocation>> = {
  kubernetes: authority('kubernetes', 'ca'),
  etcd: authority('etcd', 'etcd/ca'),
  'front-proxy': authority('front-proxy', 'front-proxy-ca'),
};

function authority(id: CaId, name: string): CaLocation {
  const path = `/etc/kubernetes/pki/${name}`;
  return { id, certPath: `${path}.crt`, keyPath: `${path}.key` };
}

/** Reads the certificates of a node; its message may take `parts` containers, 1 to 3 (R7). */
export const scanPod: PodBuilders['scan'] = (node, configuration, { parts, without = [] }) => {
  const containers = Array.from({ length: parts }, (_, part) => ({
    name: part === 0 ? 'scan' : `scan-${part}`,
    env: [variable(env.part, part), variable(env.parts, parts)],
  }));
  const key = `${parts} ${without.join()}`;
  return podOf({ kind: 'scan', node, configuration, without, key }, { containers });
};

/** Renews what `rotation` names on `node`: `request` with a token, then `apply` with the node's files. */
export const rotatePod: PodBuilders['rotate'] = (node, rotation, configuration, { without = [] }) => {
  const order = [
    variable(env.rotationName, rotation.metadata.name),
    variable(env.rotationUID, rotation.metadata.uid ?? ''),
    variable(env.certificates, rotation.spec.certificates.join(',')),
    variable(env.keyPolicy, rotation.spec.reason === 'Compromised' ? 'new' : configuration.keyPolicy),
    variable(env.kubeletRestart, configuration.kubelet.restart),
    ...clientPlanned(rotation),
    variable(env.componentTimeout, Math.ceil(configuration.componentTimeout / 1000)),
  ];
  return podOf(
    { kind: 'rotate', node, configuration, without, rotation },
    { containers: [{ name: 'apply', env: order }], initContainers: [{ name: 'request', env: order }] },
  );
};

/** What the plan saw of the kubelet's client certificate: the kubelet may renew it while the rotation waits (R2). */
function clientPlanned({ status }: CertificateRotation): EnvVar[] {
  const { oldSerial, oldNotAfter } =
    status?.certificates?.find(({ id }) => id === 'kubelet-client-current.pem') ?? {};
  if (oldSerial === undefined || oldNotAfter === undefined) return [];
  return [variable(env.clientPlanned, `${oldSerial} ${oldNotAfter}`)];
}

/** Restarts the kubelet of `node` when the rotate Pod asks for it, also while there is no API (R20). */
export const restartPod: PodBuilders['restart'] = (node, rotation, configuration) => {
  const own = [variable(env.rotationUID, rotation.metadata.uid ?? '')];
  return podOf(
    { kind: 'restart-kubelet', node, configuration, rotation },
    { containers: [{ name: 'restart-kubelet', env: own }] },
  );
};

/** Lays the tool down on `node`, for a day without an API (R18). */
export const stagePod: PodBuilders['stage'] = (node, configuration) =>
  podOf(
    { kind: 'stage', node, configuration, key: configuration.images.agent },
    { containers: [{ name: 'stage', env: [] }] },
  );

/** Encrypts the CAs' keys to the leader (R11), a container each. Only for control planes. */
export function harvestPod(
  order: { readonly node: Node; readonly clusterUID: string; readonly publicKey: string },
  configuration: Configuration,
): Pod {
  const { node, clusterUID, publicKey } = order;
  const containers = caIds.map((ca) => ({
    name: ca,
    env: [
      variable(env.ca, ca),
      variable(env.caKeyPath, caLocations[ca].keyPath),
      variable(env.hpkePublicKey, publicKey),
      variable(env.clusterUID, clusterUID),
      { name: env.podUID, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.uid' } } },
    ],
  }));
  return podOf({ kind: 'harvest', node, configuration }, { containers });
}

/** Says the CAs' certificates, a container each. Only for control planes. */
export function caCertificatesPod({ node }: { readonly node: Node }, configuration: Configuration): Pod {
  const containers = caIds.map((ca) => ({
    name: ca,
    env: [variable(env.ca, ca), variable(env.caCertPath, caLocations[ca].certPath)],
  }));
  return podOf({ kind: 'ca-certificates', node, configuration }, { containers });
}

/** A Pod that the admission policy must deny: work begins only after it did (R8). Meant for a dry run. */
export function forbiddenPod(node: Node, configuration: Configuration): Pod {
  const pod = scanPod(node, configuration, { parts: 1 });
  const volume = { name: 'kubernetes', hostPath: { path: '/', type: 'Directory' } };
  const { volumes = [], ...spec } = pod.spec ?? { containers: [] };
  return {
    ...pod,
    metadata: { ...pod.metadata, name: 'forbidden' },
    spec: { ...spec, volumes: [volume, ...volumes.filter(({ name }) => name !== volume.name)] },
  };
}

export const podBuilders: PodBuilders = {
  scan: scanPod,
  rotate: rotatePod,
  restart: restartPod,
  stage: stagePod,
};

/** What the harvester makes. */
export function capturePods(configuration: () => Configuration): {
  harvest(order: { readonly node: Node; readonly clusterUID: string; readonly publicKey: string }): Pod;
  certificates(order: { readonly node: Node }): Pod;
} {
  return {
    harvest: (order) => harvestPod(order, configuration()),
    certificates: (order) => caCertificatesPod(order, configuration()),
  };
}

interface Order {
  readonly kind: PodKind;
  readonly node: Node;
  readonly configuration: Configuration;
  readonly rotation?: CertificateRotation;
  /** Optional host paths that this node does not have (R18). */
  readonly without?: readonly string[];
  /** What else makes it another Pod. */
  readonly key?: string;
}

interface NamedContainer {
  readonly name: string;
  readonly env: readonly EnvVar[];
}

/** What a kind's containers are called and told, beside what all are told. */
interface Named {
  readonly containers: readonly NamedContainer[];
  readonly initContainers?: readonly NamedContainer[];
}

function podOf(order: Order, { containers: named, initContainers: namedFirst = [] }: Named): Pod {
  const { kind, node } = order;
  const rights = podKinds[kind];
  const paths = pathsFor(order);
  const build = (of: readonly ContainerRights[], named: readonly NamedContainer[]): Container[] =>
    of.flatMap((one) => named.map((container) => containerOf(one, container, order, paths)));
  const containers = build(rights.containers, named);
  const initContainers = build(rights.initContainers, namedFirst);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: metadataOf(order),
    spec: {
      nodeName: nameOf(node),
      serviceAccountName: rights.serviceAccount,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      priorityClassName: 'system-node-critical',
      tolerations: [{ operator: 'Exists' }],
      hostNetwork: true,
      hostPID: rights.hostPID,
      dnsPolicy: 'Default',
      // The kubelet brings these two back without an API; what they did is in the journal on the host.
      restartPolicy: kind === 'rotate' || kind === 'restart-kubelet' ? 'OnFailure' : 'Never',
      terminationGracePeriodSeconds: kind === 'rotate' ? 60 : 5,
      securityContext: { runAsUser: 0, runAsGroup: 0, seccompProfile: { type: 'RuntimeDefault' } },
      ...(initContainers.length === 0 ? {} : { initContainers }),
      containers,
      volumes: volumesOf([...initContainers, ...containers], paths),
    },
  };
}

function metadataOf({ kind, node, rotation, key = '' }: Order): NonNullable<Pod['metadata']> {
  const rotationUID = rotation?.metadata.uid ?? '';
  return {
    name: `${kind}-${shortHash([uidOf(node), rotationUID, key].join('\n'))}`,
    namespace: privateNamespace,
    labels: {
      'app.kubernetes.io/name': 'cluster-cert-rotator',
      'app.kubernetes.io/component': 'agent',
      [labels.kind]: kind,
      [labels.node]: nodeLabel(nameOf(node)),
      [labels.nodeUID]: uidOf(node),
      ...(rotation === undefined ? {} : { [labels.rotation]: rotationUID }),
    },
  };
}

function containerOf(
  rights: ContainerRights,
  { name, env: own }: NamedContainer,
  { node, configuration }: Order,
  paths: ReadonlyMap<string, HostPath>,
): Container {
  return {
    name,
    image: configuration.images.agent,
    // Nodes need no registry once they have the image.
    imagePullPolicy: 'IfNotPresent',
    command: [agentExecutable, 'agent', rights.face],
    env: [
      variable(env.nodeName, nameOf(node)),
      variable(env.nodeUID, uidOf(node)),
      variable(env.machineID, node.status?.nodeInfo?.machineID ?? ''),
      variable(env.hostRoot, hostRoot),
      ...own,
    ],
    resources: { requests: { cpu: '10m', memory: '64Mi' } },
    terminationMessagePolicy: 'File',
    securityContext: {
      readOnlyRootFilesystem: true,
      privileged: false,
      allowPrivilegeEscalation: false,
      capabilities: {
        drop: ['ALL'],
        ...(rights.capabilities.length === 0 ? {} : { add: [...rights.capabilities] }),
      },
      // The files of a node are labelled for its own services; without SELinux this has no effect.
      seLinuxOptions: { type: 'spc_t' },
    },
    volumeMounts: mountsOf(rights, paths, configuration),
  };
}

/** The fixed list and the chart value extraHostPaths, less what this node does not have; by volume. */
function pathsFor({ kind, node, configuration, without = [] }: Order): ReadonlyMap<string, HostPath> {
  const fixed: readonly [string, HostPath][] = Object.entries(hostPaths);
  const extra = configuration.extraHostPaths.map((path): [string, HostPath] => [
    extraVolumeName(path),
    { path, type: 'Directory', optional: true, controlPlanesOnly: false },
  ]);
  return new Map(
    [...fixed, ...extra].filter(
      ([name, { path, optional, controlPlanesOnly }]) =>
        !(optional && without.includes(path)) &&
        (!controlPlanesOnly || isControlPlane(node)) &&
        (name !== 'own' || kind !== 'scan' || wantsTool(node, configuration)),
    ),
  );
}

/** Where the tool is laid down for a day without an API (R18); elsewhere a scan does not even look for it. */
export function wantsTool(node: Node, { mode, stageTool }: Configuration): boolean {
  if (mode === 'observe' || stageTool === 'none') return false;
  return stageTool === 'all' || isControlPlane(node);
}

/** Volume of a path that the chart value extraHostPaths adds; the chart's template makes the same name. */
export function extraVolumeName(path: string): string {
  return `extra-${shortHash(path)}`;
}

function mountsOf(
  { reads, writes, extraHostPaths, token }: ContainerRights,
  paths: ReadonlyMap<string, HostPath>,
  { extraHostPaths: extra }: Configuration,
): VolumeMount[] {
  const extraNames = extraHostPaths === 'none' ? [] : extra.map(extraVolumeName);
  const written: readonly string[] = extraHostPaths === 'write' ? [...writes, ...extraNames] : writes;
  const mounts = [...reads, ...writes, ...extraNames].flatMap((name) => {
    const path = paths.get(name)?.path;
    if (path === undefined) return [];
    const mountPath = path === '/' ? hostRoot : `${hostRoot}${path}`;
    return [{ name, mountPath, readOnly: !written.includes(name) }];
  });
  return token ? [...mounts, { name: tokenVolume, mountPath: tokenDirectory, readOnly: true }] : mounts;
}

function volumesOf(containers: readonly Container[], paths: ReadonlyMap<string, HostPath>): Volume[] {
  const names = new Set(containers.flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name)));
  const volumes: Volume[] = [...paths].flatMap(([name, { path, type }]) =>
    names.has(name) ? [{ name, hostPath: { path, type } }] : [],
  );
  return names.has(tokenVolume) ? [...volumes, tokenVolumeSource()] : volumes;
}

function tokenVolumeSource(): Volume {
  return {
    name: tokenVolume,
    projected: {
      defaultMode: 0o400,
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: tokenSeconds } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      ],
    },
  };
}

function variable(name: string, value: string | number): EnvVar {
  return { name, value: String(value) };
}

function nameOf(node: Node): string {
  return node.metadata?.name ?? '';
}

function uidOf(node: Node): string {
  return node.metadata?.uid ?? '';
}
