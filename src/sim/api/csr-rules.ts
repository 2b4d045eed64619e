// CertificateSigningRequests: who asked is the server's to say, approving and signing are rights of their own.
import { parseRequest } from '../../pki/request.ts';
import { readPem } from '../../pki/pem.ts';
import { duplicate, forbiddenField, invalid, notSupported, required, type FieldError } from './fields.ts';
import type { Context, Rules } from './kinds.ts';
import { fieldsOf, listOf, textOf, textsOf, timeText, type ApiObject, type Fields } from './objects.ts';
import { forbidden } from './status.ts';

const group = 'certificates.k8s.io';
const resource = 'certificatesigningrequests';

const decoded = (value: unknown): string => Buffer.from(textOf(value), 'base64').toString('utf8');
const conditionsOf = (object: ApiObject): Fields[] => listOf(object.status?.['conditions']).map(fieldsOf);

function requestErrors({ spec = {} }: ApiObject): FieldError[] {
  const [block] = pemBlocks(decoded(spec['request']));
  if (block?.label !== 'CERTIFICATE REQUEST') {
    return [invalid('spec.request', spec['request'] ?? '', 'PEM block type must be CERTIFICATE REQUEST')];
  }
  try {
    parseRequest(block.der);
    return [];
  } catch (error) {
    return [invalid('spec.request', '', error instanceof Error ? error.message : String(error))];
  }
}

function pemBlocks(text: string): ReturnType<typeof readPem> {
  try {
    return readPem(text);
  } catch {
    return [];
  }
}

const usages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
];

function specErrors({ spec = {} }: ApiObject): FieldError[] {
  const asked = textsOf(spec['usages']);
  return [
    ...(asked.length === 0 ? [required('spec.usages')] : []),
    ...asked.flatMap((usage, i) =>
      usages.includes(usage) ? [] : [notSupported(`spec.usages[${i}]`, usage, usages)],
    ),
    ...asked.flatMap((usage, i) =>
      asked.indexOf(usage) === i ? [] : [duplicate(`spec.usages[${i}]`, usage)],
    ),
    ...signerErrors(textOf(spec['signerName'])),
    ...(typeof spec['expirationSeconds'] === 'number' && spec['expirationSeconds'] < 600
      ? [
          invalid(
            'spec.expirationSeconds',
            spec['expirationSeconds'],
            'may not specify a duration less than 600 seconds (10 minutes)',
          ),
        ]
      : []),
  ];
}

function signerErrors(name: string): FieldError[] {
  if (name === '') return [required('spec.signerName')];
  const [domain = '', path = '', ...rest] = name.split('/');
  if (path === '' || rest.length > 0) {
    const message = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return [invalid('spec.signerName', name, message)];
  }
  return domain.includes('.')
    ? []
    : [invalid('spec.signerName', domain, 'should be a domain with at least two segments separated by dots')];
}

/** Approved, Denied and Failed are always true, and each is there once. */
function conditionErrors(object: ApiObject): FieldError[] {
  const conditions = conditionsOf(object);
  const types = conditions.map(({ type }) => textOf(type));
  return conditions.flatMap(({ type, status }, i) => {
    const path = `status.conditions[${i}]`;
    const other = { Approved: 'Denied', Denied: 'Approved' }[textOf(type)];
    const both = other !== undefined && types.indexOf(other) >= 0 && types.indexOf(other) < i;
    return [
      ...(textOf(type) === '' ? [required(`${path}.type`)] : []),
      ...(textOf(status) === '' ? [required(`${path}.status`)] : []),
      ...(fixed.has(textOf(type)) && status !== 'True' && textOf(status) !== ''
        ? [notSupported(`${path}.status`, status, ['True'])]
        : []),
      ...(both
        ? [invalid('status.conditions', type, 'Approved and Denied conditions are mutually exclusive')]
        : []),
      ...(types.indexOf(textOf(type)) < i ? [duplicate(`${path}.type`, type)] : []),
    ];
  });
}

const fixed = new Set(['Approved', 'Denied', 'Failed']);

/** Times of a condition are now where the writer did not say, and the old one's where its status did not change. */
function stampConditions(draft: ApiObject, before: ApiObject, now: Date): void {
  const { conditions: _, ...rest } = draft.status ?? {};
  const conditions = conditionsOf(draft);
  draft.status = rest;
  if (conditions.length === 0) return;
  const time = timeText(now);
  draft.status = {
    ...draft.status,
    conditions: conditions.map((condition) => {
      const same = conditionsOf(before).find(({ type }) => type === condition['type']);
      const since = same?.['status'] === condition['status'] ? same?.['lastTransitionTime'] : undefined;
      return {
        ...condition,
        lastUpdateTime: condition['lastUpdateTime'] ?? time,
        lastTransitionTime: condition['lastTransitionTime'] ?? since ?? time,
      };
    }),
  };
}

const ofType = (object: ApiObject, type: string): Fields[] =>
  conditionsOf(object).filter((condition) => condition['type'] === type);

function refuse(object: ApiObject, why: string): never {
  throw forbidden({ group, resource, name: object.metadata.name ?? '' }, why);
}

/** A right on the signer by its name, or on all of its domain. */
function checkSigner(object: ApiObject, verb: 'approve' | 'sign', { may }: Context): void {
  const signer = textOf(object.spec?.['signerName']);
  const wanted = {
    isResource: true,
    verb,
    group,
    resource: 'signers',
    namespace: undefined,
    subresource: '',
  };
  const domain = signer.split('/')[0] ?? '';
  if (may({ ...wanted, name: signer }) || may({ ...wanted, name: `${domain}/*` })) return;
  refuse(object, `user not permitted to ${verb} requests with signerName ${JSON.stringify(signer)}`);
}

export const requests: Rules = {
  prepareCreate: (draft, { user }) => {
    const { name: username, uid, groups, extra } = user;
    draft.spec = {
      ...draft.spec,
      username,
      ...(uid === undefined ? {} : { uid }),
      groups: [...groups],
      ...(Object.keys(extra).length === 0 ? {} : { extra }),
    };
    draft.status = {};
  },
  prepareUpdate: (draft, before) => {
    draft.spec = before.spec ?? {};
    draft.status = before.status ?? {};
  },
  validate: (object) => [...requestErrors(object), ...specErrors(object)],
};

/** Conditions of these types are as they were. */
function fixedErrors(
  object: ApiObject,
  before: ApiObject,
  types: readonly string[],
  may: 'add' | '',
): FieldError[] {
  return types.flatMap((type) => {
    const [now, then] = [ofType(object, type).length, ofType(before, type).length];
    const refused = (what: string): FieldError[] => [
      forbiddenField('status.conditions', `updates may not ${what} a condition of type "${type}"`),
    ];
    if (now < then) return refused('remove');
    return now > then && may !== 'add' ? refused('add') : [];
  });
}

export const approval: Rules = {
  prepareUpdate: (draft, before, { now }) => {
    draft.spec = before.spec ?? {};
    const { certificate } = before.status ?? {};
    const { certificate: _, ...status } = draft.status ?? {};
    draft.status = { ...status, ...(certificate === undefined ? {} : { certificate }) };
    stampConditions(draft, before, now);
  },
  validate: conditionErrors,
  validateUpdate: (object, before) => fixedErrors(object, before, ['Approved', 'Denied', 'Failed'], 'add'),
  check: (object, _, context) => checkSigner(object, 'approve', context),
};

export const signing: Rules = {
  prepareUpdate: (draft, before, { now }) => {
    draft.spec = before.spec ?? {};
    stampConditions(draft, before, now);
  },
  validate: (object) => [...conditionErrors(object), ...certificateErrors(object)],
  validateUpdate: (object, before) => {
    const old = textOf(before.status?.['certificate']);
    const changed = old !== '' && old !== object.status?.['certificate'];
    return [
      ...fixedErrors(object, before, ['Approved', 'Denied'], ''),
      ...(changed
        ? [forbiddenField('status.certificate', 'updates may not modify existing certificate content')]
        : []),
    ];
  },
  check: (object, before, context) => {
    const certificate = object.status?.['certificate'] !== before?.status?.['certificate'];
    const failed =
      ofType(object, 'Failed').length !== (before === undefined ? 0 : ofType(before, 'Failed').length);
    if (certificate || failed) checkSigner(object, 'sign', context);
  },
};

function certificateErrors({ status = {} }: ApiObject): FieldError[] {
  if (textOf(status['certificate']) === '') return [];
  const path = 'status.certificate';
  const blocks = pemBlocks(decoded(status['certificate']));
  if (blocks.length === 0)
    return [invalid(path, '<certificate data>', 'must contain at least one CERTIFICATE PEM block')];
  return blocks
    .filter(({ label }) => label !== 'CERTIFICATE')
    .map(({ label }) =>
      invalid(path, '<certificate data>', `only CERTIFICATE PEM blocks are allowed, found "${label}"`),
    );
}
