// The node's own word of itself: the Node object, its heartbeat, its Lease.
import type { Node } from 'kubernetes-types/core/v1.js';
import { ApiError, type Api } from '../api.ts';

export interface NodeFacts {
  readonly name: string;
  readonly address: string;
  readonly machineID: string;
  readonly port: number;
  readonly version: string;
}

/** Makes the Node where there is none. Result: its UID. */
export async function register(api: Api, { name }: NodeFacts): Promise<string> {
  const labels = {
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    'kubernetes.io/arch': 'amd64',
  };
  try {
    const made = await api.call<Node>('POST', '/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name, labels },
    });
    return made.metadata?.uid ?? '';
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error;
    return (await api.call<Node>('GET', `/api/v1/nodes/${name}`)).metadata?.uid ?? '';
  }
}

export async function report(api: Api, facts: NodeFacts): Promise<void> {
  const now = new Date().toISOString().replace(/\.\d+Z$/u, 'Z');
  const { name, address, machineID, port, version } = facts;
  const conditions = (['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'] as const).map((type) => ({
    type,
    status: type === 'Ready' ? 'True' : 'False',
    reason: `Kubelet${type === 'Ready' ? 'Ready' : `HasNo${type}`}`,
    message: type === 'Ready' ? 'kubelet is posting ready status' : '',
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  }));
  const size = { cpu: '4', memory: '8Gi', pods: '110' };
  await api.patch(`/api/v1/nodes/${name}/status`, {
    status: {
      addresses: [
        { type: 'InternalIP', address },
        { type: 'Hostname', address: name },
      ],
      capacity: size,
      allocatable: size,
      conditions,
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
      nodeInfo: {
        machineID,
        systemUUID: machineID,
        bootID: machineID,
        kernelVersion: 'simulated',
        osImage: 'Simulated node',
        containerRuntimeVersion: 'containerd://simulated',
        kubeletVersion: version,
        kubeProxyVersion: version,
        operatingSystem: 'linux',
        architecture: 'amd64',
      },
    },
  });
}

const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';

export async function renewLease(api: Api, name: string): Promise<void> {
  const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTime(new Date()) };
  try {
    await api.patch(`${leases}/${name}`, { spec });
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error;
    const metadata = { name, namespace: 'kube-node-lease' };
    await api.call('POST', leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec });
  }
}

const microTime = (date: Date): string => date.toISOString().replace(/(\.\d{3})Z$/u, '$1000Z');
