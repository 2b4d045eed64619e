// Every kind that is served from the start.
import * as core from './core-rules.ts';
import { approval, requests, signing } from './csr-rules.ts';
import { definitions } from './custom-kinds.ts';
import { kindOf, type Kind, type Rules } from './kinds.ts';
import { policies } from './policy-rules.ts';
import { podStatus, pods } from './pod-rules.ts';
import { services } from './service-rules.ts';

const rbac = { group: 'rbac.authorization.k8s.io', name: 'path', createOnUpdate: true } as const;
const admission = { group: 'admissionregistration.k8s.io', namespaced: false, generation: true } as const;

const podLabels = [
  'spec.nodeName',
  'spec.restartPolicy',
  'spec.schedulerName',
  'spec.serviceAccountName',
  'spec.hostNetwork',
  'status.phase',
  'status.podIP',
  'status.nominatedNodeName',
];
const eventLabels = [
  ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map(
    (field) => `involvedObject.${field}`,
  ),
  'reason',
  'reportingComponent',
  'source',
  'type',
];

/** Stored as they come: nothing in the product reads or runs them. */
const deploymentStatus: Rules = core.statusOnly;

export const builtinKinds: readonly Kind[] = [
  kindOf({
    kind: 'Namespace',
    plural: 'namespaces',
    shortNames: ['ns'],
    namespaced: false,
    name: 'label',
    fieldLabels: ['status.phase'],
    returnsDeleted: true,
    rules: core.namespaces,
    subresources: { status: core.statusOnly, finalize: core.namespaceFinalize },
  }),
  kindOf({
    kind: 'Node',
    plural: 'nodes',
    storage: 'minions',
    shortNames: ['no'],
    namespaced: false,
    fieldLabels: ['spec.unschedulable'],
    rules: core.nodes,
    subresources: { status: core.nodeStatus },
  }),
  kindOf({
    kind: 'Pod',
    plural: 'pods',
    shortNames: ['po'],
    fieldLabels: podLabels,
    returnsDeleted: true,
    generation: true,
    rules: pods,
    subresources: { status: podStatus },
  }),
  kindOf({ kind: 'ConfigMap', plural: 'configmaps', shortNames: ['cm'], rules: core.configMaps }),
  kindOf({ kind: 'Secret', plural: 'secrets', fieldLabels: ['type'], rules: core.secrets }),
  kindOf({
    kind: 'Service',
    plural: 'services',
    storage: 'services/specs',
    shortNames: ['svc'],
    name: 'service',
    fieldLabels: ['spec.clusterIP', 'spec.type'],
    returnsDeleted: true,
    rules: services,
    subresources: { status: core.statusOnly },
  }),
  kindOf({
    kind: 'ServiceAccount',
    plural: 'serviceaccounts',
    shortNames: ['sa'],
    returnsDeleted: true,
  }),
  kindOf({
    kind: 'Event',
    plural: 'events',
    shortNames: ['ev'],
    fieldLabels: eventLabels,
    createOnUpdate: true,
    rules: core.events,
  }),
  kindOf({
    group: 'coordination.k8s.io',
    kind: 'Lease',
    plural: 'leases',
    unconditionalUpdate: false,
    createOnUpdate: true,
    rules: core.leases,
  }),
  kindOf({
    group: 'certificates.k8s.io',
    kind: 'CertificateSigningRequest',
    plural: 'certificatesigningrequests',
    shortNames: ['csr'],
    namespaced: false,
    fieldLabels: ['spec.signerName'],
    rules: requests,
    subresources: { approval, status: signing },
  }),
  kindOf({
    group: 'apiextensions.k8s.io',
    kind: 'CustomResourceDefinition',
    plural: 'customresourcedefinitions',
    storage: 'apiextensions.k8s.io/customresourcedefinitions',
    shortNames: ['crd'],
    namespaced: false,
    generation: true,
    rules: definitions,
    subresources: { status: core.statusOnly },
  }),
  kindOf({ ...rbac, kind: 'Role', plural: 'roles' }),
  kindOf({ ...rbac, kind: 'RoleBinding', plural: 'rolebindings', rules: core.bindings }),
  kindOf({ ...rbac, kind: 'ClusterRole', plural: 'clusterroles', namespaced: false }),
  kindOf({
    ...rbac,
    kind: 'ClusterRoleBinding',
    plural: 'clusterrolebindings',
    namespaced: false,
    rules: core.bindings,
  }),
  kindOf({
    group: 'scheduling.k8s.io',
    kind: 'PriorityClass',
    plural: 'priorityclasses',
    shortNames: ['pc'],
    namespaced: false,
    rules: core.priorityClasses,
  }),
  kindOf({
    ...admission,
    kind: 'ValidatingAdmissionPolicy',
    plural: 'validatingadmissionpolicies',
    rules: policies,
    subresources: { status: core.statusOnly },
  }),
  kindOf({
    ...admission,
    kind: 'ValidatingAdmissionPolicyBinding',
    plural: 'validatingadmissionpolicybindings',
  }),
  kindOf({
    group: 'apps',
    kind: 'Deployment',
    plural: 'deployments',
    shortNames: ['deploy'],
    generation: true,
    rules: core.keepsStatus,
    subresources: { status: deploymentStatus },
  }),
];
