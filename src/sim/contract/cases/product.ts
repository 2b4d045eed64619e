// What the product itself sends: its Pods, its requests, its own kind.
import { readDefinition } from '../../../../test/kube/crd.ts';
import { defaultConfiguration } from '../../../controller/configuration.ts';
import { capturePods, rotatePod, scanPod } from '../../../controller/pods.ts';
import { namespace, type Case } from './case.ts';
import type { Talk } from '../talk.ts';
import { eventually } from '../eventually.ts';

const node = {
  metadata: { name: 'n1', uid: 'node-uid', labels: { 'node-role.kubernetes.io/control-plane': '' } },
};
const rotation = {
  metadata: { name: 'n1-abc-1', uid: 'rotation-uid' },
  spec: { nodeName: 'n1', nodeUID: 'node-uid', certificates: ['apiserver.crt'], reason: 'Due' },
} as const;

const plain = (name: string, spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'registry:5000/some/image' }], ...spec },
});

const pods: Case = {
  name: 'pods',
  run: async (talk) => {
    await namespace(talk, 'cluster-cert-rotator');
    const ns = await namespace(talk, 'pods');
    const path = '/api/v1/namespaces/cluster-cert-rotator/pods';
    const captures = capturePods(() => defaultConfiguration);
    const made = [
      scanPod(node, defaultConfiguration, { parts: 2 }),
      rotatePod(node, rotation, defaultConfiguration, {}),
      captures.harvest({ node, clusterUID: 'cluster', publicKey: 'key' }),
    ];
    for (const body of made) await talk.say('POST', path, { body });
    await talk.say('POST', `${ns}/pods`, { body: plain('plain') });
    await talk.say('POST', `${ns}/pods`, { body: plain('none', { containers: [] }) });
    await talk.say('POST', `${ns}/pods`, {
      body: plain('nameless', { containers: [{ image: 'i' }, { name: 'X', image: '' }] }),
    });
    await talk.say('POST', `${ns}/pods`, { body: plain('policy', { restartPolicy: 'Sometimes' }) });
    await talk.say('POST', `${ns}/pods`, { body: plain('class', { priorityClassName: 'no-such-class' }) });
    await talk.say('POST', `${ns}/pods`, {
      body: plain('mount', {
        containers: [{ name: 'c', image: 'i', volumeMounts: [{ name: 'v', mountPath: '/v' }] }],
      }),
    });
  },
};

const pod = (name: string, spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    nodeName: 'n1',
    terminationGracePeriodSeconds: 5,
    containers: [{ name: 'c', image: 'i:1' }],
    ...spec,
  },
});

const podLife: Case = {
  name: 'life of a pod',
  run: async (talk) => {
    const ns = await namespace(talk, 'life');
    const path = `${ns}/pods`;
    const made = await talk.say('POST', path, { body: pod('one') });
    const uid = made.body.metadata?.uid;
    await talk.say('PATCH', `${path}/one/status`, {
      body: { status: { phase: 'Running', containerStatuses: [] }, spec: { nodeName: 'elsewhere' } },
    });
    await talk.say('PATCH', `${path}/one`, { body: { status: { phase: 'Failed' } } });
    await talk.say('GET', `${path}?fieldSelector=spec.nodeName%3Dn1`);
    await talk.say('GET', `${path}?fieldSelector=status.phase%3DPending`);
    await talk.say('DELETE', `${path}/one`);
    await talk.say('DELETE', `${path}/one`);
    await talk.say('GET', `${path}/one`);
    await talk.say('DELETE', `${path}/one`, {
      body: { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0, preconditions: { uid } },
    });
    await talk.say('GET', `${path}/one`);
    await talk.quietly('POST', path, { body: pod('ended') });
    await talk.quietly('PATCH', `${path}/ended/status`, { body: { status: { phase: 'Succeeded' } } });
    await talk.say('DELETE', `${path}/ended`);
    await talk.say('GET', `${path}/ended`);
    await talk.quietly('POST', path, { body: pod('unbound', { nodeName: '' }) });
    await talk.say('DELETE', `${path}/unbound`);
    await talk.say('GET', `${path}/unbound`);
    await talk.quietly('POST', path, { body: pod('forced') });
    await talk.say('DELETE', `${path}/forced`, { body: { gracePeriodSeconds: 0 } });
    await talk.say('GET', `${path}/forced`);
  },
};

const csrs = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
/** Of `openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x`. */
const request = Buffer.from(
  `-----BEGIN CERTIFICATE REQUEST-----
MIHFMG4CAQAwDDEKMAgGA1UEAwwBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
BMEIrogh/muhasR1tRizjFEgcPj7q2E9o/j3ZIUuQ1E08rd+5YYBAdftyPQhV3sh
/9NhCRSh5H3vfyz6np3c+magADAKBggqhkjOPQQDAgNHADBEAiAtU/ozep5WsD91
ia0DB0dBIuEIuWEzAJTlH0t1XcTWDQIgOi59NTJIb436FG/NsNSX60PQNlz9L5xJ
EIwnjE/f+fQ=
-----END CERTIFICATE REQUEST-----
`,
).toString('base64');
const spec = {
  request,
  signerName: 'certrotator.cpaas.io/node',
  usages: ['digital signature', 'client auth'],
};

const csr = (name: string, more: object = {}): object => ({
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name },
  spec: { ...spec, ...more },
});

const condition = (type: string): object => ({ type, status: 'True', reason: 'Because', message: 'so' });

const approve = (...types: string[]): object => ({ status: { conditions: types.map(condition) } });

const signing: Case = {
  name: 'certificate signing requests',
  run: async (talk) => {
    const erin = { user: 'erin', groups: ['team'] } as const;
    await allow(
      talk,
      'csr-maker',
      [
        {
          apiGroups: ['certificates.k8s.io'],
          resources: [
            'certificatesigningrequests',
            'certificatesigningrequests/approval',
            'certificatesigningrequests/status',
          ],
          verbs: ['*'],
        },
      ],
      'erin',
    );
    await talk.say('POST', csrs, {
      as: erin,
      body: csr('one', { username: 'kubernetes-admin', groups: ['system:masters'] }),
    });
    await talk.say('POST', csrs, {
      body: csr('two', { request: Buffer.from('nonsense').toString('base64') }),
    });
    await talk.say('POST', csrs, { body: csr('three', { usages: [], signerName: '' }) });
    await talk.say('POST', csrs, { body: csr('four', { signerName: 'no-path', usages: ['fly'] }) });
    await talk.say('PATCH', `${csrs}/one`, {
      body: { spec: { usages: ['server auth'] }, status: { certificate: 'eA==' } },
    });
    await talk.say('PATCH', `${csrs}/one/approval`, { as: erin, body: approve('Approved') });
    await talk.say('PATCH', `${csrs}/one/status`, { as: erin, body: { status: { certificate: request } } });
    await talk.say('PATCH', `${csrs}/one/status`, { body: approve('Approved') });
    await talk.say('PATCH', `${csrs}/one/approval`, { body: approve('Approved') });
    await talk.say('PATCH', `${csrs}/one/approval`, { body: approve('Approved', 'Denied') });
    await talk.say('PATCH', `${csrs}/one/approval`, { body: { status: { conditions: [] } } });
    await talk.say('PATCH', `${csrs}/one/approval`, { body: { status: { certificate: request } } });
    await talk.say('PATCH', `${csrs}/one/status`, { body: { status: { conditions: null } } });
    await talk.say('PATCH', `${csrs}/one/status`, { body: approve('Approved', 'Failed') });
    await talk.say('PATCH', `${csrs}/one/status`, { body: { status: { certificate: request } } });
    const certificate = Buffer.from(talk.server.caPem).toString('base64');
    const signed = await talk.quietly('PATCH', `${csrs}/one/status`, { body: { status: { certificate } } });
    if (signed.status !== 200) throw new Error(signed.text);
    await talk.say('PATCH', `${csrs}/one/status`, { body: { status: { certificate: request } } });
    await talk.say('GET', `${csrs}?fieldSelector=spec.signerName%3Dexample.com/other`);
    await talk.say('DELETE', `${csrs}/one`);
    await talk.say('POST', csrs, {
      body: csr('masters', { signerName: 'kubernetes.io/kube-apiserver-client' }),
    });
  },
};

async function allow(talk: Talk, name: string, rules: object[], user: string): Promise<void> {
  const base = '/apis/rbac.authorization.k8s.io/v1';
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  await talk.quietly('POST', `${base}/clusterroles`, {
    body: { apiVersion, kind: 'ClusterRole', metadata: { name }, rules },
  });
  await talk.quietly('POST', `${base}/clusterrolebindings`, {
    body: {
      apiVersion,
      kind: 'ClusterRoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    },
  });
  const may = async (): Promise<boolean> =>
    (await talk.quietly('GET', csrs, { as: { user, groups: ['team'] } })).status === 200;
  await eventually(may, { seconds: 5, otherwise: 'the rights are not in force' });
}

const rotations = '/apis/certrotator.cpaas.io/v1alpha1/certificaterotations';

const custom = (name: string, spec: object | undefined, more: object = {}): object => ({
  apiVersion: 'certrotator.cpaas.io/v1alpha1',
  kind: 'CertificateRotation',
  metadata: { name },
  ...(spec === undefined ? {} : { spec }),
  ...more,
});

const ownKind: Case = {
  name: 'certificate rotations',
  run: async (talk) => {
    await talk.say('GET', rotations);
    await talk.quietly('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
      body: readDefinition(),
    });
    await served(talk);
    await talk.say('GET', rotations);
    const good = { nodeName: 'n1', nodeUID: 'u', certificates: ['apiserver.crt'], reason: 'Due' };
    const made = await talk.say('POST', rotations, {
      body: custom('one', good, { status: { phase: 'Running' } }),
    });
    await talk.say('POST', rotations, { body: custom('default', { ...good, reason: undefined }) });
    await talk.say('POST', rotations, {
      body: custom('pruned', { ...good, path: '/etc/passwd' }, { extra: 1 }),
    });
    const wrong: readonly [string, object | undefined][] = [
      ['no-spec', undefined],
      ['missing', {}],
      ['type', { ...good, nodeName: 1 }],
      ['not-a-list', { ...good, certificates: 'x' }],
      ['empty', { ...good, nodeName: '' }],
      ['none', { ...good, certificates: [] }],
      ['many', { ...good, certificates: Array.from({ length: 20 }, () => 'apiserver.crt') }],
      ['reason', { ...good, reason: 'Whim' }],
      ['items', { ...good, certificates: ['nonsense'] }],
      ['twice', { ...good, certificates: ['apiserver.crt', 'apiserver.crt'] }],
      ['long', { ...good, nodeUID: 'x'.repeat(64) }],
    ];
    for (const [name, spec] of wrong) await talk.say('POST', rotations, { body: custom(name, spec) });
    const path = `${rotations}/one`;
    await talk.say('PATCH', path, { body: { spec: { nodeName: 'n2' } } });
    await talk.say('PATCH', path, {
      body: { metadata: { annotations: { 'certrotator.cpaas.io/approved': 'true' } } },
    });
    await talk.say('PATCH', path, { body: { status: { phase: 'Running' } } });
    await talk.say('PATCH', `${path}/status`, {
      body: {
        status: { phase: 'Running', attempts: 1, unknown: true, dueAt: '2030-01-01T00:00:00Z' },
        spec: { nodeName: 'n3' },
      },
    });
    for (const status of [
      { phase: 'Flying' },
      { dueAt: 'soon' },
      { attempts: 1.5 },
      { conditions: [condition('Ready')] },
      { conditions: [{ ...condition('Ready'), lastTransitionTime: 7 }] },
      { steps: [{ name: 'a' }, { name: 1 }] },
    ]) {
      await talk.say('PATCH', `${path}/status`, { body: { status } });
    }
    await talk.say('PATCH', path, { body: { spec: { nodeName: 7 } } });
    await talk.say('PUT', path, { body: custom('one', good) });
    await talk.say('PUT', path, { body: { ...custom('one', good), metadata: made.body.metadata } });
    await talk.say('GET', `${rotations}?fieldSelector=metadata.name%3Done`);
    await talk.say('GET', `${rotations}?fieldSelector=spec.nodeName%3Dn1`);
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    await talk.say('GET', `${rotations}?fieldSelector=metadata.name%3Done`, { accept });
    await talk.say('GET', path, { accept });
    await talk.watch(`${rotations}?watch=true&fieldSelector=metadata.name%3Done`, 1);
    const whole = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
    await talk.watch(`${rotations}?watch=true&fieldSelector=metadata.name%3Done&${whole}`, 2);
    await talk.say('DELETE', path);
    await talk.say('GET', path);
    await talk.say('POST', rotations, { text: '{' });
    await talk.say('POST', rotations, { body: { ...custom('kind', good), kind: 'Other' } });
    await talk.say('POST', rotations, { body: custom('Bad_Name', good) });
    await talk.say('POST', path, { body: custom('one', good) });
    await talk.say('GET', `${path}/scale`);
    await talk.say('GET', '/apis/certrotator.cpaas.io/v1/certificaterotations');
  },
};

async function served(talk: Talk): Promise<void> {
  const isServed = async (): Promise<boolean> => (await talk.quietly('GET', rotations)).status === 200;
  await eventually(isServed, { seconds: 10, otherwise: 'CertificateRotations are not served' });
}

export const productCases: readonly Case[] = [pods, podLife, signing, ownKind];
