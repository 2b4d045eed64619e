import type { Node } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import { condition, isAnnotated, roleOf } from '../kube/objects.ts';
import { annotations } from '../kube/types.ts';
import { defaultConfiguration } from './configuration.ts';
import { decide } from './decide/index.ts';
import { SimulatedCluster } from './decide/simulated.ts';
import { versionOf } from './decide/view.ts';
import { podBuilders } from './pods.ts';
import { trimNode } from '../kube/trim.ts';
import { addressesOf, namesOf } from './vault/nodes.ts';

/** As the API server sends it. */
const whole: Node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: 'n1',
    uid: 'u1',
    resourceVersion: '7',
    creationTimestamp: '2030-01-01T00:00:00Z',
    labels: { 'node-role.kubernetes.io/control-plane': '', 'kubernetes.io/hostname': 'n1' },
    annotations: { [annotations.paused]: 'true', 'projectcalico.org/IPv4Address': '10.0.0.1/24' },
    managedFields: [{ manager: 'kubelet', operation: 'Update', fieldsV1: { 'f:status': {} } }],
  },
  spec: { podCIDR: '10.244.0.0/24', taints: [{ key: 'a', effect: 'NoSchedule' }] },
  status: {
    capacity: { cpu: '16' },
    allocatable: { cpu: '16' },
    addresses: [
      { type: 'InternalIP', address: '10.0.0.1' },
      { type: 'Hostname', address: 'n1' },
    ],
    conditions: [
      { type: 'DiskPressure', status: 'True', reason: 'Full', message: 'm', lastHeartbeatTime: 't' },
      { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'm', lastHeartbeatTime: 't' },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10_260 } },
    images: [{ names: ['registry.example/a@sha256:0'], sizeBytes: 1 }],
    nodeInfo: {
      architecture: 'amd64',
      bootID: 'boot',
      containerRuntimeVersion: 'containerd://2',
      kernelVersion: '6.1',
      kubeProxyVersion: 'v1.34.4',
      kubeletVersion: 'v1.34.4',
      machineID: 'machine',
      operatingSystem: 'linux',
      osImage: 'Debian',
      systemUUID: 'system',
    },
  },
};

/** Everything that this program asks of a Node. */
const asked = (node: Node) => ({
  role: roleOf(node),
  names: namesOf(node),
  internal: addressesOf(node, 'InternalIP'),
  ready: condition(node, 'Ready'),
  pressure: condition(node, 'DiskPressure'),
  none: condition(node, 'PIDPressure'),
  paused: isAnnotated(node, annotations.paused),
  version: versionOf({ node }),
  kubelet: node.status?.daemonEndpoints?.kubeletEndpoint?.Port,
  scan: podBuilders.scan(node, defaultConfiguration, { parts: 2 }),
  stage: podBuilders.stage(node, defaultConfiguration),
});

describe('what is kept of a Node', () => {
  const kept = trimNode(whole);

  it('answers everything that is asked of one as the whole does', () => {
    expect(asked(kept)).toEqual(asked(whole));
    expect(kept.metadata).toMatchObject({ uid: 'u1', resourceVersion: '7', labels: whole.metadata?.labels });
  });

  it('is a small part of it', () => {
    expect(JSON.stringify(kept)).not.toMatch(/calico|registry|heartbeat|manage|podCIDR|capacity|Debian/iu);
  });

  it('is decided on as the whole is', () => {
    const cluster = new SimulatedCluster({ stageTool: 'none' });
    cluster.add('n1', 'control-plane', () => ({ age: 350 * 86_400_000, lifetime: 365 * 86_400_000 }));
    for (const id of ['w1', 'w2'])
      cluster.add(id, 'worker', () => ({ age: 300 * 86_400_000, lifetime: 365 * 86_400_000 }));
    const world = cluster.world();
    const nodes = world.nodes.map(({ metadata, status }): Node => ({
      ...whole,
      metadata: { ...whole.metadata, ...metadata },
      status: { ...whole.status, ...status },
    }));
    const actions = decide({ ...world, nodes }, podBuilders);
    expect(actions.length).toBeGreaterThan(0);
    expect(decide({ ...world, nodes: nodes.map(trimNode) }, podBuilders)).toEqual(actions);
  });
});
