// The order of a rotation on one node as data (design §4). A stage is a transaction of its own: all its files are new
// and proved, or all are old again. Pure.
import type { CertificateId, Component } from '../catalogue/ids.ts';

export const stageNames = [
  'etcd',
  'kube-apiserver',
  'administrators',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  /** Files named by a person: swapped together, nothing is restarted and nothing but the files is proved. */
  'files',
] as const;
export type StageName = (typeof stageNames)[number];

export type Step = 'check' | 'swap' | 'annotate' | 'restart' | 'prove';

export interface StageRule {
  readonly component: Component;
  readonly steps: readonly Step[];
  readonly ids: readonly CertificateId[];
  /** Whether etcd must be safe before it begins (R13). */
  readonly needsEtcd: boolean;
}

/** etcd is proved before the API server's files are touched (R20); the kubelet, which runs our own Pod, comes last. */
export const stageRules: Readonly<Record<StageName, StageRule>> = {
  etcd: {
    component: 'etcd',
    steps: ['check', 'swap', 'prove'],
    ids: ['etcd/server.crt', 'etcd/peer.crt', 'etcd/healthcheck-client.crt'],
    needsEtcd: true,
  },
  'kube-apiserver': {
    component: 'kube-apiserver',
    steps: ['check', 'swap', 'annotate', 'prove'],
    ids: [
      'apiserver-etcd-client.crt',
      'apiserver-kubelet-client.crt',
      'front-proxy-client.crt',
      'apiserver.crt',
    ],
    needsEtcd: true,
  },
  administrators: {
    component: 'none',
    steps: ['check', 'swap', 'prove'],
    ids: ['admin.conf', 'super-admin.conf', '/root/.kube/config'],
    needsEtcd: false,
  },
  'kube-controller-manager': {
    component: 'kube-controller-manager',
    steps: ['check', 'swap', 'annotate', 'prove'],
    ids: ['controller-manager.conf'],
    needsEtcd: false,
  },
  'kube-scheduler': {
    component: 'kube-scheduler',
    steps: ['check', 'swap', 'annotate', 'prove'],
    ids: ['scheduler.conf'],
    needsEtcd: false,
  },
  kubelet: {
    component: 'kubelet',
    steps: ['check', 'swap', 'restart', 'prove'],
    ids: ['kubelet.crt', 'kubelet-client-current.pem'],
    needsEtcd: false,
  },
  files: { component: 'none', steps: ['check', 'swap'], ids: [], needsEtcd: false },
};

/** The stage in which a certificate of the catalogue is renewed. */
export function stageOf(id: CertificateId): StageName {
  const name = stageNames.find((each) => stageRules[each].ids.includes(id));
  return name ?? 'files';
}

export interface PlannedStage<T> {
  readonly name: StageName;
  readonly members: readonly T[];
}

/** Groups what is to be renewed into stages, in order; only what is there is in them. */
export function planStages<T extends { readonly id: CertificateId | undefined }>(
  members: readonly T[],
): PlannedStage<T>[] {
  const stage = ({ id }: T): StageName => (id === undefined ? 'files' : stageOf(id));
  const rank = ({ id }: T): number => (id === undefined ? 0 : stageRules[stageOf(id)].ids.indexOf(id));
  return stageNames
    .map((name) => ({
      name,
      members: members.filter((each) => stage(each) === name).toSorted((a, b) => rank(a) - rank(b)),
    }))
    .filter(({ members }) => members.length > 0);
}
