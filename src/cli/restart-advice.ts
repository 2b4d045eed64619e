// What must be restarted for a renewed file to be used, as commands that a person can paste. Pure.
import { posix } from 'node:path';

export interface RestartAdvice {
  readonly component: string;
  /** Undefined: nothing is to be done, and `why` says so. */
  readonly command: string | undefined;
  readonly why: string;
}

// Stopping the container is enough: the kubelet makes a new one at once, which sees the new files.
const container = (name: string): string => `crictl ps --quiet --name '^${name}$' | xargs -r crictl stop`;

const apiserver: RestartAdvice = {
  component: 'kube-apiserver',
  command: container('kube-apiserver'),
  why: 'it also makes a new loopback certificate then',
};
const kubelet: RestartAdvice = {
  component: 'kubelet',
  command: 'systemctl restart kubelet',
  why: 'it reads its certificates at its start',
};
const etcd: RestartAdvice = {
  component: 'etcd',
  command: undefined,
  why: 'it reads its files at every handshake',
};
const nobody: RestartAdvice = { component: 'kubectl', command: undefined, why: 'it is read at every call' };
const controlPlaneClient = (component: string): RestartAdvice => ({
  component,
  command: container(component),
  why: 'it reads its kubeconfig at its start',
});

/** By the names that kubeadm gives, end of path first. */
const byName: readonly (readonly [RegExp, RestartAdvice])[] = [
  [/\/etcd\/[^/]+\.crt$/, etcd],
  [/\/(apiserver|apiserver-kubelet-client|apiserver-etcd-client|front-proxy-client)\.crt$/, apiserver],
  [/\/kubelet[^/]*\.(crt|pem|conf)$/, kubelet],
  [/\/controller-manager\.conf$/, controlPlaneClient('kube-controller-manager')],
  [/\/scheduler\.conf$/, controlPlaneClient('kube-scheduler')],
  [/\/(admin|super-admin)\.conf$/, nobody],
  [/\/\.kube\/config$/, nobody],
];

/** Advice for these files, each component once, in the order in which restarts are safe: as named by the caller. */
export function restartAdvice(paths: readonly string[]): RestartAdvice[] {
  const advice = paths.map(
    (path) => byName.find(([pattern]) => pattern.test(path))?.[1] ?? unknownUser(path),
  );
  return [...new Map(advice.map((each) => [each.component, each])).values()];
}

function unknownUser(path: string): RestartAdvice {
  const { base } = posix.parse(path);
  return {
    component: `whatever uses ${path}`,
    command: undefined,
    why: `${base} is no name that kubeadm gives`,
  };
}
