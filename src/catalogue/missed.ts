// What this node should have and has not: kubeconfigs that give no certificate, and components whose manifest is not where
// the kubelet looks, though what kubeadm made for them lies here. Pure.
import { posix } from 'node:path';
import type { CertificateId, StaticComponent, Target } from './ids.ts';
import type { Lack, NodeView } from './node-view.ts';
import { problemText, type SnapshotReader } from './snapshot.ts';
import { ownKubeconfigIds, ownKubeconfigPath } from './table.ts';

export interface Missed {
  readonly id: CertificateId;
  readonly path: string;
  /**
   * Of the kubeconfig at `path`; or of the manifest without which nobody knows whether `path` is still used: it is gone,
   * it cannot be read, or where it would lie is not known.
   */
  readonly lack: Lack | 'no-manifest' | 'unreadable-manifest' | 'manifest-unknown';
  readonly reason: string;
  /** Of systemd, which is told to start it: a component whose manifest is gone runs in no Pod then. */
  readonly unit?: string;
}

/** One that shares its file with another target is none of them. */
export function missedKubeconfigs(node: NodeView, targets: readonly Target[]): readonly Missed[] {
  return ownKubeconfigIds.flatMap((id): readonly Missed[] => {
    const path = ownKubeconfigPath(node, id);
    if (path === undefined || targets.some((target) => target.id === id)) return [];
    return node.credential(path) === undefined ? [{ id, path, ...node.lacks(path) }] : [];
  });
}

interface Trace {
  readonly id: CertificateId;
  readonly component: StaticComponent;
  readonly directory: string;
  readonly names: readonly [string, ...string[]];
}

/** What kubeadm lays down where it runs a component, and nowhere else. */
const traces: readonly Trace[] = [
  {
    id: 'etcd/server.crt',
    component: 'etcd',
    directory: '/etc/kubernetes/pki/etcd',
    names: ['server.crt', 'server.key'],
  },
  {
    id: 'apiserver.crt',
    component: 'kube-apiserver',
    directory: '/etc/kubernetes/pki',
    names: ['apiserver.crt', 'apiserver.key'],
  },
  {
    id: 'controller-manager.conf',
    component: 'kube-controller-manager',
    directory: '/etc/kubernetes',
    names: ['controller-manager.conf'],
  },
  {
    id: 'scheduler.conf',
    component: 'kube-scheduler',
    directory: '/etc/kubernetes',
    names: ['scheduler.conf'],
  },
];

const enabledUnits = '/etc/systemd/system/multi-user.target.wants';

/** Moving its manifest away is kubeadm's usual way to restart a component, and somebody may have stopped there. */
export function missedManifests(reader: SnapshotReader, node: NodeView): readonly Missed[] {
  return traces.flatMap((trace): readonly Missed[] => {
    const { id, component, directory, names } = trace;
    if (node.pods.has(component)) return [];
    if (!names.every((name) => reader.names(directory).includes(name))) return [];
    if (component === 'etcd' && isEtcdElsewhere(node)) return [];
    const seen = { id, path: posix.join(directory, names[0]) };
    const unreadable = unreadableManifest(reader, node, component);
    if (unreadable !== undefined) return [{ ...seen, lack: 'unreadable-manifest', reason: unreadable }];
    const lack = node.kubelet.isAssumed ? 'manifest-unknown' : 'no-manifest';
    const gone = { ...seen, lack, reason: whyGone(node, trace) } as const;
    const unit = `${component}.service`;
    // A unit that only lies there starts nothing; which ones are enabled is seen without following their links.
    const isEnabled = reader.names(enabledUnits).includes(unit);
    return [lack === 'no-manifest' && isEnabled ? { ...gone, unit } : gone];
  });
}

/**
 * The reason, and what to do where a kubeconfig is gone or useless.
 * @param call how cert-renew is called there
 */
export function whyMissed({ id, path, lack, reason }: Missed, call: string): string {
  if (lack !== 'absent' && lack !== 'unreadable') return reason;
  if (path !== `/etc/kubernetes/${id}`) return `${reason}; put it back (${call} restore)`;
  // kubeadm makes none where one lies.
  const how = lack === 'absent' ? 'make it anew' : 'move it away and make it anew';
  const command = `kubeadm init phase kubeconfig ${posix.parse(id).name}`;
  return `${reason}; put it back (${call} restore), or ${how}: ${command}`;
}

/** Without the notes that say again why something is missed. */
export const notesBeside = ({
  notes,
  missed,
}: {
  readonly notes: readonly string[];
  readonly missed: readonly Missed[];
}): readonly string[] => notes.filter((note) => !missed.some(({ reason }) => reason === note));

/** The API server was told of others only: what lies here is left of an etcd that has moved. */
function isEtcdElsewhere(node: NodeView): boolean {
  if (node.pods.get('kube-apiserver')?.container === undefined) return false;
  const own = ['127.0.0.1', '::1', 'localhost', node.flag('kube-apiserver', 'advertise-address')];
  const servers = (node.flag('kube-apiserver', 'etcd-servers') ?? '').split(',');
  return !servers.some((url) => {
    const host = /^https?:\/\/\[?([^\]/]*?)\]?(?::\d+)?\/?$/u.exec(url.trim())?.[1];
    return host !== undefined && own.includes(host);
  });
}

/** There, as far as it can be told, and not to be read from here: that is no manifest that is gone. */
function unreadableManifest(
  reader: SnapshotReader,
  { kubelet: { staticPodPath: directory } }: NodeView,
  component: StaticComponent,
): string | undefined {
  if (directory === undefined) return undefined;
  const paths = reader.isListed(directory)
    ? reader
        .names(directory)
        .filter((name) => posix.parse(name).name === component)
        .map((name) => posix.join(directory, name))
    : [directory];
  for (const path of paths) {
    const reading = reader.file(path);
    if (reading.kind === 'problem' || reading.kind === 'unreachable') return problemText(path, reading);
  }
  return undefined;
}

function whyGone({ kubelet }: NodeView, { component, directory, names }: Trace): string {
  const where = kubelet.staticPodPath;
  const gone =
    where === undefined
      ? `the kubelet is told of no directory (staticPodPath) with a manifest of ${component}`
      : `no manifest of ${component} lies in ${where}`;
  const [path, key] = names.map((name) => posix.join(directory, name));
  const left = key === undefined ? `${path} lies` : `${path} and its key lie`;
  const what = `${gone}, though ${left} on this node`;
  if (kubelet.isAssumed)
    return `${what}; that the kubelet looks there is only assumed, since its flags are not known: see in its command line where it does`;
  return `${what}: put the manifest back, or move what lies here away where no ${component} is to run in any way`;
}
