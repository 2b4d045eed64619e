// Pods that differ by one thing from one that the program makes, and may not be.
import type { Container, Pod } from 'kubernetes-types/core/v1.js';

type Spec = NonNullable<Pod['spec']>;

export function changed(pod: Pod, change: (spec: Spec) => Partial<Spec>): Pod {
  const spec = pod.spec ?? { containers: [] };
  return { ...pod, spec: { ...spec, ...change(spec) } };
}

export function inContainer(pod: Pod, change: (container: Container) => Partial<Container>): Pod {
  return changed(pod, ({ containers: [first, ...others] }) =>
    first === undefined ? {} : { containers: [{ ...first, ...change(first) }, ...others] },
  );
}

export function withVolume(pod: Pod, volume: NonNullable<Spec['volumes']>[number]): Pod {
  return changed(pod, ({ volumes = [] }) => ({
    volumes: [...volumes.filter(({ name }) => name !== volume.name), volume],
  }));
}

/** By the name of the kind, and of what makes it special. */
export type Agents = Readonly<Record<string, Pod>>;

export function changedContainers({ scan = {} }: Agents): Record<string, Pod> {
  const security = scan.spec?.containers[0]?.securityContext ?? {};
  return {
    'another image': inContainer(scan, () => ({ image: 'docker.io/library/busybox:1' })),
    'another command': inContainer(scan, () => ({ command: ['/usr/bin/cert-renew', 'all'] })),
    'the command of another kind': inContainer(scan, () => ({
      command: ['/usr/bin/cert-renew', 'agent', 'apply'],
    })),
    arguments: inContainer(scan, () => ({ args: ['--more'] })),
    'a foreign variable': inContainer(scan, ({ env = [] }) => ({
      env: [...env, { name: 'BUN_OPTIONS', value: 'x' }],
    })),
    'a variable from a Secret': inContainer(scan, () => ({
      env: [{ name: 'CA_ID', valueFrom: { secretKeyRef: { name: 'cluster-cert-rotator-kek', key: 'key' } } }],
    })),
    'a command after the start': inContainer(scan, () => ({
      lifecycle: { postStart: { exec: { command: ['/x'] } } },
    })),
    privileged: inContainer(scan, () => ({
      securityContext: { ...security, privileged: true, allowPrivilegeEscalation: true },
    })),
    'a capability too many': inContainer(scan, () => ({
      securityContext: { ...security, capabilities: { drop: ['ALL'], add: ['SYS_ADMIN'] } },
    })),
    'capabilities kept': inContainer(scan, () => ({ securityContext: { ...security, capabilities: {} } })),
  };
}

export function changedVolumes({
  scan = {},
  rotate = {},
  stage = {},
  harvest = {},
}: Agents): Record<string, Pod> {
  return {
    'a path behind the name of another': withVolume(scan, {
      name: 'kubernetes',
      hostPath: { path: '/var/lib/kubelet', type: 'Directory' },
    }),
    'a path of type ""': withVolume(scan, {
      name: 'kubernetes',
      hostPath: { path: '/etc/kubernetes', type: '' },
    }),
    'a volume that is not in the list': withVolume(scan, {
      name: 'etc',
      hostPath: { path: '/etc', type: 'Directory' },
    }),
    'a Secret as volume': withVolume(scan, {
      name: 'kek',
      secret: { secretName: 'cluster-cert-rotator-kek' },
    }),
    'a scan that may write': inContainer(scan, ({ volumeMounts = [] }) => ({
      volumeMounts: volumeMounts.map((mount) => ({ ...mount, readOnly: false })),
    })),
    'a harvest that may write': inContainer(harvest, ({ volumeMounts = [] }) => ({
      volumeMounts: volumeMounts.map((mount) => ({ ...mount, readOnly: false })),
    })),
    'a path at another place': inContainer(stage, ({ volumeMounts = [] }) => ({
      volumeMounts: volumeMounts.map((mount) => ({ ...mount, mountPath: '/usr/bin' })),
    })),
    'a token in apply': inContainer(rotate, ({ volumeMounts = [] }) => ({
      volumeMounts: [
        ...volumeMounts,
        { name: 'token', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
      ],
    })),
  };
}

export function changedPods({ scan = {}, rotate = {} }: Agents): Record<string, Pod> {
  return {
    hostPID: changed(scan, () => ({ hostPID: true })),
    hostIPC: changed(scan, () => ({ hostIPC: true })),
    'a token of its own': changed(scan, () => ({ automountServiceAccountToken: true })),
    'the controller’s ServiceAccount': changed(scan, () => ({ serviceAccountName: 'cluster-cert-rotator' })),
    'the agent’s ServiceAccount in a scan': changed(scan, () => ({
      serviceAccountName: 'cluster-cert-rotator-agent',
    })),
    'no node': changed(scan, () => ({ nodeName: '' })),
    'a rotation without its first step': changed(rotate, () => ({ initContainers: [] })),
    'no kind': { ...scan, metadata: { ...scan.metadata, labels: {} } },
    'an unknown kind': {
      ...scan,
      metadata: { ...scan.metadata, labels: { 'certrotator.cpaas.io/kind': 'shell' } },
    },
  };
}
