// The volumes of a Pod as directories and files of the node. What is missing keeps the Pod from starting, in the words
// of the real kubelet: others read them.
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import type { Container, Pod, Volume } from 'kubernetes-types/core/v1.js';
import type { Mount } from '../protocol.ts';
import type { Api } from '../api.ts';

/** Data of ConfigMaps and Secrets, and tokens: what only the API has. */
type Source = Pick<Api, 'call'>;

export const podDirectory = (uid: string): string => `/var/lib/kubelet/pods/${uid}`;

/** Lays down what the volumes of a Pod hold. Result: by volume, the path of the node. */
export async function prepareVolumes(
  pod: Pod,
  api: Source | undefined,
): Promise<ReadonlyMap<string, string>> {
  const paths = new Map<string, string>();
  for (const volume of pod.spec?.volumes ?? []) paths.set(volume.name, await prepare(pod, volume, api));
  return paths;
}

/** Lays down anew what has changed in its ConfigMaps, as the real kubelet does within a minute or two. */
export async function renewConfigMaps(pod: Pod, api: Source): Promise<void> {
  for (const { name, configMap } of pod.spec?.volumes ?? []) {
    const directory = join(podDirectory(pod.metadata?.uid ?? ''), 'volumes', name);
    if (configMap === undefined || !fs.existsSync(directory)) continue;
    const data = await dataOf(api, pod, 'configmaps', configMap.name ?? '');
    // It may have ended meanwhile.
    if (fs.existsSync(directory)) lay(directory, data, configMap.items);
  }
}

async function prepare(pod: Pod, volume: Volume, api: Source | undefined): Promise<string> {
  const { name, hostPath, configMap, secret, projected } = volume;
  if (hostPath !== undefined) return checkHostPath(name, hostPath.path, hostPath.type ?? '');
  const directory = join(podDirectory(pod.metadata?.uid ?? ''), 'volumes', name);
  fs.mkdirSync(directory, { recursive: true, mode: 0o755 });
  if (configMap !== undefined)
    lay(directory, await dataOf(api, pod, 'configmaps', configMap.name ?? ''), configMap.items);
  if (secret !== undefined)
    lay(directory, await dataOf(api, pod, 'secrets', secret.secretName ?? ''), secret.items);
  for (const source of projected?.sources ?? []) {
    const { serviceAccountToken: token, configMap: map, downwardAPI } = source;
    if (token !== undefined)
      put(directory, token.path, await tokenOf(api, pod, token.expirationSeconds ?? 3600));
    if (map !== undefined) lay(directory, await dataOf(api, pod, 'configmaps', map.name ?? ''), map.items);
    for (const { path, fieldRef } of downwardAPI?.items ?? [])
      put(directory, path, fieldOf(pod, fieldRef?.fieldPath ?? ''));
  }
  return directory;
}

function checkHostPath(volume: string, path: string, type: string): string {
  if (type === 'DirectoryOrCreate') fs.mkdirSync(path, { recursive: true, mode: 0o755 });
  if (type === 'FileOrCreate' && !fs.existsSync(path)) fs.writeFileSync(path, '');
  const stat = fs.statSync(path, { throwIfNoEntry: false });
  const wants = type.startsWith('Directory') ? 'directory' : type.startsWith('File') ? 'file' : undefined;
  const is = stat?.isDirectory() === true ? 'directory' : stat?.isFile() === true ? 'file' : 'nothing';
  if (wants !== undefined && wants !== is)
    throw new Error(
      `MountVolume.SetUp failed for volume "${volume}" : hostPath type check failed: ${path} is not a ${wants}`,
    );
  return path;
}

async function dataOf(
  api: Source | undefined,
  pod: Pod,
  plural: 'configmaps' | 'secrets',
  name: string,
): Promise<ReadonlyMap<string, Uint8Array>> {
  if (api === undefined) throw new Error('a static Pod has no volumes out of the API');
  const path = `/api/v1/namespaces/${pod.metadata?.namespace}/${plural}/${name}`;
  const object = await api.call<{ data?: Record<string, string>; binaryData?: Record<string, string> }>(
    'GET',
    path,
  );
  const encoding = plural === 'secrets' ? 'base64' : 'utf8';
  const texts = Object.entries(object.data ?? {}).map(
    ([key, text]) => [key, Buffer.from(text, encoding)] as const,
  );
  const binaries = Object.entries(object.binaryData ?? {}).map(
    ([key, text]) => [key, Buffer.from(text, 'base64')] as const,
  );
  return new Map<string, Uint8Array>([...texts, ...binaries]);
}

async function tokenOf(api: Source | undefined, pod: Pod, expirationSeconds: number): Promise<string> {
  if (api === undefined) throw new Error('a static Pod has no token');
  const { name, namespace, uid } = pod.metadata ?? {};
  const account = pod.spec?.serviceAccountName ?? 'default';
  const answer = await api.call<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } },
    },
  );
  return answer.status.token;
}

function lay(
  directory: string,
  data: ReadonlyMap<string, Uint8Array>,
  items: readonly { key: string; path: string }[] | undefined,
): void {
  const wanted = items ?? [...data.keys()].map((key) => ({ key, path: key }));
  for (const { key, path } of wanted) {
    const bytes = data.get(key);
    if (bytes === undefined) throw new Error(`references non-existent config key: ${key}`);
    put(directory, path, bytes);
  }
}

/** By a rename: a reader sees the old or the new. */
function put(directory: string, path: string, bytes: string | Uint8Array): void {
  const file = join(directory, path);
  fs.mkdirSync(dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.new`, bytes, { mode: 0o644 });
  fs.renameSync(`${file}.new`, file);
}

/** The downward API. @throws Error for a field that is not known here */
export function fieldOf(pod: Pod, path: string, addresses: { hostIP?: string; podIP?: string } = {}): string {
  const { name, namespace, uid } = pod.metadata ?? {};
  const fields: Record<string, string | undefined> = {
    'metadata.name': name,
    'metadata.namespace': namespace,
    'metadata.uid': uid,
    'spec.nodeName': pod.spec?.nodeName,
    'spec.serviceAccountName': pod.spec?.serviceAccountName,
    'status.podIP': addresses.podIP,
    'status.hostIP': addresses.hostIP,
  };
  const value = fields[path];
  if (value === undefined) throw new Error(`no such field: ${path}`);
  return value;
}

/** What of the node a container sees. */
export function mountsOf(container: Container, paths: ReadonlyMap<string, string>): readonly Mount[] {
  return (container.volumeMounts ?? []).map(({ name, mountPath, readOnly = false, subPath }) => {
    const path = paths.get(name);
    if (path === undefined)
      throw new Error(`container ${container.name} mounts volume ${name}, which is not there`);
    return { source: subPath === undefined ? path : join(path, subPath), target: mountPath, readOnly };
  });
}
