// The few Kubernetes objects of our own, and the loose shape of all others.
import type { CertificateId, NodeRole } from '../catalogue/ids.ts';

export const apiGroup = 'certrotator.cpaas.io';
export const apiVersion = 'certrotator.cpaas.io/v1alpha1';
export const signerName = 'certrotator.cpaas.io/node';
export const privateNamespace = 'cluster-cert-rotator';
/** Of the rotate Pod: may create and read CertificateSigningRequests, nothing else (R7). In privateNamespace. */
export const agentServiceAccount = 'cluster-cert-rotator-agent';
export const defaultPublicNamespace = 'cpaas-system';

export const annotations = {
  /** On a CSR: base64(JSON {certificate: PEM, signature: base64}), see controller/signer (R4). */
  renews: 'certrotator.cpaas.io/renews',
  /** On a CSR: name of the CertificateRotation, and the catalogue id that it asks for. */
  rotation: 'certrotator.cpaas.io/rotation',
  certificate: 'certrotator.cpaas.io/certificate',
  restartedAt: 'certrotator.cpaas.io/restarted-at',
  paused: 'certrotator.cpaas.io/paused',
  approved: 'certrotator.cpaas.io/approved',
} as const;

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** Any object as the API server sends it: JSON, times as RFC 3339 strings. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

export const phases = [
  'Scheduled',
  'Pending',
  'Admitted',
  'Running',
  'Verifying',
  'Succeeded',
  'RolledBack',
  'Failed',
  'NeedsManual',
  'Superseded',
] as const;
export type Phase = (typeof phases)[number];
export const terminalPhases: ReadonlySet<Phase> = new Set([
  'Succeeded',
  'RolledBack',
  'Failed',
  'NeedsManual',
  'Superseded',
]);

export interface CertificateRotation extends KubeObject {
  readonly spec: {
    readonly nodeName: string;
    readonly nodeUID: string;
    readonly certificates: readonly CertificateId[];
    readonly reason: 'Due' | 'Expired' | 'Manual' | 'Compromised';
  };
  readonly status?: RotationStatus;
}

export interface RotationStatus {
  readonly phase?: Phase;
  readonly observedGeneration?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly dueAt?: string;
  readonly attempts?: number;
  /** For the table of kubectl: the node's role, and the certificates in few words. */
  readonly role?: NodeRole;
  readonly summary?: string;
  readonly step?: string;
  readonly steps?: readonly StepStatus[];
  readonly certificates?: readonly RenewedCertificate[];
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly conditions?: readonly Condition[];
  /** What of its node had failed when it was planned: it outlives the rotations that say so. Absent: see the one before. */
  readonly failedBefore?: readonly FailedAttempts[];
}

export interface FailedAttempts {
  readonly id: CertificateId;
  /** In a row. */
  readonly attempts: number;
  /** When the last of them ended. */
  readonly lastAt: string;
  /** A component or certificate: what was refused by the signer is tried with what has the same alone. */
  readonly part?: string;
}

export interface StepStatus {
  readonly name: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly result?: string;
  readonly message?: string;
}

export interface RenewedCertificate {
  readonly id: CertificateId;
  readonly oldSerial?: string;
  readonly newSerial?: string;
  readonly oldNotAfter?: string;
  readonly newNotAfter?: string;
  /** How the new certificate was seen alive (R20), in words; absent when it was not. */
  readonly proof?: string;
}

export interface Condition {
  readonly type: 'Admitted' | 'Running' | 'Verified' | 'Ready';
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}
