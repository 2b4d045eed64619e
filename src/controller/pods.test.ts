import type { Container, Node, Pod } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import type { CertificateRotation } from '../kube/types.ts';
import { parseConfiguration } from './configuration.ts';
import { labels } from './labels.ts';
import {
  caCertificatesPod,
  extraVolumeName,
  forbiddenPod,
  harvestPod,
  restartPod,
  rotatePod,
  scanPod,
  stagePod,
} from './pods.ts';

const emptyNodeInfo = {
  architecture: '',
  bootID: '',
  containerRuntimeVersion: '',
  kernelVersion: '',
  kubeProxyVersion: '',
  kubeletVersion: '',
  operatingSystem: '',
  osImage: '',
  systemUUID: '',
};
const configuration = parseConfiguration(
  'extraHostPaths: [/opt/pki]\nkubelet: {restart: auto}\ncomponentTimeout: 60s',
);
const controlPlane = nodeCalled('n1', { 'node-role.kubernetes.io/control-plane': '' });
const worker = nodeCalled('w1', {});
const rotation: CertificateRotation = {
  metadata: { name: 'n1-abc-1', uid: 'rotation-uid' },
  spec: { nodeName: 'n1', nodeUID: 'uid-n1', certificates: ['apiserver.crt', 'kubelet.crt'], reason: 'Due' },
};

const all = {
  scan: scanPod(controlPlane, configuration, { parts: 1 }),
  rotate: rotatePod(controlPlane, rotation, configuration, {}),
  'restart-kubelet': restartPod(controlPlane, rotation, configuration),
  stage: stagePod(controlPlane, configuration),
  harvest: harvestPod({ node: controlPlane, clusterUID: 'cluster', publicKey: 'cHVibGlj' }, configuration),
  'ca-certificates': caCertificatesPod({ node: controlPlane }, configuration),
};

function nodeCalled(name: string, nodeLabels: Record<string, string>): Node {
  return {
    metadata: { name, uid: `uid-${name}`, labels: nodeLabels },
    status: { nodeInfo: { ...emptyNodeInfo, machineID: `machine-${name}` } },
  };
}

type Kind = keyof typeof all;

function name(pod: Pod): string | undefined {
  return pod.metadata?.name;
}

function containersOf(pod: Pod): Container[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
}

/** `path:ro` or `path:rw`, as the node calls it. */
function mounts(pod: Pod, container: string): string[] {
  const one = containersOf(pod).find(({ name }) => name === container);
  return (one?.volumeMounts ?? [])
    .map(
      ({ mountPath, readOnly }) =>
        `${mountPath.replace(/^\/host(?=\/)/, '')}:${readOnly === true ? 'ro' : 'rw'}`,
    )
    .toSorted();
}

function environment(pod: Pod, container: string): Record<string, string | undefined> {
  const one = containersOf(pod).find(({ name }) => name === container);
  return Object.fromEntries((one?.env ?? []).map(({ name, value }) => [name, value]));
}

const readOfNode = [
  '/etc/default:ro',
  '/etc/kubernetes:ro',
  '/etc/sysconfig:ro',
  '/etc/systemd/system:ro',
  '/opt/pki:ro',
  '/root:ro',
  '/usr/lib/systemd/system:ro',
  '/var/lib/kubelet/config.yaml:ro',
  '/var/lib/kubelet/kubeadm-flags.env:ro',
  '/var/lib/kubelet/pki:ro',
];
const token = '/var/run/secrets/kubernetes.io/serviceaccount:ro';

describe('what a container sees of the node', () => {
  it.each<[Kind, string, string[]]>([
    ['scan', 'scan', [...readOfNode, '/var/lib/cluster-cert-rotator:ro'].toSorted()],
    ['rotate', 'request', [...readOfNode, token, '/proc:ro', '/var/lib/cluster-cert-rotator:rw'].toSorted()],
    [
      'rotate',
      'apply',
      [
        '/etc/default:ro',
        '/etc/kubernetes:rw',
        '/etc/sysconfig:ro',
        '/etc/systemd/system:rw',
        '/opt/pki:rw',
        '/proc:ro',
        '/root:rw',
        '/usr/lib/systemd/system:ro',
        '/var/lib/cluster-cert-rotator:rw',
        '/var/lib/kubelet/config.yaml:ro',
        '/var/lib/kubelet/kubeadm-flags.env:ro',
        '/var/lib/kubelet/pki:rw',
      ],
    ],
    ['restart-kubelet', 'restart-kubelet', ['/host:ro', '/var/lib/cluster-cert-rotator:rw']],
    ['stage', 'stage', ['/var/lib/cluster-cert-rotator:rw']],
    ['harvest', 'front-proxy', ['/etc/kubernetes:ro', '/opt/pki:ro']],
    ['ca-certificates', 'etcd', ['/etc/kubernetes:ro', '/opt/pki:ro']],
  ])('%s, container %s', (kind, container, expected) => {
    expect(mounts(all[kind], container)).toEqual(expected);
  });

  it('leaves out /root on workers, and what the node does not have', () => {
    const pod = scanPod(worker, configuration, { parts: 1, without: ['/etc/sysconfig', '/opt/pki'] });
    expect(mounts(pod, 'scan')).toEqual(
      readOfNode.filter((path) => !/^\/(root|etc\/sysconfig|opt\/pki):/.test(path)),
    );
    expect(pod.spec?.volumes?.map(({ name }) => name)).not.toContain('etc-sysconfig');
  });

  it('never leaves out what is required, even when asked to', () => {
    const pod = scanPod(worker, configuration, {
      parts: 1,
      without: ['/etc/kubernetes', '/var/lib/kubelet/pki'],
    });
    expect(mounts(pod, 'scan')).toEqual(
      expect.arrayContaining(['/etc/kubernetes:ro', '/var/lib/kubelet/pki:ro']),
    );
  });
});

describe.each(Object.entries(all))('every Pod: %s', (kind, pod) => {
  it('is bound to its node, labelled, tolerates everything and automounts no token', () => {
    expect(pod.metadata?.namespace).toBe('cluster-cert-rotator');
    expect(pod.metadata?.labels).toMatchObject({ [labels.kind]: kind, [labels.nodeUID]: 'uid-n1' });
    expect(pod.spec).toMatchObject({
      nodeName: 'n1',
      hostNetwork: true,
      hostPID: kind === 'restart-kubelet',
      automountServiceAccountToken: false,
      priorityClassName: 'system-node-critical',
      tolerations: [{ operator: 'Exists' }],
    });
  });

  it('drops all capabilities, escalates nothing, runs only the agent', () => {
    for (const container of containersOf(pod)) {
      expect(container.securityContext).toMatchObject({
        privileged: false,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.command?.slice(0, 2)).toEqual(['/usr/bin/cert-renew', 'agent']);
      expect(container.image).toBe('localhost/cluster-cert-rotator-agent:dev');
      expect(container.imagePullPolicy).toBe('IfNotPresent');
    }
  });

  it('mounts only volumes that it has, and has none that it does not mount', () => {
    const mounted = containersOf(pod).flatMap(({ volumeMounts = [] }) =>
      volumeMounts.map(({ name }) => name),
    );
    expect(new Set(mounted)).toEqual(new Set(pod.spec?.volumes?.map(({ name }) => name)));
  });

  it('has a token in request alone, and its rights only in the rotate Pod', () => {
    const withToken = containersOf(pod).filter(({ volumeMounts = [] }) =>
      volumeMounts.some(({ name }) => name === 'token'),
    );
    expect(withToken.map(({ name }) => name)).toEqual(kind === 'rotate' ? ['request'] : []);
    expect(pod.spec?.serviceAccountName).toBe(`cluster-cert-rotator-${kind === 'rotate' ? 'agent' : 'node'}`);
  });

  it('names no volume of a type that creates what is missing, but its own directory', () => {
    for (const { hostPath } of pod.spec?.volumes ?? []) {
      if (hostPath === undefined) continue;
      const expected =
        hostPath.path === '/var/lib/cluster-cert-rotator' ? 'DirectoryOrCreate' : /^(Directory|File)$/;
      expect(hostPath.type).toMatch(expected);
    }
  });
});

describe('capabilities', () => {
  it.each<[Kind, string[]]>([
    ['scan', ['DAC_READ_SEARCH']],
    ['rotate', ['DAC_READ_SEARCH', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'SYS_PTRACE']],
    ['restart-kubelet', ['SYS_CHROOT', 'SYS_PTRACE']],
    ['stage', []],
  ])('%s has %j', (kind, expected) => {
    const added = containersOf(all[kind]).flatMap(
      ({ securityContext }) => securityContext?.capabilities?.add ?? [],
    );
    expect(added).toEqual(expected);
  });
});

describe('names', () => {
  it('are the same for two leaders, and differ by node, rotation and what was left out', () => {
    const scan = (node: Node, without: string[], parts = 1): string | undefined =>
      name(scanPod(node, configuration, { parts, without }));
    expect(scan(controlPlane, [])).toBe(scan(controlPlane, []));
    expect(
      new Set([scan(controlPlane, []), scan(worker, []), scan(worker, ['/root']), scan(worker, [], 2)]).size,
    ).toBe(4);
    const other = { ...rotation, metadata: { ...rotation.metadata, uid: 'other' } };
    expect(name(rotatePod(worker, other, configuration, {}))).not.toBe(
      name(rotatePod(worker, rotation, configuration, {})),
    );
  });
});

describe('what the containers are told', () => {
  it('tells both steps of a rotation its name, its certificates and the configuration', () => {
    const told = {
      NODE_NAME: 'n1',
      NODE_UID: 'uid-n1',
      MACHINE_ID: 'machine-n1',
      HOST_ROOT: '/host',
      ROTATION_NAME: 'n1-abc-1',
      ROTATION_UID: 'rotation-uid',
      CERTIFICATES: 'apiserver.crt,kubelet.crt',
      KEY_POLICY: 'new',
      KUBELET_RESTART: 'auto',
      COMPONENT_TIMEOUT_SECONDS: '60',
    };
    expect(environment(all.rotate, 'request')).toEqual(told);
    expect(environment(all.rotate, 'apply')).toEqual(told);
  });

  it('makes new keys when the old ones are said to be known to others, whatever the policy', () => {
    const keep = parseConfiguration('keyPolicy: keep');
    const compromised = { ...rotation, spec: { ...rotation.spec, reason: 'Compromised' as const } };
    expect(environment(rotatePod(controlPlane, rotation, keep, {}), 'apply')).toMatchObject({
      KEY_POLICY: 'keep',
    });
    expect(environment(rotatePod(controlPlane, compromised, keep, {}), 'apply')).toMatchObject({
      KEY_POLICY: 'new',
    });
  });

  it('tells every part of a scan which one it is', () => {
    const pod = scanPod(worker, configuration, { parts: 3 });
    expect(['scan', 'scan-1', 'scan-2'].map((name) => environment(pod, name)['PART'])).toEqual([
      '0',
      '1',
      '2',
    ]);
    expect(environment(pod, 'scan-2')['PARTS']).toBe('3');
  });

  it('tells harvest the key to seal to and the Pod that it is', () => {
    expect(environment(all.harvest, 'etcd')).toMatchObject({
      CA_ID: 'etcd',
      CA_KEY_PATH: '/etc/kubernetes/pki/etcd/ca.key',
      HPKE_PUBLIC_KEY: 'cHVibGlj',
      CLUSTER_UID: 'cluster',
    });
    const podUID = containersOf(all.harvest)[0]?.env?.find(({ name }) => name === 'POD_UID');
    expect(podUID?.valueFrom?.fieldRef?.fieldPath).toBe('metadata.uid');
  });
});

describe('the probe of the admission policy', () => {
  it('is a scan Pod that would see the whole host', () => {
    const pod = forbiddenPod(worker, configuration);
    expect(pod.spec?.volumes?.find(({ name }) => name === 'kubernetes')?.hostPath?.path).toBe('/');
    expect(pod.metadata?.labels?.[labels.kind]).toBe('scan');
  });
});

it('names the volume of an extra path by ten hex digits of its sha256, as the chart does', () => {
  expect(extraVolumeName('/opt/pki')).toMatch(/^extra-[0-9a-f]{10}$/);
});
