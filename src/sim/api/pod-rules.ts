// Pods: the defaults and the few checks that the server itself makes; what runs is the kubelet's to say.
import { createDefaults, statusDefaults } from './pod-defaults.ts';
import { duplicate, forbiddenField, invalid, notSupported, required, type FieldError } from './fields.ts';
import type { Context, Rules } from './kinds.ts';
import { nameProblems } from './names.ts';
import { fieldsOf, listOf, sameJson, textOf, type ApiObject, type Fields } from './objects.ts';
import { forbidden } from './status.ts';

const containersOf = (spec: Fields): Fields[] =>
  [...listOf(spec['initContainers']), ...listOf(spec['containers'])].map(fieldsOf);

function containerErrors(spec: Fields, list: 'containers' | 'initContainers'): FieldError[] {
  const containers = listOf(spec[list]).map(fieldsOf);
  const volumes = new Set(listOf(spec['volumes']).map((volume) => fieldsOf(volume)['name']));
  return containers.flatMap((container, i) => {
    const path = `spec.${list}[${i}]`;
    const name = textOf(container['name']);
    const taken = containers.slice(0, i).some((other) => other['name'] === name);
    return [
      ...(name === ''
        ? [required(`${path}.name`)]
        : nameProblems('label', name).map((problem) => invalid(`${path}.name`, name, problem))),
      ...(taken ? [duplicate(`${path}.name`, name)] : []),
      ...(textOf(container['image']) === '' ? [required(`${path}.image`)] : []),
      ...listOf(container['volumeMounts'])
        .map((mount) => fieldsOf(mount)['name'])
        .flatMap((mount, j) =>
          volumes.has(mount) ? [] : [missing(`${path}.volumeMounts[${j}].name`, mount)],
        ),
    ];
  });
}

const missing = (field: string, value: unknown): FieldError => ({
  reason: 'FieldValueNotFound',
  field,
  message: `Not found: ${JSON.stringify(value)}`,
});

const restartPolicies = ['Always', 'OnFailure', 'Never'];

function specErrors({ spec = {} }: ApiObject): FieldError[] {
  const policy = spec['restartPolicy'];
  return [
    ...(listOf(spec['containers']).length === 0 ? [required('spec.containers')] : []),
    ...containerErrors(spec, 'containers'),
    ...containerErrors(spec, 'initContainers'),
    ...(restartPolicies.includes(textOf(policy))
      ? []
      : [notSupported('spec.restartPolicy', policy, restartPolicies)]),
  ];
}

/** Fields of a running Pod that may change. */
const mutable = new Set(['activeDeadlineSeconds', 'tolerations']);

const fixedSpec = ({ spec = {} }: ApiObject): unknown => ({
  ...Object.fromEntries(Object.entries(spec).filter(([field]) => !mutable.has(field))),
  containers: containersOf(spec).map((container) => ({ ...container, image: '' })),
  initContainers: [],
});

const immutableSpec =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,' +
  '`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),' +
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** Admission plugin Priority. */
function setPriority(draft: ApiObject, { store }: Context): void {
  const { spec = {} } = draft;
  const name = textOf(spec['priorityClassName']);
  const found = name === '' ? undefined : store.get('scheduling.k8s.io/priorityclasses', name);
  if (name !== '' && found === undefined) {
    const about = { group: '', resource: 'pods', name: draft.metadata.name ?? '' };
    throw forbidden(about, `no PriorityClass with name ${name} was found`);
  }
  const priority = found?.['value'] ?? 0;
  draft.spec = { ...spec, priority, preemptionPolicy: found?.['preemptionPolicy'] ?? 'PreemptLowerPriority' };
}

const patience = ['not-ready', 'unreachable'].map((what) => `node.kubernetes.io/${what}`);

/** Admission plugin DefaultTolerationSeconds. */
function setTolerations(draft: ApiObject): void {
  const tolerations = listOf(draft.spec?.['tolerations']).map(fieldsOf);
  const added = patience
    .filter((key) => !tolerations.some((one) => tolerates(one, key)))
    .map((key) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }));
  if (added.length > 0) draft.spec = { ...draft.spec, tolerations: [...tolerations, ...added] };
}

const tolerates = (toleration: Fields, key: string): boolean =>
  (toleration['key'] === key || textOf(toleration['key']) === '') &&
  ['NoExecute', ''].includes(textOf(toleration['effect']));

export const pods: Rules = {
  defaults: createDefaults,
  admit: (draft, context) => {
    setPriority(draft, context);
    setTolerations(draft);
  },
  prepareCreate: (draft) => {
    draft.status = { phase: 'Pending', qosClass: qosOf(draft.spec ?? {}) };
  },
  prepareUpdate: (draft, before) => {
    if (before.status !== undefined) draft.status = before.status;
  },
  validate: specErrors,
  validateUpdate: (object, before) =>
    sameJson(fixedSpec(object), fixedSpec(before)) ? [] : [forbiddenField('spec', immutableSpec)],
};

export const podStatus: Rules = {
  defaults: (draft) => {
    createDefaults(draft);
    statusDefaults(draft);
  },
  prepareUpdate: (draft, before) => {
    draft.spec = before.spec ?? {};
    draft.metadata.ownerReferences = before.metadata.ownerReferences ?? [];
    if (draft.metadata.ownerReferences.length === 0) delete draft.metadata.ownerReferences;
    // A Pod's class of service is what its spec says.
    draft.status = { ...draft.status, qosClass: before.status?.['qosClass'] };
  },
};

const resources = ['cpu', 'memory'];
const has = (of: Fields): boolean => resources.some((resource) => of[resource] !== undefined);

function qosOf(spec: Fields): string {
  const asked = containersOf(spec).map((container) => {
    const { requests, limits } = fieldsOf(container['resources']);
    return { requests: fieldsOf(requests), limits: fieldsOf(limits) };
  });
  if (!asked.some(({ requests, limits }) => has(requests) || has(limits))) return 'BestEffort';
  const guaranteed = asked.every(({ requests, limits }) =>
    resources.every((resource) => limits[resource] !== undefined && requests[resource] === limits[resource]),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

/** Seconds that a Pod has to end; 0 when there is nothing to wait for. */
export function graceOf({ spec = {}, status = {} }: ApiObject, asked: number | undefined): number {
  const ended = ['Succeeded', 'Failed'].includes(textOf(status['phase']));
  if (ended || textOf(spec['nodeName']) === '') return 0;
  const own = spec['terminationGracePeriodSeconds'];
  return asked ?? (typeof own === 'number' ? own : 30);
}
