import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import { endpointOf, etcdHealth } from './health.ts';

function node(name: string): Node {
  return {
    metadata: { name, labels: { 'node-role.kubernetes.io/control-plane': '' } },
    status: { addresses: [{ type: 'InternalIP', address: `10.0.0.${name.slice(-1)}` }] },
  };
}

function pod(component: string, nodeName: string, ready: boolean, command: string[] = []): Pod {
  return {
    metadata: { name: `${component}-${nodeName}`, labels: { component, tier: 'control-plane' } },
    spec: { nodeName, containers: [{ name: component, command }] },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

const three = [node('n1'), node('n2'), node('n3')];

describe('where an API server listens', () => {
  it('is what its static Pod says', () => {
    const flags = ['kube-apiserver', '--advertise-address=10.1.1.1', '--secure-port=7443'];
    expect(endpointOf(node('n1'), [pod('kube-apiserver', 'n1', true, flags)])).toEqual({
      node: 'n1',
      host: '10.1.1.1',
      port: 7443,
    });
  });

  it('is the address of its Node and 6443 where there is no such Pod, never that of another node', () => {
    const other = pod('kube-apiserver', 'n2', true, ['--secure-port=7443']);
    expect(endpointOf(node('n1'), [other])).toEqual({ node: 'n1', host: '10.0.0.1', port: 6443 });
  });

  it('is not known without an address', () => {
    expect(endpointOf({ metadata: { name: 'n1' } }, [])).toBeUndefined();
  });
});

describe('the health of etcd', () => {
  it('names no members where etcd is elsewhere', () => {
    expect(etcdHealth(three, [pod('kube-apiserver', 'n1', true)])).toEqual({
      etcd: new Map(),
      etcdMembers: [],
    });
  });

  it('does not take a Pod on a worker for a member', () => {
    expect(etcdHealth(three, [pod('etcd', 'w1', true)])).toEqual({ etcd: new Map(), etcdMembers: [] });
  });

  it('names the member that is not Ready', () => {
    const pods = [pod('etcd', 'n1', true), pod('etcd', 'n2', false), pod('etcd', 'n3', true)];
    const { etcd, etcdMembers } = etcdHealth(three, pods);
    expect(etcdMembers).toEqual(['n1', 'n2', 'n3']);
    expect([...etcd]).toEqual([['n2', 'its static Pod etcd is not Ready']]);
  });

  it('counts a control plane whose Pod is not there as a member that is ill', () => {
    const { etcd, etcdMembers } = etcdHealth(three, [pod('etcd', 'n1', true), pod('etcd', 'n2', true)]);
    expect(etcdMembers).toEqual(['n1', 'n2', 'n3']);
    expect([...etcd.keys()]).toEqual(['n3']);
  });
});
