// Where the kinds that we use live in the API. One table; nothing else in the product writes an API path.
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { SelfSubjectReview } from 'kubernetes-types/authentication/v1.js';
import type { SelfSubjectAccessReview } from 'kubernetes-types/authorization/v1.js';
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import type { Lease } from 'kubernetes-types/coordination/v1.js';
import type { ConfigMap, Event, Namespace, Node, Pod, Secret, Service } from 'kubernetes-types/core/v1.js';
import type { CertificateRotation } from './types.ts';

/** One kind of object. `T` is its shape; `carries` is never set and only holds the type. */
export interface Resource<T> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  readonly carries?: T;
}

function resource<T>(apiVersion: string, kind: string, plural: string, namespaced: boolean): Resource<T> {
  return { apiVersion, kind, plural, namespaced };
}

export const resources = {
  nodes: resource<Node>('v1', 'Node', 'nodes', false),
  namespaces: resource<Namespace>('v1', 'Namespace', 'namespaces', false),
  pods: resource<Pod>('v1', 'Pod', 'pods', true),
  configMaps: resource<ConfigMap>('v1', 'ConfigMap', 'configmaps', true),
  secrets: resource<Secret>('v1', 'Secret', 'secrets', true),
  services: resource<Service>('v1', 'Service', 'services', true),
  deployments: resource<Deployment>('apps/v1', 'Deployment', 'deployments', true),
  events: resource<Event>('v1', 'Event', 'events', true),
  leases: resource<Lease>('coordination.k8s.io/v1', 'Lease', 'leases', true),
  certificateSigningRequests: resource<CertificateSigningRequest>(
    'certificates.k8s.io/v1',
    'CertificateSigningRequest',
    'certificatesigningrequests',
    false,
  ),
  certificateRotations: resource<CertificateRotation>(
    'certrotator.cpaas.io/v1alpha1',
    'CertificateRotation',
    'certificaterotations',
    false,
  ),
  selfSubjectReviews: resource<SelfSubjectReview>(
    'authentication.k8s.io/v1',
    'SelfSubjectReview',
    'selfsubjectreviews',
    false,
  ),
  selfSubjectAccessReviews: resource<SelfSubjectAccessReview>(
    'authorization.k8s.io/v1',
    'SelfSubjectAccessReview',
    'selfsubjectaccessreviews',
    false,
  ),
} as const;

/** An object's name, and its namespace where its kind has one. */
export interface ObjectRef {
  readonly name: string;
  readonly namespace?: string;
}

export type Subresource = 'status' | 'approval';

/** Path of a collection; all namespaces when none is given. */
export function collectionPath(of: Resource<unknown>, namespace?: string): string {
  const root = of.apiVersion === 'v1' ? '/api/v1' : `/apis/${of.apiVersion}`;
  const within =
    of.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${within}/${of.plural}`;
}

/** Path of one object or of its subresource. */
export function objectPath(of: Resource<unknown>, ref: ObjectRef, subresource?: Subresource): string {
  const path = `${collectionPath(of, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}
