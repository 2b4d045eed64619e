// Who may do what: credentials, RBAC, the kubelet's rights, and the questions about rights.
import { configMap, namespace, type Case } from './case.ts';
import type { Talk } from '../talk.ts';
import { eventually } from '../eventually.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const rbacObject = (kind: string, name: string, more: object): object => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind,
  metadata: { name },
  ...more,
});
const roleRef = (kind: string, name: string): object => ({
  apiGroup: 'rbac.authorization.k8s.io',
  kind,
  name,
});

/** A role and its binding to a user, or to a group. */
async function grant(
  talk: Talk,
  ns: string | undefined,
  name: string,
  rules: object[],
  subject: object,
): Promise<void> {
  const [role, binding] = ns === undefined ? ['ClusterRole', 'ClusterRoleBinding'] : ['Role', 'RoleBinding'];
  const base = ns === undefined ? rbac : `${rbac}/namespaces/${ns}`;
  await talk.quietly('POST', `${base}/${role.toLowerCase()}s`, { body: rbacObject(role, name, { rules }) });
  await talk.quietly('POST', `${base}/${binding.toLowerCase()}s`, {
    body: rbacObject(binding, name, { roleRef: roleRef(role, name), subjects: [subject] }),
  });
}

const credentials: Case = {
  name: 'credentials',
  run: async (talk) => {
    await talk.say('GET', '/api/v1/nodes', { as: 'anonymous' });
    await talk.say('GET', '/healthz', { as: 'anonymous' });
    await talk.say('GET', '/version/', { as: 'stranger' });
    await talk.say('GET', '/api/v1/nodes', { as: 'stranger' });
    await talk.say('GET', '/api/v1/nodes', { as: 'anonymous', token: 'no-such-token' });
    await talk.say('GET', '/api/v1/nodes', { as: { user: 'alice' } });
    await talk.say('GET', '/metrics', { as: { user: 'alice' } });
    await talk.say('POST', '/metrics', { as: { user: 'alice' } });
    await talk.say('GET', '/nowhere', { as: { user: 'alice' } });
    await talk.say('GET', '/readyz', { as: { user: 'alice' } });
    await talk.say('GET', '/readyz', { as: 'anonymous' });
  },
};

const health: Case = {
  name: 'parts of health',
  run: async (talk) => {
    for (const kind of ['readyz', 'livez', 'healthz']) {
      await talk.say('GET', `/${kind}/etcd`);
      await talk.say('GET', `/${kind}/ping`);
      await talk.say('GET', `/${kind}/etcd`, { as: { user: 'alice' } });
    }
    await talk.say('GET', '/readyz/etcd', { as: 'anonymous' });
    await talk.say('GET', '/readyz/etcd', { as: 'stranger' });
    await talk.say('GET', '/readyz/nonsense');
    await talk.say('GET', '/readyz/nonsense', { as: { user: 'alice' } });
    await talk.say('GET', '/readyz', { as: 'stranger' });
  },
};

const refused: Case = {
  name: 'rbac',
  run: async (talk) => {
    const ns = await namespace(talk, 'rbac');
    const alice = { user: 'alice' } as const;
    const subject = { kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'alice' };
    await talk.quietly('POST', `${ns}/configmaps`, { body: configMap('mine') });
    await talk.quietly('POST', `${ns}/configmaps`, { body: configMap('other') });
    for (const [method, path] of [
      ['GET', `${ns}/configmaps`],
      ['GET', `${ns}/configmaps/mine`],
      ['GET', `${ns}/configmaps?watch=true`],
      ['DELETE', `${ns}/configmaps/mine`],
      ['DELETE', `${ns}/configmaps`],
      ['GET', '/api/v1/configmaps'],
      ['GET', '/api/v1/namespaces/rbac'],
      ['GET', '/api/v1/nodes/n1'],
      ['GET', '/apis/coordination.k8s.io/v1/namespaces/rbac/leases/l'],
      ['GET', '/apis/example.com/v1/gadgets'],
      ['GET', `${ns}/pods/p/log`],
    ] as const) {
      await talk.say(method, path, { as: alice });
    }
    await talk.say('POST', `${ns}/configmaps`, { as: alice, body: configMap('new') });
    await talk.say('PATCH', `${ns}/configmaps/mine`, { as: alice, body: {} });
    await talk.say('PATCH', `${ns}/pods/p/status`, { as: alice, body: {} });
    await talk.say('PUT', '/apis/certificates.k8s.io/v1/certificatesigningrequests/c/approval', {
      as: alice,
      body: {},
    });
    await grant(
      talk,
      'rbac',
      'mine',
      [
        {
          apiGroups: [''],
          resources: ['configmaps'],
          resourceNames: ['mine'],
          verbs: ['get', 'update', 'patch'],
        },
      ],
      subject,
    );
    await grant(
      talk,
      'rbac',
      'creator',
      [{ apiGroups: [''], resources: ['configmaps'], verbs: ['create'] }],
      subject,
    );
    await grant(
      talk,
      undefined,
      'prober',
      [
        { nonResourceURLs: ['/metrics/*'], verbs: ['get'] },
        { apiGroups: ['*'], resources: ['*/status'], verbs: ['patch'] },
      ],
      { ...subject, kind: 'Group', name: 'probers' },
    );
    await settled(talk);
    await talk.say('GET', `${ns}/configmaps/mine`, { as: alice });
    await talk.say('GET', `${ns}/configmaps/other`, { as: alice });
    await talk.say('GET', `${ns}/configmaps`, { as: alice });
    await talk.say('PATCH', `${ns}/configmaps/mine`, { as: alice, body: { data: { by: 'alice' } } });
    await talk.say('POST', `${ns}/configmaps`, { as: alice, body: configMap('hers') });
    await talk.say('POST', '/api/v1/namespaces/default/configmaps', { as: alice, body: configMap('hers') });
    await talk.say('GET', '/metrics/slis', { as: alice });
    await talk.say('PATCH', `${ns}/pods/p/status`, { as: { user: 'bob', groups: ['probers'] }, body: {} });
    await talk.say('PATCH', `${ns}/pods/p`, { as: { user: 'bob', groups: ['probers'] }, body: {} });
  },
};

/** The real server's authoriser reads roles from a cache of its own. */
async function settled(talk: Talk): Promise<void> {
  const may = async (): Promise<boolean> => {
    const heard = await talk.quietly('PATCH', '/api/v1/namespaces/default/pods/p/status', {
      as: { user: 'bob', groups: ['probers'] },
      body: {},
    });
    return heard.status !== 403;
  };
  await eventually(may, { seconds: 5, otherwise: 'the rights are not in force' });
}

const self = (spec: object): object => ({
  apiVersion: 'authorization.k8s.io/v1',
  kind: 'SelfSubjectAccessReview',
  spec,
});

const other = (spec: object): object => ({
  apiVersion: 'authorization.k8s.io/v1',
  kind: 'SubjectAccessReview',
  spec,
});

const questions: Case = {
  name: 'questions about rights',
  run: async (talk) => {
    await namespace(talk, 'questions');
    const carol = { user: 'carol' } as const;
    const path = '/apis/authorization.k8s.io/v1';
    const attributes = { namespace: 'questions', verb: 'get', resource: 'secrets' };
    await talk.say('POST', `${path}/selfsubjectaccessreviews`, {
      as: carol,
      body: self({ resourceAttributes: attributes }),
    });
    await talk.say('POST', `${path}/selfsubjectaccessreviews`, {
      body: self({ resourceAttributes: { ...attributes, group: '' } }),
    });
    await talk.say('POST', `${path}/selfsubjectaccessreviews`, {
      as: carol,
      body: self({ nonResourceAttributes: { path: '/apis', verb: 'get' } }),
    });
    await talk.say('POST', `${path}/selfsubjectaccessreviews`, { as: carol, body: self({}) });
    await talk.say('POST', `${path}/selfsubjectaccessreviews`, {
      as: 'anonymous',
      body: self({ resourceAttributes: attributes }),
    });
    await talk.say('POST', `${path}/subjectaccessreviews`, {
      as: carol,
      body: other({ user: 'dave', resourceAttributes: attributes }),
    });
    await talk.say('POST', `${path}/subjectaccessreviews`, {
      body: other({ user: 'dave', resourceAttributes: attributes }),
    });
    await talk.say('POST', `${path}/subjectaccessreviews`, {
      body: other({ user: 'dave', groups: ['system:masters'], resourceAttributes: attributes }),
    });
  },
};

const secret = (name: string): object => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name } });

const lease = (name: string): object => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name },
  spec: { holderIdentity: name, leaseDurationSeconds: 40 },
});

const kubelets: Case = {
  name: 'the kubelet',
  run: async (talk) => {
    const ns = await namespace(talk, 'kubelets');
    const kubelet = { user: 'system:node:k1', groups: ['system:nodes'] } as const;
    await talk.quietly('POST', '/api/v1/nodes', {
      body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'k1' } },
    });
    for (const name of ['used', 'unused'])
      await talk.quietly('POST', `${ns}/secrets`, { body: secret(name) });
    await talk.quietly('POST', `${ns}/pods`, {
      body: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'p' },
        spec: {
          nodeName: 'k1',
          containers: [{ name: 'c', image: 'i' }],
          volumes: [{ name: 's', secret: { secretName: 'used' } }],
        },
      },
    });
    await settledNode(talk, ns, kubelet);
    await talk.say('GET', `${ns}/secrets/used`, { as: kubelet });
    await talk.say('GET', `${ns}/secrets/unused`, { as: kubelet });
    await talk.say('GET', `${ns}/secrets`, { as: kubelet });
    await talk.say('PUT', `${ns}/secrets/used`, { as: kubelet, body: secret('used') });
    await talk.say('GET', `${ns}/pods/p`, { as: kubelet });
    await talk.say('GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dk1', { as: kubelet });
    await talk.say('GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles', { as: kubelet });
    const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    await talk.say('POST', leases, { as: kubelet, body: lease('k1') });
    await talk.say('GET', `${leases}/k1`, { as: kubelet });
    await talk.say('GET', `${leases}/k2`, { as: kubelet });
    await talk.say('GET', leases, { as: kubelet });
    await talk.say('GET', '/apis/coordination.k8s.io/v1/namespaces/default/leases/k1', { as: kubelet });
    await talk.say('PATCH', `${ns}/pods/p/status`, { as: kubelet, body: { status: { phase: 'Running' } } });
  },
};

async function settledNode(
  talk: Talk,
  ns: string,
  as: { user: string; groups: readonly string[] },
): Promise<void> {
  const may = async (): Promise<boolean> =>
    (await talk.quietly('GET', `${ns}/secrets/used`, { as })).status === 200;
  await eventually(may, { seconds: 5, otherwise: 'the kubelet may not read its Secret' });
}

const acting: Case = {
  name: 'acting as another',
  run: async (talk) => {
    const ns = await namespace(talk, 'acting');
    const path = `${ns}/configmaps`;
    await talk.say('GET', path, { actAs: { user: 'heidi' } });
    await talk.say('GET', path, { actAs: { user: 'heidi', groups: ['system:masters'] } });
    await talk.say('GET', path, { actAs: { user: 'system:serviceaccount:acting:robot' } });
    await talk.say('GET', path, { as: { user: 'ivan' }, actAs: { user: 'heidi' } });
    await talk.say('GET', path, {
      as: { user: 'ivan' },
      actAs: { user: 'system:serviceaccount:acting:robot' },
    });
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
    const reviews = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
    await talk.say('POST', reviews, { body, actAs: { user: 'heidi', groups: ['one', 'two'] } });
    await talk.say('POST', reviews, { body, actAs: { user: 'system:serviceaccount:acting:robot' } });
    await talk.say('POST', reviews, { body, as: { user: 'ivan', groups: ['team'] } });
  },
};

export const rightsCases: readonly Case[] = [credentials, health, refused, questions, kubelets, acting];
