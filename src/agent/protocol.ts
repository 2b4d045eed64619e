// What the controller and its Pods on the nodes say to each other: environment variables in, one message out.
// The controller imports this file and `message.ts` of the agent's room and nothing else of it.
import type { CertificateId, CaId } from '../catalogue/ids.ts';
import type { Reason } from '../policy/reasons.ts';
import type { InventoryRow } from '../rotation/inventory.ts';

export type { Face } from './faces.ts';
export type { InventoryRow };

/** What a scan Pod finds. Sorted and stable: an unchanged node gives the same rows. */
export interface ScanResult {
  readonly schema: 1;
  readonly machineID: string;
  /** Node's clock when it scanned, RFC 3339 in UTC with milliseconds. */
  readonly clock: string;
  readonly certificates: readonly InventoryRow[];
  /** What an operator should know: components not seen, optional paths missing, copies of credentials elsewhere. */
  readonly notes: readonly string[];
}

/** How one rotation on a node ended; the last thing the `apply` container says. */
export interface RotateResult {
  readonly schema: 1;
  readonly outcome: 'succeeded' | 'rolled-back' | 'needs-manual' | 'refused' | 'nothing-to-do';
  readonly reason: Reason;
  readonly message: string;
  readonly steps: readonly {
    readonly name: string;
    readonly startedAt: string;
    readonly finishedAt: string;
    readonly result: 'done' | 'skipped' | 'failed' | 'rolled-back';
    readonly message?: string;
  }[];
  readonly certificates: readonly {
    readonly id: CertificateId;
    readonly oldSerial: string;
    readonly newSerial: string;
    readonly oldNotAfter: string;
    readonly newNotAfter: string;
    readonly proof?: string;
  }[];
}

/**
 * What a harvest container says: plain JSON. `sealed` is base64 of encapsulated key ‖ ciphertext over the DER of the
 * private key alone (RSA-4096: 3,196 characters); `missing` when there is no key on this node, since the CA is external.
 */
export type HarvestMessage =
  | { readonly schema: 1; readonly ca: CaId; readonly sealed: string }
  | { readonly schema: 1; readonly ca: CaId; readonly missing: true }
  | { readonly schema: 1; readonly ca: CaId; readonly error: string };

/** What a ca-certificates container says: plain JSON, base64 DER of every certificate in the CA's file, in its order. */
export type CaCertificatesMessage =
  | { readonly schema: 1; readonly ca: CaId; readonly certificates: readonly string[] }
  | { readonly schema: 1; readonly ca: CaId; readonly missing: true }
  | { readonly schema: 1; readonly ca: CaId; readonly error: string };

/** What `request`, `stage` and `restart-kubelet` say when they are done. */
export interface DoneResult {
  readonly schema: 1;
  readonly message: string;
}

/** What one capture of a CA key is bound to (R11). */
export interface Capture {
  readonly podUID: string;
  readonly nodeUID: string;
  readonly clusterUID: string;
  readonly ca: CaId;
}

/** HPKE's `info`: both sides build it from what they know by themselves, so a message of another Pod never opens. */
export function captureInfo({ podUID, nodeUID, clusterUID, ca }: Capture): Uint8Array {
  return Buffer.from(['cluster-cert-rotator harvest v1', podUID, nodeUID, clusterUID, ca].join('\n'));
}

/** Environment of the agent's containers. */
export const env = {
  nodeName: 'NODE_NAME',
  nodeUID: 'NODE_UID',
  machineID: 'MACHINE_ID',
  rotationName: 'ROTATION_NAME',
  rotationUID: 'ROTATION_UID',
  /** Comma-separated catalogue ids. */
  certificates: 'CERTIFICATES',
  /** 'new' or 'keep' */
  keyPolicy: 'KEY_POLICY',
  /** 'always' or 'auto' (R21) */
  kubeletRestart: 'KUBELET_RESTART',
  /** Serial and notAfter (RFC 3339) of the kubelet's client certificate as the plan saw it (R2); absent: no plan. */
  clientPlanned: 'KUBELET_CLIENT_PLANNED',
  /** Seconds that a component has to come back. */
  componentTimeout: 'COMPONENT_TIMEOUT_SECONDS',
  /** 0-based part of the message that this container says, of PARTS (R7). */
  part: 'PART',
  parts: 'PARTS',
  /** Where the host's files are seen inside the Pod: every path of the node is under it. */
  hostRoot: 'HOST_ROOT',
  /** Base64 of the raw public key that the leader made for this one capture (R11). */
  hpkePublicKey: 'HPKE_PUBLIC_KEY',
  /** From the downward API: with NODE_UID and CLUSTER_UID it binds a capture to its Pod (R11). */
  podUID: 'POD_UID',
  clusterUID: 'CLUSTER_UID',
  /** Which CA a container of harvest or ca-certificates speaks for, and the node's own paths of its files. */
  ca: 'CA_ID',
  caKeyPath: 'CA_KEY_PATH',
  caCertPath: 'CA_CERT_PATH',
  /** Where the message goes; /dev/termination-log unless told. */
  terminationLog: 'TERMINATION_LOG',
} as const;

/** Directory of the product on every host (0700). */
export const hostDirectory = '/var/lib/cluster-cert-rotator';

/** The kubelet keeps at most this many bytes of one container's termination message (R7). */
export const terminationMessageLimit = 4096;

/** Among the notes of a scan, word for word: whether the host directory holds this very executable. Neither: it does. */
export const toolNotes = {
  absent: 'cert-renew is not laid down on this node',
  stale: 'another version of cert-renew is laid down on this node',
} as const;
