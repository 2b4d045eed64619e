// The Node authoriser as far as kubelets of ours go: a kubelet sees the Secrets of its own Pods alone.
import { fieldsOf, isFields, listOf, textOf, type ApiObject } from './objects.ts';
import type { Attributes, Verdict } from './rbac.ts';
import type { Store } from './store.ts';
import type { User } from './users.ts';

const nodePrefix = 'system:node:';
const nodesGroup = 'system:nodes';

/** Name of the node whose kubelet this user is. */
export function nodeOf(user: User): string | undefined {
  if (!user.groups.includes(nodesGroup) || !user.name.startsWith(nodePrefix)) return undefined;
  return user.name.slice(nodePrefix.length);
}

const no = (reason = ''): Verdict => ({ allowed: false, reason });
const yes: Verdict = { allowed: true, reason: '' };

/** What kubelets may do without a question: resource (with subresource) and verbs, by group. */
const always: Readonly<Record<string, readonly string[]>> = {
  '/services': ['get', 'list', 'watch'],
  '/nodes': ['create', 'get', 'list', 'watch', 'update', 'patch'],
  '/nodes/status': ['update', 'patch'],
  '/events': ['create', 'update', 'patch'],
  '/pods': ['get', 'list', 'watch', 'create', 'delete'],
  '/pods/status': ['update', 'patch'],
  '/pods/eviction': ['create'],
  'certificates.k8s.io/certificatesigningrequests': ['create', 'get', 'list', 'watch'],
  'authentication.k8s.io/tokenreviews': ['create'],
  'authorization.k8s.io/subjectaccessreviews': ['create'],
  'authorization.k8s.io/localsubjectaccessreviews': ['create'],
};

const leaseNamespace = 'kube-node-lease';

export function nodeVerdict(store: Store, user: User, wanted: Attributes): Verdict {
  const node = nodeOf(user);
  if (node === undefined || !wanted.isResource) return no();
  const { group, resource, subresource, verb } = wanted;
  const what = `${group}/${resource}${subresource === '' ? '' : `/${subresource}`}`;
  if (always[what]?.includes(verb) === true) return yes;
  if (what === 'coordination.k8s.io/leases') return leaseVerdict(node, wanted);
  const referred = references[what];
  if (referred === undefined) return no();
  if (!referred.verbs.includes(verb)) return no(referred.otherVerbs);
  if (wanted.name === '') return no(`No Object name found`);
  const isReferred = store
    .list('/pods')
    .some((pod) => textOf(pod.spec?.['nodeName']) === node && refersTo(pod, wanted, referred.of));
  return isReferred ? yes : no(`no relationship found between node '${node}' and this object`);
}

function leaseVerdict(node: string, { namespace, verb, name }: Attributes): Verdict {
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb)) {
    return no('can only get, create, update, patch, or delete a node lease');
  }
  if (namespace !== leaseNamespace) {
    return no(`can only access leases in the "${leaseNamespace}" system namespace`);
  }
  if (verb !== 'create' && name !== node)
    return no('can only access node lease with the same name as the requesting node');
  return yes;
}

interface Reference {
  readonly verbs: readonly string[];
  readonly otherVerbs: string;
  readonly of: (pod: ApiObject) => readonly string[];
}

const readOnly = ['get', 'list', 'watch'];
const onlyRead = 'can only read resources of this type';

const references: Readonly<Record<string, Reference>> = {
  '/secrets': { verbs: readOnly, otherVerbs: onlyRead, of: (pod) => referredNames(pod, 'secret') },
  '/configmaps': { verbs: readOnly, otherVerbs: onlyRead, of: (pod) => referredNames(pod, 'configMap') },
  '/serviceaccounts/token': {
    verbs: ['create'],
    otherVerbs: 'can only create tokens for individual service accounts',
    of: (pod) => [textOf(pod.spec?.['serviceAccountName'])],
  },
};

function refersTo(pod: ApiObject, { namespace, name }: Attributes, of: Reference['of']): boolean {
  return pod.metadata.namespace === namespace && of(pod).includes(name);
}

/** Names of Secrets or ConfigMaps anywhere in a Pod's volumes, environment and pull secrets. */
export function referredNames(pod: ApiObject, what: 'secret' | 'configMap'): string[] {
  const keys = new Set([what, `${what}Ref`, `${what}KeyRef`]);
  const names: string[] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk);
    if (!isFields(value)) return;
    for (const [key, inner] of Object.entries(value)) {
      const { name, secretName } = fieldsOf(inner);
      if (keys.has(key)) names.push(textOf(secretName ?? name));
      walk(inner);
    }
  };
  walk(pod.spec);
  const pulled = what === 'secret' ? listOf(pod.spec?.['imagePullSecrets']) : [];
  return [...names, ...pulled.map((one) => textOf(fieldsOf(one)['name']))];
}
