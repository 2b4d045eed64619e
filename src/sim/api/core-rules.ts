// Rules of the core kinds but Pods.
import { forbiddenField, invalid, required, tooLong, type FieldError } from './fields.ts';
import type { Rules } from './kinds.ts';
import { dataKeyProblems } from './names.ts';
import { fieldsOf, listOf, sameJson, textOf, type ApiObject } from './objects.ts';

const mostData = 1024 * 1024;

function dataErrors(object: ApiObject, fields: readonly string[]): FieldError[] {
  const entries = fields.flatMap((field) =>
    Object.entries(fieldsOf(object[field])).map(([key, value]) => ({ field, key, value: textOf(value) })),
  );
  const errors = entries.flatMap(({ field, key }) =>
    dataKeyProblems(key).map((problem) => invalid(`${field}[${key}]`, key, problem)),
  );
  const size = entries.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0);
  return size > mostData ? [...errors, tooLong('[]', mostData)] : errors;
}

/** `immutable: true` stays, and with it the data. */
function immutableErrors(object: ApiObject, before: ApiObject, fields: readonly string[]): FieldError[] {
  if (before['immutable'] !== true) return [];
  const frozen = 'field is immutable when `immutable` is set';
  return [
    ...(object['immutable'] === true ? [] : [forbiddenField('immutable', frozen)]),
    ...fields
      .filter((field) => !sameJson(fieldsOf(object[field]), fieldsOf(before[field])))
      .map((field) => forbiddenField(field, frozen)),
  ];
}

const mapFields = ['data', 'binaryData'];

export const configMaps: Rules = {
  validate: (object) => dataErrors(object, mapFields),
  validateUpdate: (object, before) => immutableErrors(object, before, mapFields),
};

export const secrets: Rules = {
  defaults: (draft) => {
    if (textOf(draft['type']) === '') draft['type'] = 'Opaque';
    const plain = fieldsOf(draft['stringData']);
    delete draft['stringData'];
    if (Object.keys(plain).length === 0) return;
    const encoded = Object.entries(plain).map(([key, value]) => [
      key,
      Buffer.from(textOf(value)).toString('base64'),
    ]);
    draft['data'] = { ...fieldsOf(draft['data']), ...Object.fromEntries(encoded) };
  },
  validate: (object) => dataErrors(object, ['data']),
  validateUpdate: (object, before) => [
    ...(object['type'] === before['type'] ? [] : [invalid('type', object['type'], 'field is immutable')]),
    ...immutableErrors(object, before, ['data']),
  ],
};

export const namespaces: Rules = {
  prepareCreate: (draft) => {
    draft.spec = { finalizers: ['kubernetes'] };
    draft.status = { phase: 'Active' };
  },
  defaults: (draft) => {
    const { name = '' } = draft.metadata;
    draft.metadata.labels = { ...draft.metadata.labels, 'kubernetes.io/metadata.name': name };
  },
  prepareUpdate: (draft, before) => {
    draft.spec = { ...draft.spec, finalizers: before.spec?.['finalizers'] };
    if (before.status !== undefined) draft.status = before.status;
  },
};

/** Only the controller that empties a namespace takes its finalizer. */
export const namespaceFinalize: Rules = {
  prepareUpdate: (draft, before) => {
    if (before.status !== undefined) draft.status = before.status;
  },
};

const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };
const nodeInfo = Object.fromEntries(
  [
    'machineID',
    'systemUUID',
    'bootID',
    'kernelVersion',
    'osImage',
    'containerRuntimeVersion',
    'kubeletVersion',
    'kubeProxyVersion',
    'operatingSystem',
    'architecture',
  ].map((field) => [field, '']),
);

export const nodes: Rules = {
  defaults: (draft) => {
    const { daemonEndpoints, nodeInfo: info, ...status } = fieldsOf(draft.status);
    draft.status = {
      ...status,
      daemonEndpoints: { kubeletEndpoint: { Port: 0 }, ...fieldsOf(daemonEndpoints) },
      nodeInfo: { ...nodeInfo, ...fieldsOf(info) },
    };
    const conditions = listOf(draft.status['conditions']).map((one) => ({
      lastHeartbeatTime: null,
      lastTransitionTime: null,
      ...fieldsOf(one),
    }));
    if (conditions.length > 0) draft.status['conditions'] = conditions;
    draft.spec ??= {};
  },
  // Admission plugin TaintNodesByCondition: the node's controller takes it away once the node is Ready.
  admit: (draft) => {
    const taints = listOf(draft.spec?.['taints']);
    const isThere = taints.some((taint) => fieldsOf(taint)['key'] === notReady.key);
    if (!isThere) draft.spec = { ...draft.spec, taints: [...taints, notReady] };
  },
  prepareUpdate: (draft, before) => {
    if (before.status !== undefined) draft.status = before.status;
  },
};

/** A kubelet writes its addresses and conditions here. */
export const nodeStatus: Rules = {
  ...(nodes.defaults === undefined ? {} : { defaults: nodes.defaults }),
  prepareUpdate: (draft, before) => {
    draft.spec = before.spec ?? {};
  },
};

/** What is written to `/status` changes the status alone. */
export const statusOnly: Rules = {
  prepareUpdate: (draft, before) => {
    for (const field of Object.keys(draft)) {
      if (!['status', 'metadata', 'apiVersion', 'kind'].includes(field)) delete draft[field];
    }
    const { status: _1, metadata: _2, ...rest } = before;
    Object.assign(draft, rest);
  },
};

export const keepsStatus: Rules = {
  prepareCreate: (draft) => {
    delete draft.status;
  },
  prepareUpdate: (draft, before) => {
    if (before.status === undefined) delete draft.status;
    else draft.status = before.status;
  },
};

export const events: Rules = {
  defaults: (draft) => {
    const empty = {
      source: {},
      involvedObject: {},
      firstTimestamp: null,
      lastTimestamp: null,
      eventTime: null,
      reportingComponent: '',
      reportingInstance: '',
    };
    for (const [field, value] of Object.entries(empty)) draft[field] ??= value;
  },
  validate: ({ metadata, involvedObject }) => {
    const namespace = textOf(fieldsOf(involvedObject)['namespace']);
    const expected = namespace === '' ? 'default' : namespace;
    if (metadata.namespace === expected) return [];
    if (namespace === '' && metadata.namespace === 'kube-system') return [];
    return [invalid('involvedObject.namespace', namespace, 'does not match event.namespace')];
  },
};

export const leases: Rules = {
  validate: ({ spec = {} }) => {
    const { leaseDurationSeconds: seconds, leaseTransitions } = spec;
    const positive = 'must be greater than 0';
    return [
      ...(typeof seconds === 'number' && seconds <= 0
        ? [invalid('spec.leaseDurationSeconds', seconds, positive)]
        : []),
      ...(typeof leaseTransitions === 'number' && leaseTransitions < 0
        ? [invalid('spec.leaseTransitions', leaseTransitions, 'must be greater than or equal to 0')]
        : []),
    ];
  },
};

export const priorityClasses: Rules = {
  defaults: (draft) => {
    draft['preemptionPolicy'] ??= 'PreemptLowerPriority';
  },
};

const rbacGroup = 'rbac.authorization.k8s.io';

export const bindings: Rules = {
  defaults: (draft) => {
    draft['roleRef'] = { apiGroup: rbacGroup, ...fieldsOf(draft['roleRef']) };
    if (draft['subjects'] === undefined) return;
    draft['subjects'] = listOf(draft['subjects']).map((subject) => {
      const fields = fieldsOf(subject);
      return fields['kind'] === 'ServiceAccount' ? fields : { apiGroup: rbacGroup, ...fields };
    });
  },
  validate: (object) => {
    const ref = fieldsOf(object['roleRef']);
    return textOf(ref['name']) === '' ? [required('roleRef.name')] : [];
  },
  validateUpdate: (object, before) =>
    sameJson(object['roleRef'], before['roleRef'])
      ? []
      : [invalid('roleRef', object['roleRef'], 'cannot change roleRef')],
};
