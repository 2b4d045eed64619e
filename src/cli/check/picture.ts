// What `check` has seen of a node, as a value. gather.ts makes it, decide.ts judges it.
import type { CaId, CertificateId, Component } from '../../catalogue/ids.ts';
import type { Authorities, InventoryRow } from '../../rotation/inventory.ts';
import type { RuntimeTool } from '../restart-advice.ts';

/** How what runs now stands to a file. */
export type Use =
  /** No process holds it. */
  | { readonly kind: 'none' }
  | { readonly kind: 'same'; readonly text: string }
  /** `notAfter`: the end of what is shown, where it is shown. */
  | { readonly kind: 'older'; readonly text: string; readonly serial?: string; readonly notAfter?: string }
  | { readonly kind: 'stopped'; readonly text: string }
  /** Written since the kubelet was started: what it renewed by itself it takes up by itself. */
  | { readonly kind: 'by-itself'; readonly text: string }
  | { readonly kind: 'unknown'; readonly text: string };

export type KeyFit = 'fits' | 'mismatch' | 'unreadable' | 'absent' | 'unknown';

export type RowKind = InventoryRow['kind'] | 'certificate' | 'served' | 'unreadable';

/** One row before it is judged. */
export interface SeenCertificate {
  readonly row: Omit<InventoryRow, 'kind'> & { readonly kind: RowKind };
  /** Undefined: of no catalogue, a person named it or a server shows it. */
  readonly id: CertificateId | undefined;
  readonly title: string;
  readonly component: Component;
  /** The lifetime that a new one would get, in milliseconds. */
  readonly profile: number;
  /** The end of the CA that signed it, where that CA is known. */
  readonly caNotAfter: Date | undefined;
  readonly key: KeyFit;
  readonly use: Use;
  /** What a person should know beside. */
  readonly remarks: readonly string[];
}

/** Whether new certificates of a CA can be signed on this node; `why` not, in words. */
export type CaKey =
  | { readonly kind: 'here'; readonly certPath: string; readonly keyPath: string }
  | { readonly kind: 'absent' | 'unusable'; readonly why: string };

/** A client certificate in a kubeconfig that nobody renews (R27). */
export interface SeenCopy {
  readonly path: string;
  readonly user: string;
  readonly subject: string;
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** Signed by the cluster's CA that lies on this disk. */
  readonly isOurs: boolean;
  /** The kubeconfig of the catalogue that this was copied from, and whether that one ends later by now. */
  readonly of: { readonly path: string; readonly isRenewed: boolean } | undefined;
  readonly isReadableByOthers: boolean;
}

export type SeenRotation =
  | { readonly kind: 'none' }
  | { readonly kind: 'unfinished'; readonly text: string }
  | { readonly kind: 'unreadable'; readonly text: string };

export interface NodePicture {
  readonly certificates: readonly SeenCertificate[];
  /** The CAs as they lie on this disk. */
  readonly authorities: Authorities;
  readonly caKeys: Readonly<Partial<Record<CaId, CaKey>>>;
  readonly copies: readonly SeenCopy[];
  readonly rotation: SeenRotation;
  readonly stopped: readonly Component[];
  /** Components that belong here and have no manifest where the kubelet looks for one. */
  readonly withoutManifest: readonly Component[];
  /** Where it looks; undefined: it was told of no such directory. */
  readonly manifests: string | undefined;
  /** How this program is called here. */
  readonly call: string;
  /** By which a person can restart a component here. */
  readonly tool: RuntimeTool;
  readonly notes: readonly string[];
}
