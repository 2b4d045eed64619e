// Health of the whole, asked freshly before anything is admitted: every API server on its own node's address (not
// through a load balancer, which hides the sick one), and etcd by what the kubelets say of its static Pods. What the
// members of etcd say of each other is asked by the agents on their own nodes (R12).
import { request } from 'node:https';
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import type { KubeClient } from '../kube/client.ts';
import type { Credentials } from '../kube/connection.ts';
import { resources } from '../kube/resources.ts';
import { addressesOf, isControlPlane, nameOf } from './vault/nodes.ts';
import type { Health } from './world.ts';

/** One API server: its node, and where it listens. */
export interface Endpoint {
  readonly node: string;
  readonly host: string;
  readonly port: number;
}

/** Asks one API server; undefined = ready, else what is wrong in words. */
export type AskReady = (endpoint: Endpoint) => Promise<string | undefined>;

const defaultPort = 6443;
const controlPlanePods = { namespace: 'kube-system', labelSelector: 'tier=control-plane' };

/** Errors: those of the API (the list of static Pods); an API server that does not answer is a value. */
export async function askHealth(
  client: KubeClient,
  nodes: readonly Node[],
  ask: AskReady,
  now: Date,
): Promise<Health> {
  const controlPlanes = nodes.filter(isControlPlane);
  const { items: pods } = await client.list(resources.pods, controlPlanePods);
  const apiServers = new Map<string, string>();
  await Promise.all(
    controlPlanes.map(async (node) => {
      const endpoint = endpointOf(node, pods);
      const problem = endpoint === undefined ? 'its Node object has no address' : await ask(endpoint);
      if (problem !== undefined) apiServers.set(nameOf(node), problem);
    }),
  );
  return { checkedAt: now.toISOString(), apiServers, ...etcdHealth(controlPlanes, pods) };
}

/** Where the API server of a control plane listens: its static Pod says so, the Node's address otherwise. */
export function endpointOf(node: Node, pods: readonly Pod[]): Endpoint | undefined {
  const pod = staticPod('kube-apiserver', node, pods);
  const flags = pod?.spec?.containers[0]?.command ?? [];
  const flag = (name: string): string | undefined =>
    flags.find((text) => text.startsWith(`--${name}=`))?.slice(name.length + 3);
  const host = flag('advertise-address') ?? addressesOf(node, 'InternalIP')[0];
  if (host === undefined) return undefined;
  return { node: nameOf(node), host, port: Number(flag('secure-port') ?? defaultPort) };
}

/** etcd's members are the control planes with its static Pod; none anywhere means that etcd is elsewhere. */
export function etcdHealth(
  controlPlanes: readonly Node[],
  pods: readonly Pod[],
): Pick<Health, 'etcd' | 'etcdMembers'> {
  const etcd = new Map<string, string>();
  // Whoever labels a Pod elsewhere `component: etcd` makes no member of it.
  const stacked = controlPlanes.some((node) => staticPod('etcd', node, pods) !== undefined);
  if (!stacked) return { etcd, etcdMembers: [] };
  const etcdMembers: string[] = [];
  for (const node of controlPlanes) {
    const pod = staticPod('etcd', node, pods);
    if (pod === undefined) {
      // Fail closed: its Pod may be missing from the API only, while it is a voting member all the same.
      etcd.set(nameOf(node), 'its static Pod etcd is not there');
    } else if (!isReady(pod)) {
      etcd.set(nameOf(node), `its static Pod etcd is not Ready${whyNotReady(pod)}`);
    }
    etcdMembers.push(nameOf(node));
  }
  return { etcd, etcdMembers };
}

function staticPod(component: string, node: Node, pods: readonly Pod[]): Pod | undefined {
  return pods.find((pod) => pod.spec?.nodeName === nameOf(node) && componentOf(pod) === component);
}

function componentOf(pod: Pod): string | undefined {
  return pod.metadata?.labels?.['component'];
}

function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

function whyNotReady(pod: Pod): string {
  const waiting = pod.status?.containerStatuses?.[0]?.state?.waiting?.reason;
  return waiting === undefined ? '' : ` (${waiting})`;
}

/**
 * Asks /readyz over a connection of its own, verified by the cluster's CA. `credentials` are read anew for each
 * question; the timeout is in milliseconds.
 */
export function readyzOver(credentials: () => Promise<Credentials>, timeout = 5000): AskReady {
  return async (endpoint) => {
    const { ca, headers } = await credentials();
    return new Promise((resolve) => {
      const call = request(
        {
          host: endpoint.host,
          port: endpoint.port,
          path: '/readyz?verbose',
          agent: false,
          timeout,
          headers,
          ...(ca === undefined ? {} : { ca }),
        },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8');
          answer.on('data', (chunk: string) => {
            if (text.length < 20_000) text += chunk;
          });
          answer.on('end', () => resolve(judge(answer.statusCode ?? 0, text)));
          answer.on('error', (error) => resolve(error.message));
        },
      );
      // The socket's timeout counts silence only; a server that drips would hold us for ever without this one.
      const limit = setTimeout(
        () => call.destroy(new Error(`no answer within ${timeout / 1000} s`)),
        timeout,
      );
      call.on('close', () => clearTimeout(limit));
      call.on('timeout', () => call.destroy(new Error(`no answer within ${timeout / 1000} s`)));
      call.on('error', (error) => resolve(`${endpoint.host}:${endpoint.port}: ${error.message}`));
      call.end();
    });
  };
}

function judge(status: number, text: string): string | undefined {
  if (status === 200) return undefined;
  const failed = [...text.matchAll(/^\[-\](\S+)/gm)].map(([, name]) => name);
  return `/readyz answers ${status}${failed.length > 0 ? `: ${failed.join(', ')} failed` : ''}`;
}
