// What the controller sees and what it may do, as values. `gather` makes a World, `decide/*` turns it into Actions,
// `act` carries them out. Nothing in `decide/` reads a clock, a file or the network.
import type { ConfigMap, Event, Node, Pod } from 'kubernetes-types/core/v1.js';
import type { InventoryRow, ScanResult } from '../agent/protocol.ts';
import type { CertificateRotation, RotationStatus } from '../kube/types.ts';
import type { CaId } from '../catalogue/ids.ts';
import type { Gate } from '../policy/reasons.ts';
import type { Configuration } from './configuration.ts';

/** `data["certificates.json"]` of ConfigMap node-local-certs-<node>. */
export interface Inventory {
  readonly schema: 1;
  readonly node: string;
  readonly nodeUID: string;
  readonly machineID: string;
  readonly collectedAt: string;
  readonly clock: string;
  readonly certificates: readonly InventoryRow[];
  readonly notes?: readonly string[];
}

export interface VaultStatus {
  readonly cas: Readonly<
    Partial<Record<CaId, { readonly sha256: string; readonly notBefore: string; readonly notAfter: string }>>
  >;
  /** Why nothing may be signed now, when so. */
  readonly problem?: { readonly gate: Gate; readonly message: string };
}

/** Health of the whole, asked freshly before anything is admitted. Absent = not asked yet: gates stay shut. */
export interface Health {
  readonly checkedAt: string;
  /** Node name → problem in words; a node that is fine is absent. */
  readonly apiServers: ReadonlyMap<string, string>;
  readonly etcd: ReadonlyMap<string, string>;
}

export interface World {
  readonly now: Date;
  readonly configuration: Configuration;
  readonly nodes: readonly Node[];
  /** By node name. */
  readonly inventories: ReadonlyMap<string, Inventory>;
  readonly rotations: readonly CertificateRotation[];
  /** Pods of the private namespace that this product made. */
  readonly pods: readonly Pod[];
  readonly vault: VaultStatus;
  readonly health: Health | undefined;
}

export type PodKind = 'scan' | 'rotate' | 'restart-kubelet' | 'harvest' | 'ca-certificates' | 'stage';

export type Action =
  | { readonly type: 'create-pod'; readonly pod: Pod }
  | { readonly type: 'delete-pod'; readonly name: string; readonly uid: string }
  | {
      readonly type: 'write-inventory';
      readonly node: Node;
      readonly result: ScanResult;
      readonly existing: ConfigMap | undefined;
    }
  | {
      readonly type: 'create-rotation';
      readonly rotation: CertificateRotation;
      readonly phase: 'Scheduled' | 'Pending';
    }
  | {
      readonly type: 'patch-rotation-status';
      readonly rotation: CertificateRotation;
      readonly status: RotationStatus;
    }
  | { readonly type: 'delete-rotation'; readonly rotation: CertificateRotation }
  | { readonly type: 'event'; readonly event: NewEvent };

/** An Event that an operator would ask about; `reason` is one of policy/reasons or a gate. */
export interface NewEvent {
  readonly about: {
    readonly kind: 'Node' | 'CertificateRotation';
    readonly name: string;
    readonly uid: string;
  };
  readonly type: NonNullable<Event['type']>;
  readonly reason: string;
  readonly message: string;
}
