// Deployments become Pods on nodes: as the controller-manager's controllers make them, with what the API server's
// ServiceAccount admission adds, and bound as the scheduler does.
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { Pod, PodSpec } from 'kubernetes-types/core/v1.js';
import { setTimeout as wait } from 'node:timers/promises';
import { describeError } from '../../errors.ts';
import type { Api } from '../node/api.ts';

export interface WorkloadsOptions {
  /** As system:serviceaccount:kube-system:replicaset-controller. */
  readonly api: Api;
  /** The scheduler's word: which node a Pod runs on. */
  readonly bind: (pod: Pod, node: string) => void;
  /** Where Pods of Deployments may run: all of the product's want control planes. */
  readonly nodes: readonly string[];
}

const lookMs = 500;

/** Until the signal; what goes wrong is tried again at the next look. */
export async function keepWorkloads(options: WorkloadsOptions, signal: AbortSignal): Promise<void> {
  let said = '';
  while (!signal.aborted) {
    try {
      await look(options);
    } catch (error) {
      const text = describeError(error);
      if (text !== said) console.error(`workloads: ${text}`);
      said = text;
    }
    await wait(lookMs, undefined, { signal }).catch(() => undefined);
  }
}

async function look({ api, bind, nodes }: WorkloadsOptions): Promise<void> {
  const { items } = await api.call<{ items: Deployment[] }>('GET', '/apis/apps/v1/deployments');
  for (const deployment of items) {
    const pods = await podsOf(api, deployment);
    for (const missing of missingPods(deployment, pods)) {
      const path = `/api/v1/namespaces/${deployment.metadata?.namespace}/pods`;
      pods.push(await api.call<Pod>('POST', path, missing));
    }
    for (const pod of pods.filter(({ spec }) => (spec?.nodeName ?? '') === '')) {
      const node = leastUsed(nodes, pods);
      bind(pod, node);
      pods[pods.indexOf(pod)] = { ...pod, spec: { containers: [], ...pod.spec, nodeName: node } };
    }
  }
}

async function podsOf(api: Api, { metadata, spec }: Deployment): Promise<Pod[]> {
  const selector = Object.entries(spec?.selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const query = `labelSelector=${encodeURIComponent(selector.join(','))}`;
  const path = `/api/v1/namespaces/${metadata?.namespace}/pods?${query}`;
  return (await api.call<{ items: Pod[] }>('GET', path)).items;
}

/** Pods of a Deployment that are not there; their names do not change, so that a story can name them. */
export function missingPods(deployment: Deployment, pods: readonly Pod[]): readonly Pod[] {
  const { metadata, spec } = deployment;
  const there = new Set(pods.map((pod) => pod.metadata?.name));
  return Array.from({ length: spec?.replicas ?? 1 }, (_, index) => `${metadata?.name}-${index}`)
    .filter((name) => !there.has(name))
    .map((name) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: metadata?.namespace ?? 'default',
        labels: spec?.template.metadata?.labels ?? {},
      },
      spec: withToken(spec?.template.spec ?? { containers: [] }),
    }));
}

const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Admission plugin ServiceAccount. */
function withToken(spec: PodSpec): PodSpec {
  if (spec.automountServiceAccountToken === false) return spec;
  const name = 'kube-api-access-sim';
  const sources = [
    { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    {
      downwardAPI: {
        items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
      },
    },
  ];
  const mount = { name, mountPath: tokenPath, readOnly: true };
  return {
    ...spec,
    containers: spec.containers.map((container) => ({
      ...container,
      volumeMounts: [...(container.volumeMounts ?? []), mount],
    })),
    volumes: [...(spec.volumes ?? []), { name, projected: { defaultMode: 0o644, sources } }],
  };
}

function leastUsed(nodes: readonly string[], pods: readonly Pod[]): string {
  const used = (name: string): number => pods.filter(({ spec }) => spec?.nodeName === name).length;
  return nodes.toSorted((a, b) => used(a) - used(b))[0] ?? '';
}
