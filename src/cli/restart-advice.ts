// What must be restarted for a renewed file to be used, as commands that a person can paste. Pure.
import { posix } from 'node:path';
import type { Component } from '../catalogue/ids.ts';

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
/** First: while it is down nobody starts a container again that was stopped. */
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

const controllerManager = controlPlaneClient('kube-controller-manager');
const scheduler = controlPlaneClient('kube-scheduler');

const byComponent: Readonly<Record<Component, RestartAdvice>> = {
  kubelet,
  'kube-apiserver': apiserver,
  'kube-controller-manager': controllerManager,
  'kube-scheduler': scheduler,
  etcd,
  none: nobody,
};

/** By the names that kubeadm gives, end of path first. */
const byName: readonly (readonly [RegExp, RestartAdvice])[] = [
  [/\/etcd\/[^/]+\.crt$/, etcd],
  [/\/(apiserver|apiserver-kubelet-client|apiserver-etcd-client|front-proxy-client)\.crt$/, apiserver],
  [/\/kubelet[^/]*\.(crt|pem|conf)$/, kubelet],
  [/\/controller-manager\.conf$/, controllerManager],
  [/\/scheduler\.conf$/, scheduler],
  [/\/(admin|super-admin)\.conf$/, nobody],
  [/\/\.kube\/config$/, nobody],
];

const namedAdvice = (path: string): RestartAdvice | undefined =>
  byName.find(([pattern]) => pattern.test(path))?.[1];

export const isKnownByName = (path: string): boolean => namedAdvice(path) !== undefined;

/**
 * Advice for these files, each component once, in an order in which restarts are safe.
 *
 * @param users who reads a file, where the node's own configuration says so and its name does not
 */
export function restartAdvice(
  paths: readonly string[],
  users: ReadonlyMap<string, Component> = new Map(),
): RestartAdvice[] {
  const advice = paths.map((path) => {
    const user = users.get(path);
    return user === undefined ? (namedAdvice(path) ?? unknownUser(path)) : byComponent[user];
  });
  const distinct = [...new Map(advice.map((each) => [each.component, each])).values()];
  return distinct.toSorted((a, b) => rank(a) - rank(b));
}

/** Those of byComponent in its order, and all others between what restarts and what does not. */
function rank(advice: RestartAdvice): number {
  const place = Object.values(byComponent).indexOf(advice);
  return place < 0 ? Object.values(byComponent).indexOf(etcd) - 0.5 : place;
}

function unknownUser(path: string): RestartAdvice {
  const { base } = posix.parse(path);
  return {
    component: `whatever uses ${path}`,
    command: undefined,
    why: `${base} is no name that kubeadm gives`,
  };
}
