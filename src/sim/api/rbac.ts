// Who may do what: RBAC from the objects themselves, and the Node authoriser in front of it.
import { fieldsOf, listOf, textOf, textsOf, type ApiObject, type Fields } from './objects.ts';
import { nodeVerdict } from './node-authorizer.ts';
import type { RequestInfo } from './request-info.ts';
import { ApiError, forbidden } from './status.ts';
import type { Store } from './store.ts';
import type { User } from './users.ts';

/** What is asked for; of a RequestInfo as much as rights depend on. */
export type Attributes = Pick<
  RequestInfo,
  'isResource' | 'path' | 'verb' | 'group' | 'namespace' | 'resource' | 'subresource' | 'name'
>;

export interface Verdict {
  readonly allowed: boolean;
  /** Why not, where there is more to say than that no rule allows it. */
  readonly reason: string;
}

const rbacGroup = 'rbac.authorization.k8s.io';
const superusers = 'system:masters';

export function authorize(store: Store, user: User, wanted: Attributes): Verdict {
  if (user.groups.includes(superusers)) return { allowed: true, reason: '' };
  const asNode = nodeVerdict(store, user, wanted);
  if (asNode.allowed) return asNode;
  const grant = grantsFor(store, user, wanted.namespace).find(({ rules }) =>
    rules.some((rule) => ruleAllows(rule, wanted)),
  );
  if (grant === undefined) return { allowed: false, reason: asNode.reason };
  return { allowed: true, reason: `RBAC: allowed by ${grant.said}` };
}

interface Grant {
  readonly rules: readonly Fields[];
  /** The binding in the server's words. */
  readonly said: string;
}

/** Every binding that holds for a user, in the whole cluster and in a namespace. */
export function grantsFor(store: Store, user: User, namespace: string | undefined): Grant[] {
  const bindings = store.list(`${rbacGroup}/clusterrolebindings`);
  const local = store
    .list(`${rbacGroup}/rolebindings`)
    .filter((binding) => namespace !== undefined && binding.metadata.namespace === namespace);
  return [...bindings, ...local].flatMap((binding) => {
    const subject = listOf(binding['subjects'])
      .map(fieldsOf)
      .find((subject) => isSubject(subject, user));
    if (subject === undefined) return [];
    return [{ rules: rulesOf(store, binding), said: describe(binding, subject) }];
  });
}

function describe(binding: ApiObject, subject: Fields): string {
  const { name = '', namespace } = binding.metadata;
  const place = namespace === undefined ? name : `${name}/${namespace}`;
  const ref = fieldsOf(binding['roleRef']);
  const own = textOf(subject['namespace']);
  const who = own === '' ? textOf(subject['name']) : `${textOf(subject['name'])}/${own}`;
  return (
    `${binding.kind} ${JSON.stringify(place)} of ${textOf(ref['kind'])} ${JSON.stringify(ref['name'])} ` +
    `to ${textOf(subject['kind'])} ${JSON.stringify(who)}`
  );
}

function rulesOf(store: Store, binding: ApiObject): Fields[] {
  const ref = fieldsOf(binding['roleRef']);
  const name = textOf(ref['name']);
  const role =
    ref['kind'] === 'Role'
      ? store.get(`${rbacGroup}/roles`, `${binding.metadata.namespace ?? ''}/${name}`)
      : store.get(`${rbacGroup}/clusterroles`, name);
  return listOf(role?.['rules']).map(fieldsOf);
}

function isSubject(subject: Fields, user: User): boolean {
  const name = textOf(subject['name']);
  switch (subject['kind']) {
    case 'User':
      return user.name === name;
    case 'Group':
      return user.groups.includes(name);
    case 'ServiceAccount':
      return user.name === `system:serviceaccount:${textOf(subject['namespace'])}:${name}`;
    default:
      return false;
  }
}

function ruleAllows(rule: Fields, wanted: Attributes): boolean {
  if (!holds(textsOf(rule['verbs']), wanted.verb)) return false;
  if (!wanted.isResource) return textsOf(rule['nonResourceURLs']).some((url) => urlHolds(url, wanted.path));
  const resource = wanted.subresource === '' ? wanted.resource : `${wanted.resource}/${wanted.subresource}`;
  const resources = textsOf(rule['resources']);
  const names = textsOf(rule['resourceNames']);
  return (
    holds(textsOf(rule['apiGroups']), wanted.group) &&
    (holds(resources, resource) ||
      (wanted.subresource !== '' && resources.includes(`*/${wanted.subresource}`))) &&
    (names.length === 0 || names.includes(wanted.name))
  );
}

const holds = (allowed: readonly string[], wanted: string): boolean =>
  allowed.includes('*') || allowed.includes(wanted);

const urlHolds = (allowed: string, path: string): boolean =>
  allowed === path || (allowed.endsWith('*') && path.startsWith(allowed.slice(0, -1)));

/** The 403 for what is not allowed, in the server's words. */
export function refusal(user: User, wanted: Attributes, reason: string): ApiError {
  const who = `User ${JSON.stringify(user.name)} cannot ${wanted.verb}`;
  const more = reason === '' ? '' : `: ${reason}`;
  if (!wanted.isResource) {
    const message = `forbidden: ${who} path ${JSON.stringify(wanted.path)}${more}`;
    return new ApiError(403, 'Forbidden', message, { details: {} });
  }
  const { group, resource, subresource, name, namespace } = wanted;
  const what = JSON.stringify(subresource === '' ? resource : `${resource}/${subresource}`);
  const where =
    namespace === undefined ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  const why = `${who} resource ${what} in API group ${JSON.stringify(group)} ${where}${more}`;
  return forbidden({ group, resource, name }, why);
}
