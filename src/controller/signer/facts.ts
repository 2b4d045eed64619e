// What a request is judged by, as values: everything here was read from the API by the controller itself.
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import type { ConfigMap, Node, Pod } from 'kubernetes-types/core/v1.js';
import type { CertificateId } from '../../catalogue/ids.ts';
import type { CertificateRotation } from '../../kube/types.ts';
import type { San } from '../../pki/certificate.ts';
import type { CertificateRequest } from '../../pki/request.ts';
import type { ClusterEndpoints } from '../../policy/identity.ts';
import type { Configuration } from '../configuration.ts';
import type { Vault } from '../vault/vault.ts';
import type { Read, Renewal } from './requests.ts';

/** Everything that is known when a request is judged; read from the API by the controller itself. */
export interface SigningFacts {
  readonly now: Date;
  /** The CertificateRotation that the request names, read freshly; undefined when there is none. */
  readonly rotation: CertificateRotation | undefined;
  /** The Pod of the private namespace that the request's extras name, read freshly. */
  readonly pod: Pod | undefined;
  readonly nodes: readonly Node[];
  readonly endpoints: ClusterEndpoints;
  /** What of the endpoints could not be found out, in words. */
  readonly unknownEndpoints: readonly string[];
  /** SANs of the certificate that this node's API server serves; control planes only. */
  readonly apiserverSans: readonly San[];
  /** node-local-certs-<node> of the rotation's node, read freshly; only for kubelet.crt. */
  readonly inventory: ConfigMap | undefined;
  readonly vault: Vault;
  /** Requests that have a certificate already: one signature for a rotation, id and key. */
  readonly signed: readonly CertificateSigningRequest[];
  readonly configuration: Pick<Configuration, 'kubelet' | 'clockSkewLimit'>;
  /** Milliseconds between our clock and the API server's; undefined when not measured yet. */
  readonly skew: number | undefined;
  /** Kubernetes ≥ 1.30: the API server puts node name and UID into the extras of a Pod's token. */
  readonly nodeInExtras: boolean;
}

/** A request with everything that was read from it, as the checks see it. */
export interface Case {
  readonly csr: CertificateSigningRequest;
  readonly facts: SigningFacts;
  readonly id: CertificateId | undefined;
  readonly node: Node | undefined;
  readonly request: Read<CertificateRequest>;
  readonly renewal: Read<Renewal | undefined>;
}
