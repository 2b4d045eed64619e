// Services: their defaults, and an address of their own from the cluster's range.
import { invalid, required, type FieldError } from './fields.ts';
import type { Context, Rules } from './kinds.ts';
import { fieldsOf, listOf, textOf, type ApiObject } from './objects.ts';

/** As kubeadm has it. */
const range = '10.96.0.';

function defaults(draft: ApiObject): void {
  const { spec = {} } = draft;
  const type = spec['type'] ?? 'ClusterIP';
  draft.spec = {
    sessionAffinity: 'None',
    ...(type === 'ExternalName' ? {} : { internalTrafficPolicy: 'Cluster' }),
    ...spec,
    type,
    ...(Array.isArray(spec['ports'])
      ? {
          ports: listOf(spec['ports']).map((port) => {
            const fields = fieldsOf(port);
            return { protocol: 'TCP', targetPort: fields['port'], ...fields };
          }),
        }
      : {}),
  };
}

/** Sets or keeps spec.clusterIP. */
function allocate(draft: ApiObject, store: Context['store']): void {
  const { spec = {} } = draft;
  if (spec['type'] === 'ExternalName') return;
  const asked = textOf(spec['clusterIP']);
  const clusterIP = asked === '' ? freeAddress(store) : asked;
  draft.spec = {
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    ...spec,
    clusterIP,
    clusterIPs: [clusterIP],
  };
}

function freeAddress(store: Context['store']): string {
  const taken = new Set(store.list('/services').map(({ spec }) => spec?.['clusterIP']));
  // The upper part of a range is given out, the lower is for those that name one.
  for (let last = 17; last < 255; last += 1) {
    if (!taken.has(`${range}${last}`)) return `${range}${last}`;
  }
  throw new Error('the range of Service addresses is full');
}

function errors({ spec = {} }: ApiObject): FieldError[] {
  const ports = listOf(spec['ports']).map(fieldsOf);
  const needsPorts = spec['type'] !== 'ExternalName' && spec['clusterIP'] !== 'None';
  return [
    ...(needsPorts && ports.length === 0 ? [required('spec.ports')] : []),
    ...ports.flatMap(({ port, name }, i) => [
      ...(ports.length > 1 && textOf(name) === '' ? [required(`spec.ports[${i}].name`)] : []),
      ...(typeof port === 'number' && port > 0 && port < 65_536
        ? []
        : [invalid(`spec.ports[${i}].port`, port ?? 0, 'must be between 1 and 65535, inclusive')]),
    ]),
  ];
}

export const services: Rules = {
  defaults,
  prepareCreate: (draft, { store }) => {
    draft.status = { loadBalancer: {} };
    allocate(draft, store);
  },
  prepareUpdate: (draft, before) => {
    draft.status = before.status ?? { loadBalancer: {} };
    const { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy } = before.spec ?? {};
    draft.spec = { clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy, ...draft.spec };
  },
  validate: errors,
  validateUpdate: ({ spec = {} }, before) => {
    const { clusterIP } = before.spec ?? {};
    const same = spec['clusterIP'] === clusterIP || spec['type'] === 'ExternalName';
    return same
      ? []
      : ['spec.clusterIPs[0]'].map((field) => invalid(field, [spec['clusterIP']], 'may not change once set'));
  },
};
