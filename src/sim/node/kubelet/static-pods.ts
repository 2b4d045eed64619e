// Static Pods: every file of the manifest directory without a leading dot is one, the last name wins, and what is in the
// file makes the Pod's identity: an annotation that changes makes another Pod, a mere touch makes none.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { Pod } from 'kubernetes-types/core/v1.js';
import { parse } from 'yaml';

export const configAnnotations = {
  hash: 'kubernetes.io/config.hash',
  source: 'kubernetes.io/config.source',
  mirror: 'kubernetes.io/config.mirror',
} as const;

/** By UID. A file that is no Pod is left out, as the kubelet logs and skips it. */
export function readStaticPods(directory: string, nodeName: string): ReadonlyMap<string, Pod> {
  const byName = new Map<string, Pod>();
  for (const name of namesIn(directory)) {
    const pod = readStaticPod(join(directory, name), nodeName);
    if (pod !== undefined) byName.set(`${pod.metadata?.namespace}/${pod.metadata?.name}`, pod);
  }
  return new Map([...byName.values()].map((pod) => [pod.metadata?.uid ?? '', pod]));
}

function namesIn(directory: string): string[] {
  if (!fs.existsSync(directory)) return [];
  return fs
    .readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .toSorted();
}

function readStaticPod(path: string, nodeName: string): Pod | undefined {
  try {
    return staticPodOf(fs.readFileSync(path, 'utf8'), nodeName);
  } catch {
    return undefined;
  }
}

/** @throws YAMLParseError */
export function staticPodOf(text: string, nodeName: string): Pod | undefined {
  const pod: Pod | null = parse(text);
  if (pod?.kind !== 'Pod' || pod.metadata?.name === undefined) return undefined;
  // As pkg/kubelet/config/common.go: the node and the content make the UID.
  const uid = createHash('md5')
    .update(`${nodeName}\n${JSON.stringify(pod)}`)
    .digest('hex');
  const { name, namespace = 'default', annotations } = pod.metadata;
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      name: `${name}-${nodeName}`,
      namespace,
      uid,
      annotations: { ...annotations, [configAnnotations.hash]: uid, [configAnnotations.source]: 'file' },
    },
    spec: {
      containers: [],
      ...pod.spec,
      nodeName,
      tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
    },
  };
}

/** The Pod that the API shows for a static one; owned by its Node, as NodeRestriction wants it. */
export function mirrorOf(pod: Pod, node: { readonly name: string; readonly uid: string }): Pod {
  const { uid, ...metadata } = pod.metadata ?? {};
  return {
    ...pod,
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [configAnnotations.mirror]: uid ?? '' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', controller: true, ...node }],
    },
  };
}

export const mirroredUid = (pod: Pod): string | undefined =>
  pod.metadata?.annotations?.[configAnnotations.mirror];
