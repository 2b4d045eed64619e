// The values that go in and out of the procedure. One driver serves all callers: the agent's Pod, cert-renew FILE…,
// cert-renew all, and the boot; they differ in the signer, and in how the kubelet is restarted.
import type { CaId, CertificateId, Component, Location, Target } from '../catalogue/ids.ts';
import type { Files } from '../host/files.ts';
import type { HostLayout } from '../host/layout.ts';
import type { Probes } from '../host/probes.ts';
import type { Processes } from '../host/processes.ts';
import type { Certificate } from '../pki/certificate.ts';
import type { KeyPair } from '../pki/keys.ts';
import type { Reason } from '../policy/reasons.ts';

/** A node and all by which it is touched; tests put in their own. */
export interface RotationNode {
  readonly files: Files;
  readonly layout: HostLayout;
  readonly machineId: string;
  readonly probes: Probes;
  readonly processes: Processes;
  /** Resolves when systemd has taken the restart. Errors: RestartFailed. */
  readonly restartKubelet: (signal: AbortSignal) => Promise<void>;
  /** Ends a process of the node; absent in a Pod, which has pids of its own. */
  readonly endProcess?: (pid: number, name: 'SIGTERM' | 'SIGKILL') => void;
  readonly now: () => Date;
  readonly random: (size: number) => Uint8Array;
  /** Rejects with the signal's reason when it is aborted. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface PairPaths {
  readonly certPath: string;
  readonly keyPath: string;
}

/** What the node's own configuration says about its components; makes proofs possible. Absent: not on this node. */
export interface NodeFacts {
  readonly manifests: Partial<Record<Component, string>>;
  /** Certificates of the authorities, as this node has them: nothing that they did not sign is put in place. */
  readonly caPaths?: Partial<Record<CaId, string>>;
  readonly apiserver?: Endpoint;
  readonly etcdClient?: Endpoint;
  readonly etcdPeer?: Endpoint;
  /** Where etcd tells its health and metrics to anybody, by plain HTTP. */
  readonly etcdMetrics?: Endpoint;
  readonly etcdCaPath?: string;
  /** Pairs that may speak to etcd, best first: healthcheck-client, then apiserver-etcd-client (R12). */
  readonly etcdClients?: readonly PairPaths[];
  readonly kubelet?: Endpoint;
  /** The API server's client for kubelets: by which single checks of /readyz may be asked, where it is an administrator. */
  readonly apiserverClient?: Location;
  /** The kubelet's kubeconfig: names the server and the CA with which its client certificate is tried. */
  readonly kubeletKubeconfig?: string;
}

export interface RotationOrder {
  readonly targets: readonly Target[];
  /** What the caller has to say of what was asked for and is no target. */
  readonly notes?: readonly string[];
  readonly facts: NodeFacts;
  readonly keyPolicy: 'new' | 'keep';
  /** Keys that were made before, when the request was written: `keyPolicy` was asked then. Undefined: the old one stays. */
  readonly madeKey?: (id: CertificateId) => KeyPair | undefined;
  /** R21. `none`: nothing is restarted and nothing is proved but the files (cert-renew FILE…). */
  readonly kubeletRestart: 'always' | 'auto';
  /** Who gives it; whoever takes it to its end may be another (ApplyOptions). */
  readonly origin: 'agent' | 'cli';
  /** The kubelet's client certificate as the plan saw it: what is newer is the kubelet's own work (R2). */
  readonly clientPlanned?: { readonly serial: string; readonly notAfter: Date };
  /** A journal under way whose unproved certificates this order renews again: it ends when this one's own is written. */
  readonly supersedes?: string;
  /** Known to the agent alone; `cert-renew` knows neither (R17). */
  readonly nodeUID?: string;
  readonly rotationUID?: string;
}

/** What a signer gets: a new public key and whose place it takes. The private key stays on the node. */
export interface SigningRequest {
  /** Unique in one call; for targets of the catalogue it begins with the id. */
  readonly key: string;
  readonly id: CertificateId | undefined;
  readonly path: string;
  readonly user?: string;
  /** PKCS#10, DER. */
  readonly requestDer: Uint8Array;
  readonly spki: Uint8Array;
  readonly oldCertificate: Certificate;
  /** Signature by the old key over pki's renewalBytes (R4); absent without a rotation UID. */
  readonly possession?: Uint8Array;
}

export interface SignedCertificate {
  /** The request's `key`. */
  readonly key: string;
  readonly certificate: Certificate;
}

/** A request may still wait for its key. Errors: SigningRefused, Unreachable, Aborted and those of pki. All or nothing. */
export type Signer = (
  requests: readonly Promise<SigningRequest>[],
  signal: AbortSignal,
) => Promise<readonly SignedCertificate[]>;

export type OutcomeKind = 'succeeded' | 'rolled-back' | 'needs-manual' | 'refused' | 'nothing-to-do';

export interface OutcomeStep {
  readonly name: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly result: 'done' | 'skipped' | 'failed' | 'rolled-back';
  readonly message?: string;
}

export interface OutcomeCertificate {
  readonly id: CertificateId;
  readonly oldSerial: string;
  readonly newSerial: string;
  readonly oldNotAfter: string;
  readonly newNotAfter: string;
  /** Only when the live process was seen with it (R20), or why it needs none. */
  readonly proof?: string;
}

/** How a rotation ended: RotateResult of the agent's protocol is this value. */
export interface Outcome {
  readonly schema: 1;
  readonly outcome: OutcomeKind;
  readonly reason: Reason;
  readonly message: string;
  readonly steps: readonly OutcomeStep[];
  readonly certificates: readonly OutcomeCertificate[];
}

export type Prepared =
  | { readonly kind: 'prepared'; readonly journalId: string; readonly notes: readonly string[] }
  /** Nothing can or need be done; nothing was touched. */
  | { readonly kind: 'outcome'; readonly outcome: Outcome }
  /** A journal of an interrupted rotation lies here: `apply` it (R17). */
  | { readonly kind: 'unfinished'; readonly journalId: string };

export interface Timeouts {
  /** Milliseconds that a component has to come back. */
  readonly component: Partial<Record<Component, number>>;
  /** Between two looks. */
  readonly poll: number;
}

export const defaultTimeouts: Timeouts = {
  component: {
    'kube-apiserver': 180_000,
    'kube-controller-manager': 90_000,
    'kube-scheduler': 90_000,
    kubelet: 90_000,
    etcd: 90_000,
    none: 90_000,
  },
  poll: 1000,
};
