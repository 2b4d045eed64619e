import { describe, expect, it } from 'vitest';
import { CertError } from '../../errors.ts';
import { makeCa, makeLeaf, makeNode, MemoryApi } from '../vault/testing.ts';
import { gatherEndpoints, hostOf } from './endpoints.ts';

const apiserver = makeLeaf(makeCa('kubernetes'), {
  commonName: 'kube-apiserver',
  sans: [
    { kind: 'dns', value: 'kubernetes' },
    { kind: 'ip', value: '10.0.0.100' },
  ],
});
const nodes = [
  makeNode('cp1', ['10.0.0.1'], true),
  makeNode('cp2', ['10.0.0.2'], true),
  makeNode('w1', ['10.0.0.11']),
];

async function dial(host: string) {
  if (host !== '10.0.0.1') throw new CertError('Unreachable', 'it restarts');
  return Promise.resolve(apiserver.certificate);
}

function staticPod(node: string, ...flags: string[]) {
  const metadata = {
    name: `kube-apiserver-${node}`,
    namespace: 'kube-system',
    labels: { component: 'kube-apiserver' },
  };
  const containers = [{ name: 'kube-apiserver', command: ['kube-apiserver', ...flags] }];
  return { metadata, spec: { nodeName: node, containers } };
}

function kubeadm(text: string): MemoryApi {
  const api = new MemoryApi();
  const metadata = { name: 'kubeadm-config', namespace: 'kube-system' };
  api.put('ConfigMap', { metadata, data: { ClusterConfiguration: text } });
  return api;
}

describe('gatherEndpoints', () => {
  it('names nodes, what API servers serve, kubeadm’s words and Services, and no worker', async () => {
    const api = kubeadm(
      'controlPlaneEndpoint: "lb.example.org:6443"\napiServer: {certSANs: [10.0.0.200]}\netcd: {external: {endpoints: ["https://[fd00::9]:2379"]}}\n',
    );
    api.put('Service', {
      metadata: { name: 's', namespace: 'default' },
      spec: { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1', 'fd00:96::1'], externalIPs: ['203.0.113.1'] },
      status: { loadBalancer: { ingress: [{ ip: '203.0.113.2' }, { hostname: 'lb2.example.org' }] } },
    });
    const { endpoints, apiserverSans } = await gatherEndpoints(api.client, nodes, dial);
    expect(endpoints.apiServers).toEqual(
      expect.arrayContaining([
        'cp1',
        '10.0.0.1',
        'cp2',
        '10.0.0.2',
        'kubernetes',
        '10.0.0.100',
        '10.0.0.200',
      ]),
    );
    expect(endpoints.apiServers).not.toContain('10.0.0.11');
    expect(endpoints.etcd).toEqual(expect.arrayContaining(['10.0.0.1', 'fd00::9']));
    expect(endpoints.services).toEqual(expect.arrayContaining(['10.96.0.1', 'fd00:96::1']));
    expect(endpoints.serviceClaims).toEqual(
      ['203.0.113.1', '203.0.113.2', 'lb2.example.org'].map((host) => ({ host, by: 'default/s' })),
    );
    expect(endpoints.controlPlaneEndpoint).toEqual(['lb.example.org']);
    expect([...apiserverSans.keys()]).toEqual(['cp1']);
  });

  it('says so when no API server answers: what all of them share is not known', async () => {
    const controlPlanes = nodes.filter(({ metadata }) => metadata?.name === 'cp2');
    const { unknown } = await gatherEndpoints(new MemoryApi().client, controlPlanes, dial);
    expect(unknown).toEqual(['the API server of node cp2 does not show its certificate: it restarts']);
  });

  it('goes on while one answers: the names of the other’s node are refused all the same', async () => {
    const { unknown, endpoints } = await gatherEndpoints(new MemoryApi().client, nodes, dial);
    expect(unknown).toEqual([]);
    expect(endpoints.apiServers).toEqual(expect.arrayContaining(['cp2', '10.0.0.2']));
  });

  it('asks an API server where its static Pod says that it listens', async () => {
    const api = new MemoryApi();
    api.put('Pod', staticPod('cp1', '--secure-port=7443', '--advertise-address=10.1.0.1'));
    const asked: string[] = [];
    const { unknown } = await gatherEndpoints(api.client, nodes, async (host, port) => {
      asked.push(`${host}:${port}`);
      return Promise.resolve(apiserver.certificate);
    });
    expect(asked.toSorted()).toEqual(['10.0.0.2:6443', '10.1.0.1:7443']);
    expect(unknown).toEqual([]);
  });

  it('says that a control plane without an address was not asked', async () => {
    const { unknown } = await gatherEndpoints(new MemoryApi().client, [makeNode('cp3', [], true)], dial);
    expect(unknown.join()).toContain('cp3');
  });

  it('goes on without kubeadm’s ConfigMap: not every cluster has one', async () => {
    const { endpoints, unknown } = await gatherEndpoints(new MemoryApi().client, nodes.slice(0, 1), dial);
    expect(endpoints.controlPlaneEndpoint).toEqual([]);
    expect(unknown).toEqual([]);
  });

  it.each(['apiServer: {certSANs: null}', 'apiServer: {}', 'kind: ClusterConfiguration'])(
    'reads kubeadm’s ConfigMap %j',
    async (text) => {
      const { endpoints, unknown } = await gatherEndpoints(kubeadm(text).client, nodes.slice(0, 1), dial);
      expect(endpoints.apiServers).toContain('10.0.0.1');
      expect(unknown).toEqual([]);
    },
  );

  it.each(['', 'a: [', 'just text', 'controlPlaneEndpoint: 5', 'apiServer: 5', 'a: *b'])(
    'says that kubeadm’s ConfigMap %j cannot be read',
    async (text) => {
      const { unknown } = await gatherEndpoints(kubeadm(text).client, nodes.slice(0, 1), dial);
      expect(unknown).toEqual(['ConfigMap kube-system/kubeadm-config cannot be read']);
    },
  );
});

describe('hostOf', () => {
  it.each([
    ['lb.example.org:6443', 'lb.example.org'],
    ['https://10.0.0.1:2379', '10.0.0.1'],
    ['https://h/path', 'h'],
    ['[fd00::1]:6443', 'fd00::1'],
    ['fd00::1', 'fd00::1'],
    ['h', 'h'],
  ])('%s is on %s', (text, host) => {
    expect(hostOf(text)).toBe(host);
  });
});
