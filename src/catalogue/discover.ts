// Which certificates a node has, and where, from what the node itself says. Pure: it is called again with what it
// wanted to read until it wants nothing more.
import { posix } from 'node:path';
import type { KubeletSettings } from '../formats/kubelet-config.ts';
import type { CaId, CaLocation, Component, Location, StaticComponent, Target } from './ids.ts';
import { missedKubeconfigs, missedManifests, type Missed } from './missed.ts';
import { viewKubelet, viewNode, viewStaticPods } from './node-view.ts';
import type { NodeView } from './node-view.ts';
import { restartNotesOf } from './restart-notes.ts';
import { SnapshotReader, type Snapshot, type Wants } from './snapshot.ts';
import { table } from './table.ts';

export interface Discovery {
  /** Empty when everything was read: only then does the rest hold. */
  readonly wants: Wants;
  readonly targets: readonly Target[];
  /** What belongs here and is no target, since it, or the manifest that says where it lies, was not found. */
  readonly missed: readonly Missed[];
  readonly cas: readonly CaLocation[];
  readonly kubelet: KubeletSettings;
  readonly facts: Facts;
  /** What an operator should know, sorted. */
  readonly notes: readonly string[];
  /** What a restart of its API server costs clients (R22): for whoever plans one, not for a list of certificates. */
  readonly restartNotes: readonly string[];
}

/** What proofs and restarts need; the shape of rotation's NodeFacts. Absent: not on this node. */
export interface Facts {
  readonly manifests: Partial<Record<Component, string>>;
  readonly apiserver?: Endpoint;
  readonly etcdClient?: Endpoint;
  readonly etcdPeer?: Endpoint;
  readonly etcdMetrics?: Endpoint;
  readonly etcdCaPath?: string;
  readonly etcdClients?: readonly { readonly certPath: string; readonly keyPath: string }[];
  readonly kubelet?: Endpoint;
  readonly kubeletKubeconfig?: string;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Copies of an administrator's credential that are reported and never managed (R27). */
const strayKubeconfigs = ['/etc/kubernetes/admin.conf', '/etc/kubernetes/super-admin.conf'] as const;

export function discover(snapshot: Snapshot): Discovery {
  const reader = new SnapshotReader(snapshot);
  const kubelet = viewKubelet(reader);
  if (!reader.complete) return unfinished(reader, kubelet);
  const pods = viewStaticPods(reader, kubelet.staticPodPath);
  if (!reader.complete) return unfinished(reader, kubelet);

  const node = viewNode(reader, kubelet, pods);
  const targets = distinct(reader, node);
  const missed = [...missedKubeconfigs(node, targets), ...missedManifests(reader, node)];
  if (!missed.some(({ id }) => id === 'apiserver.crt')) noteStrays(reader, node);
  const facts = factsOf(node, targets);
  const restartNotes = restartNotesOf(node, facts.apiserver);
  if (!reader.complete) return unfinished(reader, kubelet);
  const notes = reader.notes.toSorted();
  return { wants: reader.wants, targets, missed, cas: casOf(node), kubelet, facts, notes, restartNotes };
}

function unfinished(reader: SnapshotReader, kubelet: KubeletSettings): Discovery {
  const nothing = { targets: [], missed: [], cas: [], facts: { manifests: {} }, notes: [], restartNotes: [] };
  return { ...nothing, wants: reader.wants, kubelet };
}

/** Two names of one file are one target, that of the table's first. */
function distinct(reader: SnapshotReader, node: NodeView): readonly Target[] {
  const byFile = new Map<string, Target>();
  for (const { id, find } of table) {
    const location = find(node);
    if (location === undefined) continue;
    const file = node.realPath(certificateFile(location));
    const key = location.form === 'kubeconfig' ? `${file} ${location.user}` : file;
    const same = byFile.get(key);
    if (same === undefined) byFile.set(key, { id, location });
    else reader.note(`${id} is the same file as ${same.id}`);
  }
  return [...byFile.values()];
}

/** The file in which the certificate of a location lies. */
export function certificateFile(location: Location): string {
  return location.form === 'pair' ? location.certPath : location.path;
}

function noteStrays(reader: SnapshotReader, node: NodeView): void {
  if (node.pods.has('kube-apiserver')) return;
  for (const path of strayKubeconfigs) {
    if (reader.file(path).kind === 'text') {
      reader.note(
        `${path} is a copy of an administrator’s kubeconfig on a node without an API server; not managed`,
      );
    }
  }
}

function casOf(node: NodeView): readonly CaLocation[] {
  const cas: CaLocation[] = [];
  const add = (id: CaId, certPath: string | undefined, keyPath?: string): void => {
    if (certPath !== undefined) cas.push({ id, certPath, keyPath: keyPath ?? siblingKey(certPath) });
  };
  const pki = '/etc/kubernetes/pki';
  const apiserver = node.pods.has('kube-apiserver');
  const clientCa = node.flagPath('kube-apiserver', 'client-ca-file');
  const fallback = apiserver ? `${pki}/ca.crt` : (node.kubelet.clientCAFile ?? `${pki}/ca.crt`);
  const kubernetes = clientCa ?? fallback;
  const signs = node.flagPath('kube-controller-manager', 'cluster-signing-cert-file') === kubernetes;
  add(
    'kubernetes',
    kubernetes,
    signs ? node.flagPath('kube-controller-manager', 'cluster-signing-key-file') : undefined,
  );
  add('etcd', etcdCa(node));
  if (apiserver) {
    add(
      'front-proxy',
      node.flagPath('kube-apiserver', 'requestheader-client-ca-file') ?? `${pki}/front-proxy-ca.crt`,
    );
  }
  return cas;
}

function etcdCa(node: NodeView): string | undefined {
  const named = node.flagPath('etcd', 'trusted-ca-file') ?? node.flagPath('kube-apiserver', 'etcd-cafile');
  return named ?? (node.pods.has('etcd') ? '/etc/kubernetes/pki/etcd/ca.crt' : undefined);
}

function siblingKey(certPath: string): string {
  const { dir, name } = posix.parse(certPath);
  return posix.join(dir, `${name}.key`);
}

function factsOf(node: NodeView, targets: readonly Target[]): Facts {
  const manifests: Partial<Record<StaticComponent, string>> = {};
  for (const [component, { path }] of node.pods) manifests[component] = path;
  const etcd = node.pods.has('etcd');
  const [metrics] = endpointsOf(node.flag('etcd', 'listen-metrics-urls'), 'http');
  const etcdClients = (['etcd/healthcheck-client.crt', 'apiserver-etcd-client.crt'] as const).flatMap(
    (id) => {
      const location = targets.find((target) => target.id === id)?.location;
      return location?.form === 'pair' ? [{ certPath: location.certPath, keyPath: location.keyPath }] : [];
    },
  );
  const caPath = etcdCa(node);
  const { kubeconfigPath, address, port } = node.kubelet;
  return {
    manifests,
    ...(node.pods.has('kube-apiserver') ? { apiserver: apiserverEndpoint(node) } : {}),
    ...(etcd ? { etcdClient: urlEndpoint(node.flag('etcd', 'listen-client-urls'), 2379) } : {}),
    ...(etcd ? { etcdPeer: urlEndpoint(node.flag('etcd', 'listen-peer-urls'), 2380) } : {}),
    ...(metrics === undefined ? {} : { etcdMetrics: metrics }),
    ...(caPath === undefined ? {} : { etcdCaPath: caPath }),
    ...(etcdClients.length === 0 ? {} : { etcdClients }),
    kubelet: { host: concrete(address), port },
    ...(kubeconfigPath === undefined ? {} : { kubeletKubeconfig: kubeconfigPath }),
  };
}

function apiserverEndpoint(node: NodeView): Endpoint {
  const bind = node.flag('kube-apiserver', 'bind-address') ?? '0.0.0.0';
  const advertise = node.flag('kube-apiserver', 'advertise-address');
  const port = Number(node.flag('kube-apiserver', 'secure-port') ?? 6443);
  const host = concrete(bind) === bind ? bind : (advertise ?? concrete(bind));
  return { host, port: Number.isInteger(port) && port > 0 ? port : 6443 };
}

/** The node's own address before loopback: that is what others connect to (R20). */
function urlEndpoint(urls: string | undefined, port: number): Endpoint {
  const endpoints = endpointsOf(urls, 'https');
  const own = endpoints.find(
    ({ host }) => !host.startsWith('127.') && host !== '::1' && host !== 'localhost',
  );
  return own ?? endpoints[0] ?? { host: '127.0.0.1', port };
}

function endpointsOf(urls: string | undefined, scheme: 'http' | 'https'): readonly Endpoint[] {
  return (urls ?? '').split(',').flatMap((url): readonly Endpoint[] => {
    const match = /^(https?):\/\/(?:\[([^\]]+)\]|([^:/]+)):(\d+)\/?$/u.exec(url.trim());
    const host = match?.[2] ?? match?.[3];
    if (host === undefined || match?.[1] !== scheme) return [];
    return [{ host: concrete(host), port: Number(match[4]) }];
  });
}

/** A wildcard listens on loopback too. */
function concrete(address: string): string {
  if (address === '0.0.0.0' || address === '') return '127.0.0.1';
  return address === '::' ? '::1' : address;
}
