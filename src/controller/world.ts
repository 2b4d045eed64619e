// What the controller sees and what it may do, as values. `gather` makes a World, `decide/*` turns it into Actions,
// `act` carries them out. Nothing in `decide/` reads a clock, a file or the network.
import type { Event, Node, Pod } from 'kubernetes-types/core/v1.js';
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
  /** CAs that cannot sign now, and why: what they sign is left out, the rest goes on (an external CA). */
  readonly unavailable?: Readonly<
    Partial<
      Record<
        CaId,
        {
          readonly gate: Gate;
          readonly message: string;
          /** It could not be compared just now: the plan stays, the gate waits. */
          readonly passing?: true;
        }
      >
    >
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
  /** Nodes that run a member of etcd as a static Pod; empty: etcd is elsewhere. Absent: every control plane does. */
  readonly etcdMembers?: readonly string[];
}

/** What the controller's own handshakes with a node show (R20). Absent: not asked, or no answer. */
export interface LiveSerials {
  /** When it was asked, RFC 3339: an answer from before the end of the rotation's Pod proves nothing. */
  readonly checkedAt: string;
  /** Serial on 6443, lower-case hex without leading zero octets; control planes only. */
  readonly apiServer?: string;
  /** Serial on 10250. */
  readonly kubelet?: string;
}

export interface World {
  readonly now: Date;
  readonly configuration: Configuration;
  readonly nodes: readonly Node[];
  /** By node name. */
  readonly inventories: ReadonlyMap<string, Inventory>;
  /** Names of ConfigMaps that stand where an inventory belongs and are not as we wrote them. Absent: none. */
  readonly strangeInventories?: ReadonlySet<string>;
  readonly rotations: readonly CertificateRotation[];
  /** Pods of the private namespace that this product made. */
  readonly pods: readonly Pod[];
  readonly vault: VaultStatus;
  readonly health: Health | undefined;
  /** By node name; asked for the nodes of rotations in phase Verifying. */
  readonly liveSerials: ReadonlyMap<string, LiveSerials>;
  /** By name of the rotation, for those in phase Verifying: what we signed for it, as `<catalogue id> <serial>`. */
  readonly signed: ReadonlyMap<string, ReadonlySet<string>>;
  /** By Pod UID: the messages of Warning Events about Pods that have not started, such as FailedMount. */
  readonly podProblems: ReadonlyMap<string, readonly string[]>;
}

export type PodKind = 'scan' | 'rotate' | 'restart-kubelet' | 'harvest' | 'ca-certificates' | 'stage';

export type Action =
  | { readonly type: 'create-pod'; readonly pod: Pod }
  /** `force`: no container of it ever started, so nothing is lost by not waiting for the node's kubelet. */
  | { readonly type: 'delete-pod'; readonly name: string; readonly uid: string; readonly force?: boolean }
  | {
      readonly type: 'write-inventory';
      readonly node: Node;
      readonly result: ScanResult;
      /**
       * RFC 3339 in UTC: the moment of our own time nearest to the node's clock at which the scan may have run, so that
       * the difference to `result.clock` is an error of the clock and never a late reading.
       */
      readonly collectedAt: string;
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
    readonly kind: 'Node' | 'CertificateRotation' | 'ConfigMap' | 'Service';
    readonly name: string;
    /** Of a ConfigMap or Service; the others have none. */
    readonly namespace?: string;
    readonly uid: string;
  };
  readonly type: NonNullable<Event['type']>;
  readonly reason: string;
  readonly message: string;
}
