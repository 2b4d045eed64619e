// What each kind of Pod of this product may have: host paths, capabilities, token (R7, R8, R18). Data, read twice: the
// builders in pods.ts make the Pods from it, and the chart's ValidatingAdmissionPolicy is rendered from it, so that the
// policy cannot allow more, or less, than what is made.
import { hostDirectory, type Face } from '../agent/protocol.ts';
import type { PodKind } from './world.ts';

export const agentExecutable = '/usr/bin/cert-renew';
/** Every path of the node is seen under it. */
export const hostRoot = '/host';
export const tokenDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';
export const tokenVolume = 'token';
/** The least that the API allows. */
export const tokenSeconds = 600;

export const serviceAccounts = {
  controller: 'cluster-cert-rotator',
  /** May create and read CertificateSigningRequests; only the rotate Pod runs as it. */
  agent: 'cluster-cert-rotator-agent',
  /** May do nothing: a node's kubelet can have a token for every ServiceAccount of its Pods. */
  node: 'cluster-cert-rotator-node',
} as const;

export interface HostPath {
  readonly path: string;
  /** Never "": that would create what is missing, even when it is mounted read-only (R18). */
  readonly type: 'Directory' | 'File' | 'DirectoryOrCreate';
  /** Left out on a node that does not have it. */
  readonly optional: boolean;
  readonly controlPlanesOnly: boolean;
}

const directory = { type: 'Directory', optional: false, controlPlanesOnly: false } as const;
const file = { type: 'File', optional: true, controlPlanesOnly: false } as const;

/** By the name of their volume. */
export const hostPaths = {
  kubernetes: { ...directory, path: '/etc/kubernetes' },
  'kubelet-pki': { ...directory, path: '/var/lib/kubelet/pki' },
  'kubelet-config': { ...file, path: '/var/lib/kubelet/config.yaml' },
  'kubelet-flags': { ...file, path: '/var/lib/kubelet/kubeadm-flags.env' },
  'etc-systemd': { ...directory, path: '/etc/systemd/system', optional: true },
  'lib-systemd': { ...directory, path: '/usr/lib/systemd/system', optional: true },
  'etc-default': { ...directory, path: '/etc/default', optional: true },
  'etc-sysconfig': { ...directory, path: '/etc/sysconfig', optional: true },
  'root-home': { ...directory, path: '/root', optional: true, controlPlanesOnly: true },
  /** Our own: the only one that is made where it is missing. */
  own: { ...directory, path: hostDirectory, type: 'DirectoryOrCreate' },
  proc: { ...directory, path: '/proc' },
  host: { ...directory, path: '/' },
} as const satisfies Readonly<Record<string, HostPath>>;
export type HostPathName = keyof typeof hostPaths;

/** What one container sees and may do. Everything else is dropped. */
export interface ContainerRights {
  readonly face: Face;
  readonly reads: readonly HostPathName[];
  readonly writes: readonly HostPathName[];
  /** The chart value extraHostPaths, R18. */
  readonly extraHostPaths: 'none' | 'read' | 'write';
  readonly capabilities: readonly string[];
  readonly token: boolean;
}

export interface KindRights {
  readonly serviceAccount: string;
  readonly hostPID: boolean;
  readonly initContainers: readonly ContainerRights[];
  /** The kind's containers; scan, harvest and ca-certificates have up to three of the same (R7). */
  readonly containers: readonly ContainerRights[];
}

/** The kubelet divides 12,288 bytes of messages among a Pod's containers (R7). */
export const mostContainers = 3;

const nodeConfiguration: readonly HostPathName[] = [
  'kubelet-config',
  'kubelet-flags',
  'lib-systemd',
  'etc-default',
  'etc-sysconfig',
];

const certificates: readonly HostPathName[] = [
  'kubernetes',
  'kubelet-pki',
  ...nodeConfiguration,
  'etc-systemd',
  'root-home',
];

const scan: ContainerRights = {
  face: 'scan',
  // own: only where the tool is to be laid down (pods.ts), since mounting it makes it.
  reads: [...certificates, 'own'],
  writes: [],
  extraHostPaths: 'read',
  // etcd's directory may belong to a user of its own and be closed to others, uid 0 without capabilities included.
  capabilities: ['DAC_READ_SEARCH'],
  token: false,
};

// proc: what `apply` sees of PID 1 must be what `request` has judged by, or new keys could be made in vain.
const request: ContainerRights = {
  ...scan,
  face: 'request',
  reads: [...certificates, 'proc'],
  writes: ['own'],
  token: true,
};

const apply: ContainerRights = {
  face: 'apply',
  reads: [...nodeConfiguration, 'proc'],
  // etc-systemd: the unit that ends an interrupted swap at boot lies there while a journal is open.
  writes: ['kubernetes', 'kubelet-pki', 'root-home', 'own', 'etc-systemd'],
  extraHostPaths: 'write',
  // New files get the owner and mode of the old ones; SYS_PTRACE reads /proc/<pid>/root, which is proof (R20).
  capabilities: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SYS_PTRACE'],
  token: false,
};

const restartKubelet: ContainerRights = {
  face: 'restart-kubelet',
  // systemctl writes no file: PID 1 listens on a socket, and connecting is no write to the file system.
  reads: ['host'],
  writes: ['own'],
  extraHostPaths: 'none',
  // systemctl compares its root with that of PID 1 (SYS_PTRACE) and ignores what a chroot asks for.
  capabilities: ['SYS_CHROOT', 'SYS_PTRACE'],
  token: false,
};

function authority(face: 'harvest' | 'ca-certificates'): ContainerRights {
  return {
    face,
    reads: ['kubernetes'],
    writes: [],
    extraHostPaths: 'read',
    capabilities: ['DAC_READ_SEARCH'],
    token: false,
  };
}

const stage: ContainerRights = {
  face: 'stage',
  reads: [],
  writes: ['own'],
  extraHostPaths: 'none',
  capabilities: [],
  token: false,
};

function kind(container: ContainerRights, more: Partial<KindRights> = {}): KindRights {
  return {
    serviceAccount: serviceAccounts.node,
    hostPID: false,
    initContainers: [],
    containers: [container],
    ...more,
  };
}

export const podKinds: Readonly<Record<PodKind, KindRights>> = {
  scan: kind(scan),
  rotate: kind(apply, { serviceAccount: serviceAccounts.agent, initContainers: [request] }),
  'restart-kubelet': kind(restartKubelet, { hostPID: true }),
  harvest: kind(authority('harvest')),
  'ca-certificates': kind(authority('ca-certificates')),
  stage: kind(stage),
};
