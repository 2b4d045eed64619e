// The hosts that a kubelet's serving certificate must not name (R5), gathered from every place that says one.
import type { Node, Service } from 'kubernetes-types/core/v1.js';
import { parseDocument } from 'yaml';
import * as v from 'valibot';
import type { KubeClient } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import type { San } from '../../pki/certificate.ts';
import type { ClusterEndpoints } from '../../policy/identity.ts';
import type { Dial } from '../vault/anchors.ts';
import { addressesOf, isControlPlane, nameOf } from '../vault/nodes.ts';

export interface GatheredEndpoints {
  readonly endpoints: ClusterEndpoints;
  /** Node name → what its API server's certificate names; control planes that answered. */
  readonly apiserverSans: ReadonlyMap<string, readonly San[]>;
}

const apiServerPort = 6443;

/** Errors: those of the API. An API server that does not answer is left out. */
export async function gatherEndpoints(
  client: KubeClient,
  nodes: readonly Node[],
  dial: Dial,
): Promise<GatheredEndpoints> {
  const controlPlanes = nodes.filter(isControlPlane);
  const [services, kubeadm, apiserverSans] = await Promise.all([
    client.list(resources.services),
    kubeadmHosts(client),
    sansOf(controlPlanes, dial),
  ]);
  const served = [...apiserverSans.values()].flat().map(({ value }) => value);
  const nodeHosts = controlPlanes.flatMap((node) => [nameOf(node), ...addressesOf(node)]);
  return {
    apiserverSans,
    endpoints: {
      apiServers: [...nodeHosts, ...served, ...kubeadm.apiServers],
      etcd: [...nodeHosts, ...kubeadm.etcd],
      services: services.items.flatMap(({ spec }) => [...(spec?.clusterIPs ?? []), spec?.clusterIP ?? '']),
      serviceClaims: services.items.flatMap(claimsOf),
      controlPlaneEndpoint: kubeadm.controlPlaneEndpoint,
    },
  };
}

/** What the author of a Service, or who may write its status, says that it is reached by. */
function claimsOf({ metadata, spec, status }: Service): { host: string; by: string }[] {
  const hosts = [
    ...(spec?.externalIPs ?? []),
    spec?.loadBalancerIP ?? '',
    ...(status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => [ip ?? '', hostname ?? '']),
  ];
  const by = `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
  return hosts.filter((host) => host !== '').map((host) => ({ host, by }));
}

async function sansOf(nodes: readonly Node[], dial: Dial): Promise<ReadonlyMap<string, readonly San[]>> {
  const asked = await Promise.allSettled(
    nodes.map(async (node) => {
      const [address = ''] = addressesOf(node, 'InternalIP');
      const { sans } = await dial(address, apiServerPort);
      return [nameOf(node), sans] as const;
    }),
  );
  return new Map(asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])));
}

const texts = v.optional(v.array(v.string()), []);
const clusterSchema = v.object({
  controlPlaneEndpoint: v.optional(v.string(), ''),
  apiServer: v.optional(v.object({ certSANs: v.optional(v.nullable(texts)) }), {}),
  etcd: v.optional(v.object({ external: v.optional(v.object({ endpoints: texts })) }), {}),
});

/** What kubeadm wrote down when it made the cluster; empty where there is no such ConfigMap. */
async function kubeadmHosts(
  client: KubeClient,
): Promise<Omit<ClusterEndpoints, 'services' | 'serviceClaims'>> {
  const map = await client.get(resources.configMaps, { name: 'kubeadm-config', namespace: 'kube-system' });
  const document = parseDocument(map?.data?.['ClusterConfiguration'] ?? '');
  const parsed = v.safeParse(clusterSchema, document.errors.length > 0 ? undefined : document.toJS());
  if (!parsed.success) return { apiServers: [], etcd: [], controlPlaneEndpoint: [] };
  const { controlPlaneEndpoint, apiServer, etcd } = parsed.output;
  return {
    apiServers: apiServer.certSANs ?? [],
    etcd: (etcd.external?.endpoints ?? []).map(hostOf),
    controlPlaneEndpoint: controlPlaneEndpoint === '' ? [] : [hostOf(controlPlaneEndpoint)],
  };
}

/** `https://h:2379`, `h:6443`, `[fd00::1]:6443`, `h` → `h`. */
export function hostOf(text: string): string {
  const bare = text.replace(/^[a-z]+:\/\//u, '').replace(/\/.*$/u, '');
  const bracketed = /^\[(.*)\](?::\d+)?$/u.exec(bare)?.[1];
  if (bracketed !== undefined) return bracketed;
  // More than one colon and no bracket: an IPv6 address without a port.
  return bare.split(':').length > 2 ? bare : bare.replace(/:\d+$/u, '');
}
