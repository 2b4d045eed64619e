// What the cluster must hold so that the manual's command finds the tool (S8): Service `frontend`, which the chart may not
// make since it can be somebody else's (R19), and the checksums, which are read through the API's TLS. Pure.
import { isDeepStrictEqual } from 'node:util';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { ConfigMap, Service } from 'kubernetes-types/core/v1.js';
import type { OwnerReference } from 'kubernetes-types/meta/v1.js';
import { apiGroup } from '../kube/types.ts';
import { serviceNames } from '../kube/objects.ts';
import type { ServingSecret } from './serving-keeper.ts';
import type { NewEvent } from './world.ts';

/** The Deployment that the chart makes in the public namespace; its Pods are who `frontend` selects. */
export const web = {
  name: 'cluster-cert-rotator-web',
  port: 8080,
  selector: { app: 'cluster-cert-rotator', 'app.kubernetes.io/component': 'web' },
  dashboard: {
    service: 'cluster-cert-rotator',
    port: 8443,
    secret: 'cluster-cert-rotator-web-tls',
    tlsDirectory: '/etc/cluster-cert-rotator-tls',
  },
} as const;

/** The dashboard's serving certificate (R9). By `localhost` it is reached through a port that kubectl forwards. */
export function dashboardServing(namespace: string): ServingSecret {
  const { service, secret } = web.dashboard;
  const names = [...serviceNames(service, namespace), `${service}.${namespace}`, 'localhost'];
  return { name: secret, namespace, names };
}

export const frontendName = 'frontend';
export const checksumsName = 'cert-renew-checksums';
/** On the checksums' ConfigMap: what became of the Service. */
export const frontendAnnotation = `${apiGroup}/frontend`;

const managedBy = { 'app.kubernetes.io/managed-by': 'cluster-cert-rotator' } as const;

export interface Wanted {
  /** Of the configuration. */
  readonly enabled: boolean;
  readonly namespace: string;
  /** SHA256SUMS by architecture, and the `version` that they are of; undefined outside of the image. */
  readonly checksums: Readonly<Record<string, string>> | undefined;
}

export interface Found {
  readonly service: Service | undefined;
  /** Who serves them. Without it, as after an uninstall, a Service is of no use. */
  readonly deployment: Deployment | undefined;
  readonly configMap: ConfigMap | undefined;
}

export interface ToDo {
  /** The Service as it must be; undefined: as it is. */
  readonly write?: Service;
  readonly remove?: Service;
  readonly configMap?: ConfigMap;
  /** It cannot be changed: it is deleted, and made anew. */
  readonly immutable?: ConfigMap;
  readonly event?: NewEvent;
}

/** What must be done so that a second look finds nothing more to do. */
export function decideDownloads(asked: Wanted, found: Found): ToDo {
  const { service, deployment } = found;
  const wanted = { ...asked, enabled: asked.enabled && deployment !== undefined };
  const isForeign = service !== undefined && !isOurs(service);
  const state = !wanted.enabled ? 'Off' : isForeign ? 'NotOurs' : 'Ready';
  return {
    ...writeChecksums(wanted, found.configMap, state),
    ...(isForeign ? foreign(service, wanted) : own(service, deployment, wanted)),
  };
}

function own(
  service: Service | undefined,
  deployment: Deployment | undefined,
  { enabled, namespace }: Wanted,
): ToDo {
  if (!enabled || deployment === undefined) return service === undefined ? {} : { remove: service };
  const owners = ownersOf(service, deployment);
  if (service !== undefined && isAsItShould(service, owners)) return {};
  return { write: frontend(service, owners, namespace) };
}

/** It goes with the Deployment, which the chart made: `helm uninstall` knows nothing of the Service. */
function ownersOf(service: Service | undefined, { metadata }: Deployment): OwnerReference[] {
  const ours = { apiVersion: 'apps/v1', kind: 'Deployment', name: web.name, uid: metadata?.uid ?? '' };
  const others = service?.metadata?.ownerReferences ?? [];
  return [...others.filter(({ kind, name }) => kind !== ours.kind || name !== ours.name), ours];
}

function foreign({ metadata }: Service, { enabled, namespace }: Wanted): ToDo {
  if (!enabled) return {};
  const message =
    `Service ${namespace}/${frontendName} is somebody else's and stays as it is: cert-renew is not served there. ` +
    `It is to be had by kubectl -n ${namespace} port-forward deploy/${web.name} ${web.port}`;
  const about = { kind: 'Service', name: frontendName, namespace, uid: metadata?.uid ?? '' } as const;
  return { event: { about, type: 'Warning', reason: 'FrontendNotOurs', message } };
}

function isOurs({ metadata }: Service): boolean {
  return Object.entries(managedBy).every(([name, value]) => metadata?.labels?.[name] === value);
}

function isAsItShould({ metadata, spec }: Service, owners: readonly OwnerReference[]): boolean {
  const ports = spec?.ports?.map(({ name, port, targetPort, protocol }) => ({
    name,
    port,
    targetPort,
    protocol,
  }));
  return (
    isDeepStrictEqual(spec?.selector, web.selector) &&
    isDeepStrictEqual(ports, servicePorts) &&
    isDeepStrictEqual(metadata?.ownerReferences, owners)
  );
}

const servicePorts = [{ name: 'http', port: 8080, targetPort: web.port, protocol: 'TCP' }];

function frontend(
  existing: Service | undefined,
  ownerReferences: OwnerReference[],
  namespace: string,
): Service {
  const labels = {
    ...existing?.metadata?.labels,
    'app.kubernetes.io/name': 'cluster-cert-rotator',
    ...managedBy,
  };
  return {
    metadata: { ...existing?.metadata, name: frontendName, namespace, labels, ownerReferences },
    spec: { ...existing?.spec, selector: { ...web.selector }, ports: servicePorts },
  };
}

/** Nothing when it says so already, or when nothing is known to say. */
function writeChecksums(
  { checksums, namespace }: Wanted,
  existing: ConfigMap | undefined,
  state: 'Ready' | 'NotOurs' | 'Off',
): Pick<ToDo, 'configMap' | 'immutable'> {
  if (checksums === undefined) return {};
  const isSaid = existing?.metadata?.annotations?.[frontendAnnotation] === state;
  if (isSaid && isDeepStrictEqual(existing.data, checksums)) return {};
  const isImmutable = existing?.immutable === true;
  const { labels, annotations, ...kept } = isImmutable ? {} : (existing?.metadata ?? {});
  const metadata = {
    ...kept,
    name: checksumsName,
    namespace,
    labels: { ...labels, 'app.kubernetes.io/name': 'cluster-cert-rotator', ...managedBy },
    annotations: { ...annotations, [frontendAnnotation]: state },
  };
  return { configMap: { metadata, data: { ...checksums } }, ...(isImmutable ? { immutable: existing } : {}) };
}

/** The one that nobody could change had made the checksums stay what they were. */
export function madeAnew({ metadata }: ConfigMap, namespace: string): NewEvent {
  const message = `ConfigMap ${namespace}/${checksumsName} was immutable and not as it must be: it is deleted and made anew`;
  const about = { kind: 'ConfigMap', name: checksumsName, namespace, uid: metadata?.uid ?? '' } as const;
  return { about, type: 'Warning', reason: 'ChecksumsReplaced', message };
}
