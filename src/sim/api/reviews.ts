// Questions that are asked by creating an object which is answered and not kept: who may what, whose token is this.
import { badRequest, forbidden, notFound, type ApiError } from './status.ts';
import {
  fieldsOf,
  isFields,
  listOf,
  textOf,
  textsOf,
  timeText,
  type ApiObject,
  type Fields,
} from './objects.ts';
import { authorize, grantsFor, type Attributes } from './rbac.ts';
import { invalid, invalidObject } from './fields.ts';
import type { Context } from './kinds.ts';
import { restrictToken } from './node-restriction.ts';
import { audiencesOf, issuer, type Tokens } from './tokens.ts';
import type { User } from './users.ts';

export interface Question {
  readonly body: Fields;
  readonly context: Context;
  readonly tokens: Tokens;
  readonly namespace: string | undefined;
  /** Of the object whose subresource is asked. */
  readonly name: string;
}

type Answer = (question: Question) => Promise<Fields>;

export interface Review {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly kind: string;
  readonly answer: Answer;
}

const authorization = 'authorization.k8s.io';
const authentication = 'authentication.k8s.io';

function attributesOf(spec: Fields): Attributes {
  const resource = spec['resourceAttributes'];
  if (isFields(resource)) {
    const { namespace, verb, group, resource: plural, subresource, name } = resource;
    return {
      isResource: true,
      path: '',
      verb: textOf(verb),
      group: textOf(group),
      namespace: textOf(namespace) === '' ? undefined : textOf(namespace),
      resource: textOf(plural),
      subresource: textOf(subresource),
      name: textOf(name),
    };
  }
  const { path, verb } = fieldsOf(spec['nonResourceAttributes']);
  const nothing = { group: '', namespace: undefined, resource: '', subresource: '', name: '' };
  return { isResource: false, path: textOf(path), verb: textOf(verb), ...nothing };
}

function accessStatus(user: User, spec: Fields, { store }: Context): Fields {
  const { allowed, reason } = authorize(store, user, attributesOf(spec));
  return { allowed, ...(reason === '' ? {} : { reason }) };
}

function checkAttributes(spec: Fields): void {
  const count = ['resourceAttributes', 'nonResourceAttributes'].filter((field) =>
    isFields(spec[field]),
  ).length;
  if (count === 1) return;
  const message = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  const error = invalid('spec.resourceAttributes', count === 0 ? null : spec['resourceAttributes'], message);
  throw invalidObject({ group: authorization, kind: '', name: '' }, [error]);
}

/** Without what is empty, which is not sent. */
function said(spec: Fields): Fields {
  const attributes = spec['resourceAttributes'];
  if (!isFields(attributes)) return spec;
  const kept = Object.entries(attributes).filter(([, value]) => value !== '');
  return { ...spec, resourceAttributes: Object.fromEntries(kept) };
}

const selfAccess: Answer = async ({ body, context }) => {
  const spec = fieldsOf(body['spec']);
  checkAttributes(spec);
  return { ...body, spec: said(spec), status: accessStatus(context.user, spec, context) };
};

const access: Answer = async ({ body, context }) => {
  const spec = fieldsOf(body['spec']);
  checkAttributes(spec);
  const user: User = { name: textOf(spec['user']), groups: textsOf(spec['groups']), extra: {} };
  return { ...body, spec: said(spec), status: accessStatus(user, spec, context) };
};

const self: Answer = async ({ body, context }) => {
  const { name: username, uid, groups, extra } = context.user;
  const known = { username, uid, groups, ...(Object.keys(extra).length === 0 ? {} : { extra }) };
  const metadata = { creationTimestamp: timeText(context.now) };
  return { ...body, metadata, status: { userInfo: known } };
};

const selfRules: Answer = async ({ body, context }) => {
  const { namespace } = fieldsOf(body['spec']);
  const rules = grantsFor(context.store, context.user, textOf(namespace)).flatMap((grant) => grant.rules);
  const some = (field: string): Fields[] => rules.filter((rule) => listOf(rule[field]).length > 0);
  const status = {
    resourceRules: some('resources'),
    nonResourceRules: some('nonResourceURLs'),
    incomplete: false,
  };
  return { ...body, status };
};

const tokenReview: Answer = async ({ body, tokens }) => {
  const spec = fieldsOf(body['spec']);
  const [audience = issuer] = audiencesOf(spec);
  const user = await tokens.review(textOf(spec['token']), audience);
  if (user === undefined) {
    return { ...body, status: { user: {}, error: 'invalid bearer token' } };
  }
  const { name: username, uid, groups, extra } = user;
  const known = { username, uid, groups: [...groups, 'system:authenticated'], extra };
  return { ...body, status: { authenticated: true, user: known, audiences: [audience] } };
};

/** TokenRequest of a ServiceAccount: bound to a Pod where one is named. */
const tokenRequest: Answer = async ({ body, context, tokens, namespace = '', name }) => {
  restrictToken(fieldsOf(body['spec']), { namespace, name }, context);
  const account = context.store.get('/serviceaccounts', `${namespace}/${name}`);
  if (account === undefined) throw notFound({ group: '', resource: 'serviceaccounts', name });
  const spec = fieldsOf(body['spec']);
  const asked = spec['expirationSeconds'];
  const seconds = typeof asked === 'number' ? asked : 3600;
  if (seconds < 600) throw tooShort(seconds);
  const pod = boundPod(fieldsOf(spec['boundObjectRef']), namespace, account, context);
  const audiences = audiencesOf(spec);
  const token = await tokens.issue({ account, pod, audiences, seconds });
  const expirationTimestamp = timeText(new Date(context.now.getTime() + seconds * 1000));
  return {
    ...body,
    metadata: { name, namespace, creationTimestamp: timeText(context.now) },
    spec: { ...spec, audiences, expirationSeconds: seconds, boundObjectRef: spec['boundObjectRef'] ?? null },
    status: { token, expirationTimestamp },
  };
};

const tooShort = (seconds: number): ApiError =>
  invalidObject({ group: authentication, kind: 'TokenRequest', name: '' }, [
    invalid('spec.expirationSeconds', seconds, 'may not specify a duration less than 10 minutes'),
  ]);

function boundPod(
  ref: Fields,
  namespace: string,
  account: ApiObject,
  { store }: Context,
): ApiObject | undefined {
  const name = textOf(ref['name']);
  if (name === '') return undefined;
  if (ref['kind'] !== 'Pod')
    throw badRequest(`cannot bind token for serviceaccount to kind ${textOf(ref['kind'])}`);
  const pod = store.get('/pods', `${namespace}/${name}`);
  if (pod === undefined) throw notFound({ group: '', resource: 'pods', name });
  const uid = textOf(ref['uid']);
  if (uid !== '' && uid !== pod.metadata.uid) {
    const about = { group: '', resource: 'pods', name };
    throw forbidden(
      about,
      `the UID in the bound object reference (${uid}) does not match the UID in record.`,
    );
  }
  const own = textOf(pod.spec?.['serviceAccountName']);
  if (own === account.metadata.name) return pod;
  throw badRequest(
    `cannot bind token for serviceaccount ${JSON.stringify(account.metadata.name)} to pod running with different serviceaccount name.`,
  );
}

export const reviews: readonly Review[] = [
  {
    group: authorization,
    resource: 'selfsubjectaccessreviews',
    subresource: '',
    kind: 'SelfSubjectAccessReview',
    answer: selfAccess,
  },
  {
    group: authorization,
    resource: 'subjectaccessreviews',
    subresource: '',
    kind: 'SubjectAccessReview',
    answer: access,
  },
  {
    group: authorization,
    resource: 'selfsubjectrulesreviews',
    subresource: '',
    kind: 'SelfSubjectRulesReview',
    answer: selfRules,
  },
  {
    group: authentication,
    resource: 'selfsubjectreviews',
    subresource: '',
    kind: 'SelfSubjectReview',
    answer: self,
  },
  {
    group: authentication,
    resource: 'tokenreviews',
    subresource: '',
    kind: 'TokenReview',
    answer: tokenReview,
  },
  {
    group: '',
    resource: 'serviceaccounts',
    subresource: 'token',
    kind: 'TokenRequest',
    answer: tokenRequest,
  },
];
