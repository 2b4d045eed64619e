// Of each object what a bundle holds: fields that are named here, and no others. An annotation, a variable or a field that
// somebody added may hold a secret. Pure.
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import type { Lease } from 'kubernetes-types/coordination/v1.js';
import type { ConfigMap, ContainerStatus, Event, Node, Pod } from 'kubernetes-types/core/v1.js';
import type { ObjectMeta } from 'kubernetes-types/meta/v1.js';
import { apiGroup, annotations, type CertificateRotation } from '../kube/types.ts';

type Metadata = Pick<
  ObjectMeta,
  | 'name'
  | 'namespace'
  | 'uid'
  | 'resourceVersion'
  | 'generation'
  | 'creationTimestamp'
  | 'deletionTimestamp'
  | 'labels'
  | 'annotations'
>;

/** Of our own annotations those that say nothing of a key. */
function metadataOf(metadata: Metadata | undefined): object {
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp } =
    metadata ?? {};
  const labels = pick(metadata?.labels, (key) =>
    /^(?:app|node-role|kubernetes\.io|app\.kubernetes\.io|certrotator)/.test(key),
  );
  const own = pick(
    metadata?.annotations,
    (key) => key.startsWith(`${apiGroup}/`) && key !== annotations.renews,
  );
  const known = { name, namespace, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp };
  return { ...known, labels, annotations: own };
}

function pick(
  all: Readonly<Record<string, string>> | undefined,
  isWanted: (key: string) => boolean,
): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(all ?? {}).filter(([key]) => isWanted(key)));
}

export const trimNode = ({ metadata, spec, status }: Node): object => ({
  metadata: metadataOf(metadata),
  spec: { unschedulable: spec?.unschedulable, taints: spec?.taints },
  status: { conditions: status?.conditions, addresses: status?.addresses, nodeInfo: status?.nodeInfo },
});

export const trimRotation = ({ metadata, spec, status }: CertificateRotation): object => ({
  metadata: metadataOf(metadata),
  spec,
  status,
});

/** One of the product's own: its data are what it wrote. */
export const trimMap = ({ metadata, data }: ConfigMap): object => ({ metadata: metadataOf(metadata), data });

export const trimLease = ({ metadata, spec }: Lease): object => ({ metadata: metadataOf(metadata), spec });

export const trimDeployment = ({ metadata, spec, status }: Deployment): object => ({
  metadata: metadataOf(metadata),
  spec: {
    replicas: spec?.replicas,
    images: spec?.template.spec?.containers.map(({ name, image }) => ({ name, image })),
  },
  status,
});

/** No variables, no commands, no volumes. */
export const trimPod = ({ metadata, spec, status }: Pod): object => ({
  metadata: metadataOf(metadata),
  spec: {
    nodeName: spec?.nodeName,
    serviceAccountName: spec?.serviceAccountName,
    images: spec?.containers.map(({ name, image }) => ({ name, image })),
  },
  status: {
    phase: status?.phase,
    reason: status?.reason,
    message: status?.message,
    conditions: status?.conditions,
    startTime: status?.startTime,
    containers: [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].map(
      trimContainer,
    ),
  },
});

/** The message of one that ended is the agent's answer, which holds what is encrypted to the controller: it stays away. */
function trimContainer({ name, ready, restartCount, state, lastState }: ContainerStatus): object {
  const { waiting, running } = state ?? {};
  return { name, ready, restartCount, waiting, running, terminated: ended(state), before: ended(lastState) };
}

const ended = (one: ContainerStatus['state']): object | undefined =>
  one?.terminated && {
    exitCode: one.terminated.exitCode,
    reason: one.terminated.reason,
    startedAt: one.terminated.startedAt,
    finishedAt: one.terminated.finishedAt,
  };

/** Who asked for which, and what became of it; neither the request nor what was issued. */
export const trimRequest = ({ metadata, spec, status }: CertificateSigningRequest): object => ({
  metadata: metadataOf(metadata),
  spec: { signerName: spec.signerName, username: spec.username, usages: spec.usages },
  status: { conditions: status?.conditions, issued: status?.certificate !== undefined },
});

export const trimEvent = (event: Event): object => {
  const { type, reason, message, count, firstTimestamp, lastTimestamp, eventTime, involvedObject } = event;
  const { kind, name, namespace } = involvedObject;
  const by = event.reportingComponent || event.source?.component;
  const when = { firstTimestamp, lastTimestamp, eventTime, count };
  return { type, reason, message, by, about: { kind, name, namespace }, ...when };
};
