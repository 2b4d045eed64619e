// The hosts that a kubelet's serving certificate must not name (R5), gathered from every place that says one.
import type { Node } from 'kubernetes-types/core/v1.js';
import * as v from 'valibot';
import { CertError } from '../../errors.ts';
import { parseYaml } from '../../formats/yaml-text.ts';
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
      services: services.items.flatMap(({ spec, status }) => [
        ...(spec?.clusterIPs ?? []),
        ...(spec?.clusterIP === undefined ? [] : [spec.clusterIP]),
        ...(spec?.externalIPs ?? []),
        ...(spec?.loadBalancerIP === undefined ? [] : [spec.loadBalancerIP]),
        ...(status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => [ip ?? '', hostname ?? '']),
      ]),
      controlPlaneEndpoint: kubeadm.controlPlaneEndpoint,
    },
  };
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

async function kubeadmHosts(client: KubeClient): Promise<Omit<ClusterEndpoints, 'services'>> {
  const map = await client.get(resources.configMaps, { name: 'kubeadm-config', namespace: 'kube-system' });
  return readKubeadmHosts(map?.data?.['ClusterConfiguration'] ?? '');
}

/** What kubeadm wrote down when it made the cluster; empty where it is nothing of kubeadm's. */
export function readKubeadmHosts(text: string): Omit<ClusterEndpoints, 'services'> {
  const parsed = v.safeParse(clusterSchema, plainYaml(text));
  if (!parsed.success) return { apiServers: [], etcd: [], controlPlaneEndpoint: [] };
  const { controlPlaneEndpoint, apiServer, etcd } = parsed.output;
  return {
    apiServers: apiServer.certSANs ?? [],
    etcd: (etcd.external?.endpoints ?? []).map(hostOf),
    controlPlaneEndpoint: controlPlaneEndpoint === '' ? [] : [hostOf(controlPlaneEndpoint)],
  };
}

function plainYaml(text: string): unknown {
  try {
    return parseYaml(text, 'kubeadm-config').value;
  } catch (error) {
    if (error instanceof CertError) return undefined;
    throw error;
  }
}

/** `https://h:2379`, `h:6443`, `[fd00::1]:6443`, `h` → `h`. */
export function hostOf(text: string): string {
  const bare = text.replace(/^[a-z]+:\/\//u, '').replace(/\/.*$/u, '');
  const bracketed = /^\[(.*)\](?::\d+)?$/u.exec(bare)?.[1];
  if (bracketed !== undefined) return bracketed;
  // More than one colon and no bracket: an IPv6 address without a port.
  return bare.split(':').length > 2 ? bare : bare.replace(/:\d+$/u, '');
}
