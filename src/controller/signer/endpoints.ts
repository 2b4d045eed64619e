// The hosts that a kubelet's serving certificate must not name (R5), gathered from every place that says one.
import type { Node, Service } from 'kubernetes-types/core/v1.js';
import * as v from 'valibot';
import { CertError } from '../../errors.ts';
import { parseYaml } from '../../formats/yaml-text.ts';
import type { KubeClient } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import type { San } from '../../pki/certificate.ts';
import type { ClusterEndpoints } from '../../policy/identity.ts';
import { endpointOf } from '../health.ts';
import type { Dial } from '../vault/anchors.ts';
import { addressesOf, isControlPlane, nameOf } from '../vault/nodes.ts';

export interface GatheredEndpoints {
  readonly endpoints: ClusterEndpoints;
  /** Node name → what its API server's certificate names; control planes that answered. */
  readonly apiserverSans: ReadonlyMap<string, readonly San[]>;
  /** What could not be found out at all, in words: until it is, no kubelet gets a serving certificate (R5). */
  readonly unknown: readonly string[];
}

/** Errors: those of the API. */
export async function gatherEndpoints(
  client: KubeClient,
  nodes: readonly Node[],
  dial: Dial,
): Promise<GatheredEndpoints> {
  const controlPlanes = nodes.filter(isControlPlane);
  const [services, kubeadm, served] = await Promise.all([
    client.list(resources.services),
    kubeadmHosts(client),
    askApiServers(client, controlPlanes, dial),
  ]);
  const { apiserverSans } = served;
  const servedHosts = [...apiserverSans.values()].flat().map(({ value }) => value);
  const nodeHosts = controlPlanes.flatMap((node) => [nameOf(node), ...addressesOf(node)]);
  return {
    apiserverSans,
    unknown: [...served.unknown, ...kubeadm.unknown],
    endpoints: {
      apiServers: [...nodeHosts, ...servedHosts, ...kubeadm.apiServers],
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

const apiServerPods = { namespace: 'kube-system', labelSelector: 'component=kube-apiserver' };

/** What each API server serves, asked where its static Pod says that it listens. */
async function askApiServers(
  client: KubeClient,
  controlPlanes: readonly Node[],
  dial: Dial,
): Promise<Omit<GatheredEndpoints, 'endpoints'>> {
  const { items: pods } = await client.list(resources.pods, apiServerPods);
  const apiserverSans = new Map<string, readonly San[]>();
  const unknown: string[] = [];
  await Promise.all(
    controlPlanes.map(async (node) => {
      try {
        const endpoint = endpointOf(node, pods);
        if (endpoint === undefined) throw new CertError('NotFound', 'its Node object has no InternalIP');
        const { sans } = await dial(endpoint.host, endpoint.port);
        apiserverSans.set(nameOf(node), sans);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        unknown.push(`the API server of node ${nameOf(node)} does not show its certificate: ${why}`);
      }
    }),
  );
  // One that is away stops nobody: its own name and addresses are refused anyhow, and what all of them share the others
  // show. Where none answers, nobody knows what they share.
  return { apiserverSans, unknown: apiserverSans.size > 0 ? [] : unknown.toSorted() };
}

const texts = v.optional(v.array(v.string()), []);
const clusterSchema = v.object({
  controlPlaneEndpoint: v.optional(v.string(), ''),
  apiServer: v.optional(v.object({ certSANs: v.optional(v.nullable(texts)) }), {}),
  etcd: v.optional(v.object({ external: v.optional(v.object({ endpoints: texts })) }), {}),
});

interface KubeadmHosts extends Pick<ClusterEndpoints, 'apiServers' | 'etcd' | 'controlPlaneEndpoint'> {
  readonly unknown: readonly string[];
}

const nothing: KubeadmHosts = { apiServers: [], etcd: [], controlPlaneEndpoint: [], unknown: [] };

async function kubeadmHosts(client: KubeClient): Promise<KubeadmHosts> {
  const map = await client.get(resources.configMaps, { name: 'kubeadm-config', namespace: 'kube-system' });
  return map === undefined ? nothing : readKubeadmHosts(map.data?.['ClusterConfiguration'] ?? '');
}

/** What kubeadm wrote down when it made the cluster; `unknown` says so where it cannot be read. */
export function readKubeadmHosts(text: string): KubeadmHosts {
  const parsed = v.safeParse(clusterSchema, plainYaml(text));
  if (!parsed.success)
    return { ...nothing, unknown: ['ConfigMap kube-system/kubeadm-config cannot be read'] };
  const { controlPlaneEndpoint, apiServer, etcd } = parsed.output;
  return {
    apiServers: apiServer.certSANs ?? [],
    etcd: (etcd.external?.endpoints ?? []).map(hostOf),
    controlPlaneEndpoint: controlPlaneEndpoint === '' ? [] : [hostOf(controlPlaneEndpoint)],
    unknown: [],
  };
}

/** Undefined when it is not YAML. */
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
