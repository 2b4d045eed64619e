// The controller's own Pod, changed in one thing that may not be: what a ReplicaSet by somebody else would ask for.
import type { Pod } from 'kubernetes-types/core/v1.js';
import { changed, inContainer, withVolume } from './changes.ts';

const tokenDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/** As the API server's own admission leaves it. */
export function withToken(own: Pod): Pod {
  const volume = {
    name: 'kube-api-access-x7k2p',
    projected: {
      defaultMode: 420,
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        {
          downwardAPI: {
            items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
          },
        },
      ],
    },
  };
  return mounted(withVolume(own, volume), volume.name, tokenDirectory);
}

function mounted(pod: Pod, name: string, mountPath: string): Pod {
  return inContainer(pod, ({ volumeMounts = [] }) => ({
    volumeMounts: [
      ...volumeMounts.filter((mount) => mount.name !== name),
      { name, mountPath, readOnly: true },
    ],
  }));
}

export function changedOwnContainer(own: Pod): Record<string, Pod> {
  const variable = (name: string, more: object): Pod =>
    inContainer(own, ({ env = [] }) => ({
      env: [...env.filter((entry) => entry.name !== name), { name, ...more }],
    }));
  const exec = { exec: { command: ['/usr/bin/node', '-e', '0'] } };
  const elsewhere = { httpGet: { path: '/healthz', port: 9808, host: '192.0.2.1' } };
  return {
    'another image': inContainer(own, () => ({ image: 'docker.io/library/busybox:1' })),
    'another command': inContainer(own, () => ({ command: ['/usr/bin/node', '-e', '0'] })),
    arguments: inContainer(own, () => ({ args: ['--import=/tmp/x'] })),
    'a variable that loads code': variable('NODE_OPTIONS', { value: '--import=data:text/javascript,0' }),
    'another value of a variable': variable('CONFIG_FILE', { value: '/tmp/config.yaml' }),
    'a variable from a Secret': variable('LOG_LEVEL', {
      valueFrom: { secretKeyRef: { name: 'cluster-cert-rotator-kek', key: 'key' } },
    }),
    'a variable from another field': variable('POD_NAME', {
      valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } },
    }),
    'no admission policy wanted': variable('WITHOUT_ADMISSION_POLICY', { value: 'true' }),
    'a probe that is a command': inContainer(own, () => ({ livenessProbe: exec })),
    'readiness by a command': inContainer(own, () => ({ readinessProbe: exec })),
    'a start-up probe': inContainer(own, () => ({ startupProbe: exec })),
    'a probe of another host': inContainer(own, () => ({ livenessProbe: elsewhere })),
    'a command before the end': inContainer(own, () => ({ lifecycle: { preStop: exec } })),
    'another working directory': inContainer(own, () => ({ workingDir: '/tmp' })),
    'a port of the host': inContainer(own, () => ({ ports: [{ containerPort: 80, hostPort: 80 }] })),
    'a termination message over the program': inContainer(own, () => ({
      terminationMessagePath: '/opt/cluster-cert-rotator/controller.mjs',
    })),
  };
}

export function changedOwnVolumes(own: Pod): Record<string, Pod> {
  const program = '/opt/cluster-cert-rotator';
  const token = withToken(own);
  const projected = (source: object): Pod =>
    withVolume(token, { name: 'kube-api-access-x7k2p', projected: { sources: [source] } });
  return {
    'a path of the node': withVolume(own, { name: 'config', hostPath: { path: '/etc', type: 'Directory' } }),
    'another ConfigMap': withVolume(own, { name: 'config', configMap: { name: 'other' } }),
    'a ConfigMap over the program': mounted(
      withVolume(own, { name: 'code', configMap: { name: 'other' } }),
      'code',
      program,
    ),
    'its configuration over the program': mounted(own, 'config', program),
    'a Secret': withVolume(own, { name: 'kek', secret: { secretName: 'cluster-cert-rotator-kek' } }),
    'a Secret in a projected volume': projected({ secret: { name: 'cluster-cert-rotator-kek' } }),
    'another ConfigMap in a projected volume': projected({ configMap: { name: 'other' } }),
    'a token for another audience': projected({
      serviceAccountToken: { path: 'token', audience: 'vault', expirationSeconds: 3600 },
    }),
    'an empty volume': withVolume(own, { name: 'tmp', emptyDir: {} }),
    'its token at another place': mounted(token, 'kube-api-access-x7k2p', program),
  };
}

export function changedOwnPod(own: Pod): Record<string, Pod> {
  const anywhere = { matchExpressions: [{ key: 'kubernetes.io/os', operator: 'Exists' }] };
  const nodeAffinity = own.spec?.affinity?.nodeAffinity ?? {};
  const terms = nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const withTerms = (nodeSelectorTerms: typeof terms): Pod =>
    changed(own, () => ({
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } } },
    }));
  return {
    'the host’s processes': changed(own, () => ({ hostPID: true })),
    'a second container': changed(own, ({ containers: [first] }) =>
      first === undefined ? {} : { containers: [first, { ...first, name: 'second' }] },
    ),
    'a container before it': changed(own, ({ containers: [first] }) => {
      if (first === undefined) return {};
      const { livenessProbe: _, readinessProbe: __, ...plain } = first;
      return { initContainers: [{ ...plain, name: 'before' }] };
    }),
    'a node of one’s choice': changed(own, () => ({ nodeName: 'worker' })),
    'no affinity': changed(own, () => ({ affinity: {} })),
    'an affinity that a worker fits': withTerms([anywhere]),
    'an affinity with a second way': withTerms([...terms, anywhere]),
    'the agent’s ServiceAccount': changed(own, () => ({ serviceAccountName: 'cluster-cert-rotator-agent' })),
    'names of one’s choice': changed(own, () => ({
      hostAliases: [{ ip: '192.0.2.1', hostnames: ['kubernetes.default.svc'] }],
    })),
    'the label of a Pod on a node': {
      ...own,
      metadata: {
        ...own.metadata,
        labels: { ...own.metadata?.labels, 'certrotator.cpaas.io/kind': 'scan' },
      },
    },
  };
}
