// Admission plugin NodeRestriction, which kubeadm enables: what a kubelet may write of its own Node and Pods, and that it
// writes nothing of others. That a node cannot make itself a control plane (R6) rests on it.
import type { Context } from './kinds.ts';
import { resourceOf } from './kinds.ts';
import { nodeOf, referredNames } from './node-authorizer.ts';
import { fieldsOf, listOf, sameJson, textOf, textsOf, type ApiObject, type Fields } from './objects.ts';
import type { Operation } from './policy-rules.ts';
import { forbidden, notFound } from './status.ts';
import type { Store } from './store.ts';

interface Asked extends Operation {
  /** Whose kubelet asks. */
  readonly node: string;
  readonly store: Store;
}

/** Undefined: let it be. */
type Rule = (asked: Asked) => string | undefined;

/** Errors: 403 in the words of the real server. */
export function restrictNode(operation: Operation, { user, store }: Context): void {
  const node = nodeOf(user);
  if (node === undefined) return;
  const { kind, object, before } = operation;
  const why = rules[resourceOf(kind)]?.({ ...operation, node, store });
  if (why === undefined) return;
  throw forbidden(
    { group: kind.group, resource: kind.plural, name: (object ?? before)?.metadata.name ?? '' },
    why,
  );
}

const quoted = (text: string): string => JSON.stringify(text);

const ofNode: Rule = ({ node, object, before }) => {
  const { name = '' } = (object ?? before)?.metadata ?? {};
  if (name !== node) return `node ${quoted(node)} is not allowed to modify node ${quoted(name)}`;
  if (object === undefined) return undefined;
  const labels = restrictedLabels(object, before).join(', ');
  if (before === undefined)
    return labels === ''
      ? undefined
      : `node ${quoted(node)} is not allowed to set the following labels: ${labels}`;
  if (!sameJson(listOf(object.spec?.['taints']), listOf(before.spec?.['taints'])))
    return `node ${quoted(node)} is not allowed to modify taints`;
  if (!sameJson(object.metadata.ownerReferences ?? [], before.metadata.ownerReferences ?? []))
    return `node ${quoted(node)} is not allowed to modify ownerReferences`;
  return labels === '' ? undefined : `is not allowed to modify labels: ${labels}`;
};

const kubeletLabels = new Set([
  'kubernetes.io/hostname',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
]);

/** Those that are set, changed or taken away, and may not be. */
function restrictedLabels({ metadata }: ApiObject, before: ApiObject | undefined): readonly string[] {
  const [now, then] = [metadata.labels ?? {}, before?.metadata.labels ?? {}];
  return [...new Set([...Object.keys(now), ...Object.keys(then)])]
    .filter((label) => now[label] !== then[label] && isRestricted(label))
    .toSorted();
}

function isRestricted(label: string): boolean {
  const [space = '', ...name] = label.split('/');
  const isIn = (domain: string): boolean =>
    name.length > 0 && (space === domain || space.endsWith(`.${domain}`));
  if (isIn('node-restriction.kubernetes.io')) return true;
  if (!isIn('kubernetes.io') && !isIn('k8s.io')) return false;
  return !kubeletLabels.has(label) && !isIn('kubelet.kubernetes.io') && !isIn('node.kubernetes.io');
}

const mirror = 'kubernetes.io/config.mirror';
const nodeNameOf = ({ spec }: ApiObject): string => textOf(spec?.['nodeName']);

const ofPod: Rule = (asked) => {
  const { node, subresource, operation, object, before } = asked;
  const itself = 'with spec.nodeName set to itself';
  if (subresource === 'status' && before !== undefined) {
    if (nodeNameOf(before) !== node)
      return `node ${quoted(node)} can only update pod status for pods ${itself}`;
    const isSame = sameJson(object?.metadata.labels ?? {}, before.metadata.labels ?? {});
    return isSame ? undefined : `node ${quoted(node)} cannot update labels through pod status`;
  }
  if (operation === 'CREATE' && object !== undefined) return ofNewPod(asked, object);
  if (operation === 'DELETE' && before !== undefined)
    return nodeNameOf(before) === node ? undefined : `node ${quoted(node)} can only delete pods ${itself}`;
  return `unexpected operation ${quoted(operation)}, node ${quoted(node)} can only create and delete mirror pods`;
};

/** The mirror of a static Pod, of this node, which gives it no right to anything. */
function ofNewPod({ node, store }: Asked, pod: ApiObject): string | undefined {
  const { annotations = {}, ownerReferences = [] } = pod.metadata;
  const only = `node ${quoted(node)} can only create`;
  if (!(mirror in annotations)) return `pod does not have ${quoted(mirror)} annotation, ${only} mirror pods`;
  if (nodeNameOf(pod) !== node) return `${only} pods with spec.nodeName set to itself`;
  const [owner, ...others] = ownerReferences;
  if (others.length > 0) return `${only} pods with a single owner reference set to itself`;
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node)
    return `${only} pods with an owner reference set to itself`;
  if (owner.controller !== true) return `${only} pods with a controller owner reference set to itself`;
  if (owner.blockOwnerDeletion === true)
    return `node ${quoted(node)} must not set blockOwnerDeletion on an owner reference`;
  const own = store.get('/nodes', node);
  if (own === undefined) throw notFound({ group: '', resource: 'node', name: node });
  const { uid = '' } = own.metadata;
  if (owner.uid !== uid) return `node ${node} UID mismatch: expected ${owner.uid} got ${uid}`;
  const referred = referenceOf(pod);
  return referred === undefined
    ? undefined
    : `node ${quoted(node)} can not create pods that reference ${referred}`;
}

/** What of the API a Pod refers to. */
function referenceOf(pod: ApiObject): string | undefined {
  if (textOf(pod.spec?.['serviceAccountName']) !== '') return 'serviceaccounts';
  if (referredNames(pod, 'secret').length > 0) return 'secrets';
  if (referredNames(pod, 'configMap').length > 0) return 'configmaps';
  const volumes = listOf(pod.spec?.['volumes']).map(fieldsOf);
  if (volumes.some((volume) => 'persistentVolumeClaim' in volume)) return 'persistentvolumeclaims';
  return tokensIn(volumes).length > 0 ? 'serviceaccounts (via projected volumes)' : undefined;
}

const tokensIn = (volumes: readonly Fields[]): readonly Fields[] =>
  volumes
    .flatMap(({ projected }) => listOf(fieldsOf(projected)['sources']).map(fieldsOf))
    .flatMap(({ serviceAccountToken: token }) => (token === undefined ? [] : [fieldsOf(token)]));

const ofLease: Rule = ({ node, object, before }) =>
  (object ?? before)?.metadata.name === node
    ? undefined
    : 'can only access node lease with the same name as the requesting node';

const rules: Readonly<Record<string, Rule>> = {
  '/nodes': ofNode,
  '/pods': ofPod,
  'coordination.k8s.io/leases': ofLease,
};

interface Account {
  readonly namespace: string;
  readonly name: string;
}

/** Of a kubelet's TokenRequest: for a Pod of its own, and for whom that Pod wants a token. Errors: 403, 404. */
export function restrictToken(spec: Fields, { namespace, name }: Account, { user, store }: Context): void {
  const node = nodeOf(user);
  if (node === undefined) return;
  const why = unboundReason(spec) ?? strangeReason(spec, boundPod(spec, namespace, store), node, user.name);
  if (why !== undefined) throw forbidden({ group: '', resource: 'serviceaccounts', name }, why);
}

function unboundReason({ boundObjectRef }: Fields): string | undefined {
  const { apiVersion, kind, name, uid } = fieldsOf(boundObjectRef);
  if (apiVersion !== 'v1' || kind !== 'Pod' || textOf(name) === '')
    return 'node requested token not bound to a pod';
  return textOf(uid) === '' ? 'node requested token with a pod binding without a uid' : undefined;
}

function boundPod({ boundObjectRef }: Fields, namespace: string, store: Store): ApiObject {
  const name = textOf(fieldsOf(boundObjectRef)['name']);
  const pod = store.get('/pods', `${namespace}/${name}`);
  if (pod === undefined) throw notFound({ group: '', resource: 'pod', name });
  return pod;
}

function strangeReason(spec: Fields, pod: ApiObject, node: string, user: string): string | undefined {
  const uid = textOf(fieldsOf(spec['boundObjectRef'])['uid']);
  const differs = `the UID in the bound object reference (${uid}) does not match the UID in record`;
  if (uid !== pod.metadata.uid) return `${differs}. The object might have been deleted and then recreated`;
  if (nodeNameOf(pod) !== node) return 'node requested token bound to a pod scheduled on a different node';
  const [audience = '', ...others] = textsOf(spec['audiences']);
  if (others.length > 0) return 'node may only request 0 or 1 audiences';
  const wanted = tokensIn(listOf(pod.spec?.['volumes']).map(fieldsOf));
  if (wanted.some((token) => textOf(token['audience']) === audience)) return undefined;
  const may = `${user} is not authorized to request tokens for this audience`;
  return `audience ${quoted(audience)} not found in pod spec volume, ${may}`;
}
