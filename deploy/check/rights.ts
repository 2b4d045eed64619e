// What each identity of the chart may do, by the API server's own answer.
import { controller, namespace, review } from './api.ts';
import { report } from './report.ts';

/** Status of a SelfSubjectRulesReview. */
interface Rules {
  readonly resourceRules: readonly {
    readonly verbs: readonly string[];
    readonly apiGroups?: readonly string[];
    readonly resources?: readonly string[];
    readonly resourceNames?: readonly string[];
  }[];
  readonly nonResourceRules: readonly {
    readonly verbs: readonly string[];
    readonly nonResourceURLs?: readonly string[];
  }[];
  readonly incomplete: boolean;
  readonly evaluationError?: string;
}

/** What a ServiceAccount may do in a namespace beyond what every authenticated identity may. */
async function rights(account: string, where: string, home = namespace): Promise<string> {
  const who = `system:serviceaccount:${home}:${account}`;
  const { ok, text } = await review('SelfSubjectRulesReview', { namespace: where }, who);
  if (!ok) return `no answer: ${text}`;
  const { status }: { status: Rules } = JSON.parse(text);
  return [...resourceRights(status), ...otherRights(status)]
    .filter((line) => !/selfsubject|^clustertrustbundles|^\[\//.test(line))
    .toSorted()
    .join('\n');
}

/** As `kubectl auth can-i --list` has them: a line for each resource and name, with all its verbs. */
function resourceRights({ resourceRules }: Rules): string[] {
  const verbsOf = new Map<string, Set<string>>();
  for (const { apiGroups = [], resources = [], resourceNames = [], verbs } of resourceRules) {
    for (const group of apiGroups)
      for (const resource of resources)
        for (const name of resourceNames.length > 0 ? resourceNames : ['']) {
          const [plural, ...subresource] = resource.split('/');
          const inGroup = group === '' ? plural : `${plural}.${group}`;
          const line = `${[inGroup, ...subresource].join('/')} [] [${name}]`;
          verbsOf.set(line, new Set([...(verbsOf.get(line) ?? []), ...verbs]));
        }
  }
  return [...verbsOf].map(([line, verbs]) => `${line} [${[...verbs].toSorted().join(' ')}]`);
}

/** Paths; and that the list is not the whole. */
function otherRights({ nonResourceRules, incomplete, evaluationError = '' }: Rules): string[] {
  return [
    ...nonResourceRules.map(
      ({ nonResourceURLs = [], verbs }) => `[${nonResourceURLs.join(' ')}] [] [${verbs.join(' ')}]`,
    ),
    ...(incomplete ? [`the list may be incomplete: ${evaluationError}`] : []),
  ];
}

interface Question {
  readonly may: boolean;
  readonly verb: string;
  readonly resource: string;
  readonly group?: string;
  readonly subresource?: string;
  readonly name?: string;
  readonly namespace?: string;
}

const core: readonly Question[] = [
  { may: true, verb: 'get', resource: 'secrets', name: 'cluster-cert-rotator-kek', namespace },
  { may: false, verb: 'update', resource: 'secrets', name: 'cluster-cert-rotator-kek', namespace },
  { may: false, verb: 'delete', resource: 'secrets', name: 'cluster-cert-rotator-kek', namespace },
  { may: false, verb: 'list', resource: 'secrets', namespace },
  { may: true, verb: 'update', resource: 'secrets', name: 'cluster-cert-rotator-controller-tls', namespace },
  { may: false, verb: 'delete', resource: 'secrets', name: 'cluster-cert-rotator-controller-tls', namespace },
  { may: true, verb: 'get', resource: 'secrets', name: 'kubernetes-ca', namespace: 'cpaas-system' },
  { may: false, verb: 'get', resource: 'secrets', name: 'other', namespace: 'cpaas-system' },
  { may: false, verb: 'list', resource: 'secrets', namespace: 'kube-system' },
  { may: true, verb: 'create', resource: 'services', namespace: 'cpaas-system' },
  { may: true, verb: 'update', resource: 'services', name: 'frontend', namespace: 'cpaas-system' },
  { may: true, verb: 'delete', resource: 'services', name: 'frontend', namespace: 'cpaas-system' },
  { may: false, verb: 'update', resource: 'services', name: 'other', namespace: 'cpaas-system' },
  { may: false, verb: 'delete', resource: 'services', name: 'other', namespace: 'cpaas-system' },
  {
    may: true,
    verb: 'delete',
    resource: 'configmaps',
    name: 'cert-renew-checksums',
    namespace: 'cpaas-system',
  },
  { may: false, verb: 'delete', resource: 'configmaps', name: 'other', namespace: 'cpaas-system' },
  { may: false, verb: 'create', resource: 'services', namespace },
  { may: true, verb: 'create', resource: 'pods', namespace },
  { may: false, verb: 'update', resource: 'pods', namespace },
  { may: false, verb: 'create', resource: 'pods', namespace: 'kube-system' },
  { may: false, verb: 'create', resource: 'pods', subresource: 'exec', namespace },
  { may: false, verb: 'create', resource: 'serviceaccounts', subresource: 'token', namespace },
  { may: false, verb: 'patch', resource: 'nodes' },
];

const signers = { group: 'certificates.k8s.io', resource: 'signers' };
const requests = { group: 'certificates.k8s.io', resource: 'certificatesigningrequests' };
const others: readonly Question[] = [
  { may: true, verb: 'sign', ...signers, name: 'certrotator.cpaas.io/node' },
  { may: true, verb: 'approve', ...signers, name: 'certrotator.cpaas.io/node' },
  { may: false, verb: 'sign', ...signers, name: 'kubernetes.io/kube-apiserver-client-kubelet' },
  { may: false, verb: 'approve', ...signers, name: 'kubernetes.io/kubelet-serving' },
  {
    may: true,
    verb: 'get',
    group: 'apps',
    resource: 'deployments',
    name: 'cluster-cert-rotator-web',
    namespace: 'cpaas-system',
  },
  {
    may: false,
    verb: 'get',
    group: 'apps',
    resource: 'deployments',
    name: 'other',
    namespace: 'cpaas-system',
  },
  { may: false, verb: 'create', ...requests },
  { may: false, verb: 'get', ...requests },
  {
    may: true,
    verb: 'patch',
    group: 'certrotator.cpaas.io',
    resource: 'certificaterotations',
    subresource: 'status',
  },
  { may: false, verb: 'update', group: 'certrotator.cpaas.io', resource: 'certificaterotations' },
  {
    may: false,
    verb: 'update',
    group: 'admissionregistration.k8s.io',
    resource: 'validatingadmissionpolicies',
  },
  { may: false, verb: 'escalate', group: 'rbac.authorization.k8s.io', resource: 'clusterroles' },
];

async function ask({ may, ...attributes }: Question): Promise<void> {
  const spec = { user: controller, resourceAttributes: attributes };
  const { ok, text } = await review('SubjectAccessReview', spec);
  const { status }: { status?: { allowed: boolean } } = ok ? JSON.parse(text) : {};
  const why = ok ? `allowed: ${status?.allowed}` : text;
  const { verb, resource, subresource, name, namespace: where } = attributes;
  const what = [resource, subresource, name].filter((part) => part !== undefined).join('/');
  const place = where === undefined ? '' : ` in ${where}`;
  report(status?.allowed === may, `the controller may ${may ? '' : 'not '}${verb} ${what}${place}`, why);
}

/** What the dashboard shows. RBAC knows no prefixes: of the public namespace it may read every ConfigMap. */
function webRights(where: string): string {
  const everywhere = [
    'certificaterotations.certrotator.cpaas.io [] [] [list watch]',
    'nodes [] [] [list watch]',
  ];
  const more: Readonly<Record<string, readonly string[]>> = {
    'cpaas-system': ['configmaps [] [] [list watch]'],
    [namespace]: [
      'configmaps [] [cluster-cert-rotator-accepted-cas] [get]',
      'configmaps [] [cluster-cert-rotator-config] [get]',
      'leases.coordination.k8s.io [] [cluster-cert-rotator] [get]',
    ],
  };
  return [...everywhere, ...(more[where] ?? [])].toSorted().join('\n');
}

export async function checkRights(): Promise<void> {
  const signing = 'certificatesigningrequests.certificates.k8s.io [] [] [create get]';
  for (const where of [namespace, 'cpaas-system', 'kube-system', 'default']) {
    const agent = await rights('cluster-cert-rotator-agent', where);
    report(agent === signing, `in ${where} the agent may create and read signing requests, no more`, agent);
    const node = await rights('cluster-cert-rotator-node', where);
    report(node === '', `in ${where} the Pods without a token could do nothing with one`, node);
    const web = await rights('cluster-cert-rotator-web', where, 'cpaas-system');
    report(web === webRights(where), `in ${where} the web program may read what it shows, no more`, web);
  }
  for (const question of [...core, ...others]) await ask(question);
}
