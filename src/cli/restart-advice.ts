// What must be restarted for a renewed file to be used, as commands that a person can paste. Pure.
import { posix } from 'node:path';
import type { Component } from '../catalogue/ids.ts';

export interface RestartAdvice {
  readonly component: string;
  /** Undefined: nothing is to be done, and `why` says so. */
  readonly command: string | undefined;
  readonly why: string;
}

/** What there is on a node to stop a container with. */
export type RuntimeTool = 'crictl' | 'ctr' | 'none';

// Stopping the container is enough: the kubelet makes a new one at once, which sees the new files.
const stopping: Readonly<Record<RuntimeTool, (name: string) => string>> = {
  crictl: (name) => `crictl ps --quiet --name '^${name}$' | xargs -r crictl stop`,
  // It lists containers that have ended as well; there is nothing to kill in those.
  ctr: (name) =>
    `ctr --namespace k8s.io containers list --quiet 'labels."io.kubernetes.container.name"==${name}' | xargs -r -n 1 ctr --namespace k8s.io tasks kill`,
  none: (name) => `pidof ${name} | xargs -r kill`,
};

interface Reader {
  readonly component: string;
  /** `none`: nothing is to be done. */
  readonly restart: 'container' | 'unit' | 'none';
  readonly why: string;
}

const apiserver: Reader = {
  component: 'kube-apiserver',
  restart: 'container',
  why: 'it also makes a new loopback certificate then',
};
/** First: while it is down nobody starts a container again that was stopped. */
const kubelet: Reader = {
  component: 'kubelet',
  restart: 'unit',
  why: 'it reads its certificates at its start',
};
const etcd: Reader = { component: 'etcd', restart: 'none', why: 'it reads its files at every handshake' };
const nobody: Reader = { component: 'kubectl', restart: 'none', why: 'it is read at every call' };
const controlPlaneClient = (component: string): Reader => ({
  component,
  restart: 'container',
  why: 'it reads its kubeconfig at its start',
});

const controllerManager = controlPlaneClient('kube-controller-manager');
const scheduler = controlPlaneClient('kube-scheduler');

const byComponent: Readonly<Record<Component, Reader>> = {
  kubelet,
  'kube-apiserver': apiserver,
  'kube-controller-manager': controllerManager,
  'kube-scheduler': scheduler,
  etcd,
  none: nobody,
};

/** By the names that kubeadm gives, end of path first. */
const byName: readonly (readonly [RegExp, Reader])[] = [
  [/\/etcd\/[^/]+\.crt$/, etcd],
  [/\/(apiserver|apiserver-kubelet-client|apiserver-etcd-client|front-proxy-client)\.crt$/, apiserver],
  [/\/kubelet[^/]*\.(crt|pem|conf)$/, kubelet],
  [/\/controller-manager\.conf$/, controllerManager],
  [/\/scheduler\.conf$/, scheduler],
  [/\/(admin|super-admin)\.conf$/, nobody],
  [/\/\.kube\/config$/, nobody],
];

const namedReader = (path: string): Reader | undefined => byName.find(([pattern]) => pattern.test(path))?.[1];

export const isKnownByName = (path: string): boolean => namedReader(path) !== undefined;

/**
 * Advice for these files, each component once, in an order in which restarts are safe.
 *
 * @param users who reads a file, where the node's own configuration says so and its name does not
 */
export function restartAdvice(
  paths: readonly string[],
  tool: RuntimeTool,
  users: ReadonlyMap<string, Component> = new Map(),
): RestartAdvice[] {
  const readers = paths.map((path) => {
    const user = users.get(path);
    return user === undefined ? (namedReader(path) ?? unknownUser(path)) : byComponent[user];
  });
  const distinct = [...new Map(readers.map((each) => [each.component, each])).values()];
  return distinct
    .toSorted((a, b) => rank(a) - rank(b))
    .map(({ component, restart, why }) => ({ component, command: commandOf(component, restart, tool), why }));
}

/** Of a component of the control plane, or the kubelet, whatever its files are called. */
export function restartOf(component: Component, tool: RuntimeTool): string | undefined {
  const { restart } = byComponent[component];
  return commandOf(component, restart, tool);
}

function commandOf(component: string, restart: Reader['restart'], tool: RuntimeTool): string | undefined {
  if (restart === 'none') return undefined;
  return restart === 'unit' ? 'systemctl restart kubelet' : stopping[tool](component);
}

/** Those of byComponent in its order, and all others between what restarts and what does not. */
function rank(reader: Reader): number {
  const place = Object.values(byComponent).indexOf(reader);
  return place < 0 ? Object.values(byComponent).indexOf(etcd) - 0.5 : place;
}

function unknownUser(path: string): Reader {
  const { base } = posix.parse(path);
  return {
    component: `whatever uses ${path}`,
    restart: 'none',
    why: `${base} is no name that kubeadm gives`,
  };
}
