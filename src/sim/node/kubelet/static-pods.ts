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

/** The Pods of a manifest directory; a file is parsed again when it is another. */
export class StaticPods {
  readonly #directory: string;
  readonly #nodeName: string;
  #parsed: ReadonlyMap<string, Parsed> = new Map();

  constructor(directory: string, nodeName: string) {
    this.#directory = directory;
    this.#nodeName = nodeName;
  }

  /** By UID. A file that is no Pod is left out, as the kubelet logs and skips it. */
  read(): ReadonlyMap<string, Pod> {
    this.#parsed = new Map(namesIn(this.#directory).map((name) => [name, this.#parse(name)]));
    const byName = new Map<string, Pod>();
    for (const { pod } of this.#parsed.values())
      if (pod !== undefined) byName.set(`${pod.metadata?.namespace}/${pod.metadata?.name}`, pod);
    return new Map([...byName.values()].map((pod) => [pod.metadata?.uid ?? '', pod]));
  }

  #parse(name: string): Parsed {
    const path = join(this.#directory, name);
    const stat = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
    const stamp = `${stat?.ino} ${stat?.mtimeNs} ${stat?.size}`;
    const before = this.#parsed.get(name);
    return before?.stamp === stamp ? before : { stamp, pod: readStaticPod(path, this.#nodeName) };
  }
}

interface Parsed {
  /** Of the file: which one it is, and when it was written. */
  readonly stamp: string;
  readonly pod: Pod | undefined;
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
