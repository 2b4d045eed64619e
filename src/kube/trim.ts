// What is kept in memory of the objects that thousands of nodes bring: what is read of them, and nothing else.
// Pure.
import type { Node, NodeSystemInfo } from 'kubernetes-types/core/v1.js';
import type { ObjectMeta } from 'kubernetes-types/meta/v1.js';
import { apiGroup } from './types.ts';

/** What names an object and tells its version, and what others wrote on it and must find again. */
export function shortMetadata({
  name,
  namespace,
  uid,
  resourceVersion,
  labels,
  annotations,
}: ObjectMeta = {}): ObjectMeta {
  return {
    ...(name === undefined ? {} : { name }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** A Node is mostly the list of its images and who wrote which field; its conditions are renewed every few minutes. */
export function trimNode({ metadata, status = {} }: Node): Node {
  const { conditions = [], addresses, daemonEndpoints, nodeInfo } = status;
  return {
    metadata: {
      ...shortMetadata(metadata),
      ...(metadata?.creationTimestamp === undefined ? {} : { creationTimestamp: metadata.creationTimestamp }),
      annotations: ours(metadata?.annotations),
    },
    status: {
      conditions: conditions.map(({ type, status }) => ({ type, status })),
      ...(addresses === undefined ? {} : { addresses }),
      ...(daemonEndpoints === undefined ? {} : { daemonEndpoints }),
      ...(nodeInfo === undefined ? {} : { nodeInfo: shortInfo(nodeInfo) }),
    },
  };
}

function ours(annotations: ObjectMeta['annotations'] = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => name.startsWith(`${apiGroup}/`)));
}

/** The others are asked for by the type alone. */
function shortInfo({ machineID, kubeletVersion }: NodeSystemInfo): NodeSystemInfo {
  return {
    machineID,
    kubeletVersion,
    architecture: '',
    bootID: '',
    containerRuntimeVersion: '',
    kernelVersion: '',
    kubeProxyVersion: '',
    operatingSystem: '',
    osImage: '',
    systemUUID: '',
  };
}
