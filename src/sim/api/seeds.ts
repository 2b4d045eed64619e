// What is there in every cluster before anybody writes: namespaces, the rights of all users, priority classes.
import { createObject } from './create.ts';
import { apiVersionOf, type Context } from './kinds.ts';
import type { ApiObject, Fields } from './objects.ts';
import { builtinKinds } from './table.ts';

const rbac = 'rbac.authorization.k8s.io';
const group = (name: string): Fields => ({ kind: 'Group', apiGroup: rbac, name });
const reads = (nonResourceURLs: readonly string[]): Fields => ({ nonResourceURLs, verbs: ['get'] });

const health = ['/healthz', '/livez', '/readyz', '/version', '/version/'];
const discovery = [
  '/api',
  '/api/*',
  '/apis',
  '/apis/*',
  '/healthz',
  '/livez',
  '/openapi',
  '/openapi/*',
  '/readyz',
];

interface Role {
  readonly rules: readonly Fields[];
  readonly subjects: readonly Fields[];
}

const create = (apiGroup: string, resources: readonly string[]): Fields => ({
  apiGroups: [apiGroup],
  resources,
  verbs: ['create'],
});

const roles: Readonly<Record<string, Role>> = {
  'cluster-admin': {
    rules: [
      { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
      { nonResourceURLs: ['*'], verbs: ['*'] },
    ],
    subjects: [group('system:masters')],
  },
  'system:discovery': {
    rules: [reads([...discovery, '/version', '/version/'])],
    subjects: [group('system:authenticated')],
  },
  'system:basic-user': {
    rules: [
      create('authorization.k8s.io', ['selfsubjectaccessreviews', 'selfsubjectrulesreviews']),
      create('authentication.k8s.io', ['selfsubjectreviews']),
    ],
    subjects: [group('system:authenticated')],
  },
  // Who makes a Deployment's Pods; the chart's policies know it.
  'system:controller:replicaset-controller': {
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['create', 'delete', 'list', 'patch', 'watch'] }],
    subjects: [{ kind: 'ServiceAccount', name: 'replicaset-controller', namespace: 'kube-system' }],
  },
  'system:public-info-viewer': {
    rules: [reads(health)],
    subjects: [group('system:authenticated'), group('system:unauthenticated')],
  },
};

const rightsOf = ([name, { rules, subjects }]: [string, Role]): [string, Fields][] => [
  ['clusterroles', { metadata: { name }, rules }],
  [
    'clusterrolebindings',
    { metadata: { name }, roleRef: { apiGroup: rbac, kind: 'ClusterRole', name }, subjects },
  ],
];

const seeds: readonly [string, Fields][] = [
  ...['default', 'kube-system', 'kube-public', 'kube-node-lease'].map((name): [string, Fields] => [
    'namespaces',
    { metadata: { name } },
  ]),
  ...Object.entries(roles).flatMap(rightsOf),
  ['priorityclasses', { metadata: { name: 'system-node-critical' }, value: 2_000_001_000 }],
  ['priorityclasses', { metadata: { name: 'system-cluster-critical' }, value: 2_000_000_000 }],
  [
    'services',
    {
      metadata: {
        name: 'kubernetes',
        namespace: 'default',
        labels: { component: 'apiserver', provider: 'kubernetes' },
      },
      spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443, targetPort: 6443 }] },
    },
  ],
];

export function plantSeeds(context: Context): void {
  for (const [plural, fields] of seeds) {
    const kind = builtinKinds.find((one) => one.plural === plural);
    if (kind === undefined) throw new TypeError(`no kind has the plural ${plural}`);
    const object: ApiObject = {
      metadata: {},
      ...structuredClone(fields),
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
    };
    createObject({ kind, namespace: object.metadata.namespace }, object, context, { dryRun: false });
  }
}
