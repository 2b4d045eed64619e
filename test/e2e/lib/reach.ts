// What somebody who owns a worker would try: calls to the API, none of which may succeed.
import type { Bed } from './bed.ts';
import { kubectlOf, type KubeObject } from './kubectl.ts';
import { privateNamespace, publicNamespace } from './product.ts';

/** What is tried, kubectl's words, and the object for its standard input. */
export type Try = readonly [what: string, words: readonly string[], input?: object];

const inPrivate = ['-n', privateNamespace];
const inPublic = ['-n', publicNamespace];

/** Calls that neither a worker's kubelet nor an agent may make; more for each. */
export async function reach(bed: Bed, who: 'kubelet' | 'agent'): Promise<readonly Try[]> {
  const admin = kubectlOf(bed);
  const all = await admin.list('pods', privateNamespace);
  const controller = all.find(({ metadata }) => metadata.name.startsWith('cluster-cert-rotator-controller-'));
  if (controller === undefined) throw new Error('the controller has no Pod');
  const nodes = await admin.list('nodes');
  const common = [
    ...secrets,
    ...nodes.flatMap(pods),
    ...entering(controller.metadata.name),
    ...objects,
    ...tokens(controller),
  ];
  return [...common, ...(who === 'kubelet' ? asNode : asAgent)];
}

const secrets: readonly Try[] = [
  ['GET the KEK', [...inPrivate, 'get', 'secret', 'cluster-cert-rotator-kek']],
  ['GET Secret kubernetes-ca', [...inPublic, 'get', 'secret', 'kubernetes-ca']],
  ['LIST Secrets beside the KEK', [...inPrivate, 'get', 'secrets']],
  ['LIST Secrets of all namespaces', ['get', 'secrets', '-A']],
];

function pods({ metadata: { name, uid } }: KubeObject): readonly Try[] {
  const create = ['create', '-f', '-'];
  return [
    [`CREATE a Pod with our mounts on ${name}`, create, ourPod(name)],
    [`CREATE such a mirror Pod on ${name}`, create, mirror(ourPod(name), { name, uid })],
  ];
}

interface Pod {
  readonly metadata: object;
  readonly [field: string]: unknown;
}

/** With the label and a mount of a rotate Pod. */
function ourPod(node: string): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `ours-${node}`,
      namespace: privateNamespace,
      labels: { 'certrotator.cpaas.io/kind': 'rotate' },
    },
    spec: {
      nodeName: node,
      containers: [
        {
          name: 'apply',
          image: 'localhost/cluster-cert-rotator-agent:dev',
          volumeMounts: [{ name: 'pki', mountPath: '/host/etc/kubernetes' }],
        },
      ],
      volumes: [{ name: 'pki', hostPath: { path: '/etc/kubernetes', type: 'Directory' } }],
    },
  };
}

/** As a kubelet shows a static Pod: the annotation, and the Node as its owner. */
function mirror(pod: Pod, node: { readonly name: string; readonly uid: string }): Pod {
  const annotations = { 'kubernetes.io/config.mirror': 'x', 'kubernetes.io/config.source': 'file' };
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', ...node, controller: true }];
  return { ...pod, metadata: { ...pod.metadata, annotations, ownerReferences } };
}

/** The very call: kubectl's own words would read the object first, and be stopped there. */
const raw = (verb: 'create' | 'replace' | 'get' | 'delete', path: string): readonly string[] => [
  verb,
  '--raw',
  path,
  ...(verb === 'create' || verb === 'replace' ? ['-f', '-'] : []),
];
const core = '/api/v1/namespaces';
const ours = '/apis/certrotator.cpaas.io/v1alpha1/certificaterotations';

function entering(name: string): readonly Try[] {
  const pod = `${core}/${privateNamespace}/pods/${name}`;
  return [
    ['EXEC into the controller', raw('create', `${pod}/exec?command=/usr/bin/node&stdout=true`), {}],
    ['ATTACH to the controller', raw('create', `${pod}/attach?stdout=true`), {}],
    ['PORT-FORWARD to the controller', raw('create', `${pod}/portforward?ports=9808`), {}],
    ['DEBUG the controller', raw('replace', `${pod}/ephemeralcontainers`), {}],
    ['read the controller’s log', raw('get', `${pod}/log`)],
    ['DELETE the controller’s Pod', raw('delete', pod)],
  ];
}

function tokens({ metadata: { name, uid } }: KubeObject): readonly Try[] {
  const bound = ['--bound-object-kind=Pod', `--bound-object-name=${name}`, `--bound-object-uid=${uid}`];
  return [
    ['TokenRequest for the controller', [...inPrivate, 'create', 'token', 'cluster-cert-rotator']],
    [
      'TokenRequest for the controller’s Pod on n1',
      [...inPrivate, 'create', 'token', 'cluster-cert-rotator', ...bound],
    ],
    ['TokenRequest for the agents', [...inPrivate, 'create', 'token', 'cluster-cert-rotator-agent']],
  ];
}

const rotation = {
  apiVersion: 'certrotator.cpaas.io/v1alpha1',
  kind: 'CertificateRotation',
  metadata: { name: 'by-a-stranger' },
  spec: { nodeName: 'n1', nodeUID: 'x', certificates: ['apiserver.crt'] },
};

const configMap = (namespace: string, name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
});

const objects: readonly Try[] = [
  ['CREATE a CertificateRotation', ['create', '-f', '-'], rotation],
  ['UPDATE a CertificateRotation’s status', raw('replace', `${ours}/w1-held/status`), rotation],
  ['LIST CertificateRotations', raw('get', ours)],
  ['DELETE CertificateRotations', raw('delete', ours)],
  [
    'UPDATE an inventory',
    raw('replace', `${core}/${publicNamespace}/configmaps/node-local-certs-w1`),
    configMap(publicNamespace, 'node-local-certs-w1'),
  ],
  [
    'UPDATE the configuration',
    raw('replace', `${core}/${privateNamespace}/configmaps/cluster-cert-rotator-config`),
    configMap(privateNamespace, 'cluster-cert-rotator-config'),
  ],
  [
    'UPDATE the Lease',
    raw('replace', `/apis/coordination.k8s.io/v1/namespaces/${privateNamespace}/leases/cluster-cert-rotator`),
    {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'cluster-cert-rotator', namespace: privateNamespace },
    },
  ],
  [
    'APPROVE a CSR',
    raw('replace', '/apis/certificates.k8s.io/v1/certificatesigningrequests/by-a-stranger/approval'),
    { apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest' },
  ],
  [
    'DELETE the admission policy',
    ['delete', 'validatingadmissionpolicybinding', 'cluster-cert-rotator-pods', '--wait=false'],
  ],
  ['be system:masters by impersonation', ['get', 'secrets', '-A', '--as=x', '--as-group=system:masters']],
];

const asNode: readonly Try[] = [
  [
    'LABEL its own Node as a control plane',
    ['label', 'node', 'w1', 'node-role.kubernetes.io/control-plane='],
  ],
  [
    'UPDATE another Node',
    raw('replace', '/api/v1/nodes/n1'),
    { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels: { x: 'y' } } },
  ],
];

const asAgent: readonly Try[] = [
  ['LIST Nodes', ['get', 'nodes']],
  ['LIST CSRs', ['get', 'csr']],
  ['LIST Pods beside its own', [...inPrivate, 'get', 'pods']],
];
