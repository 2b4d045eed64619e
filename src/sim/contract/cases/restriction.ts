// What a kubelet may write (admission plugin NodeRestriction): that no node makes itself a control plane rests on it (R6),
// and that a Pod's token is asked for by its own node alone (R7).
import { namespace, type Case } from './case.ts';
import type { Talk } from '../talk.ts';
import { eventually } from '../eventually.ts';

const nodes = '/api/v1/nodes';
const role = 'node-role.kubernetes.io/control-plane';
const kubelet = { user: 'system:node:r1', groups: ['system:nodes'] } as const;

const node = (name: string, labels: Record<string, string> = {}): object => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels },
});

const ownNode: Case = {
  name: 'what a kubelet may write of nodes',
  run: async (talk) => {
    await talk.say('POST', nodes, { as: kubelet, body: node('r1', { [role]: '', 'k8s.io/x': '' }) });
    await talk.say('POST', nodes, { as: kubelet, body: node('r2') });
    await talk.say('POST', nodes, {
      as: kubelet,
      body: node('r1', {
        'kubernetes.io/hostname': 'r1',
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'node.kubernetes.io/instance-type': 'm',
        'x.kubelet.kubernetes.io/own': 'yes',
        'example.com/rack': '1',
      }),
    });
    await talk.quietly('POST', nodes, { body: node('r2') });
    const patch = async (path: string, body: object): Promise<unknown> =>
      talk.say('PATCH', `${nodes}/${path}`, { as: kubelet, body });
    await patch('r1', { metadata: { labels: { [role]: '' } } });
    await patch('r1/status', { metadata: { labels: { [role]: '' } } });
    await patch('r1', {
      metadata: { labels: { 'node-restriction.kubernetes.io/x': '', 'a.k8s.io/y': '', 'example.com/z': '' } },
    });
    await patch('r1', {
      metadata: { labels: { 'example.com/rack': '2' }, annotations: { 'a.k8s.io/b': 'c' } },
    });
    await patch('r1', { spec: { taints: null } });
    await patch('r1/status', { spec: { taints: null } });
    await patch('r1', {
      metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'r2', uid: 'u' }] },
    });
    await patch('r1', { spec: { unschedulable: true } });
    await patch('r2', { metadata: { annotations: { note: 'x' } } });
    await patch('r2/status', { status: { conditions: [] } });
    await talk.quietly('PATCH', `${nodes}/r1`, { body: { metadata: { labels: { [role]: '' } } } });
    await patch('r1', { metadata: { labels: { [role]: null } } });
    await patch('r1/status', { metadata: { labels: { [role]: null } } });
    await patch('r1/status', { status: { nodeInfo: { machineID: 'm' } } });
    await talk.say('DELETE', `${nodes}/r2`, { as: kubelet });
    const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'r2' }, spec: {} };
    await talk.say('POST', leases, { as: kubelet, body: lease });
  },
};

interface PodWish {
  readonly node?: string;
  readonly isMirror?: boolean;
  readonly owners?: readonly object[];
  readonly spec?: object;
}

const pod = (name: string, { node = 'r3', isMirror = true, owners = [], spec = {} }: PodWish): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    annotations: isMirror ? { 'kubernetes.io/config.mirror': 'hash' } : {},
    ownerReferences: owners,
  },
  spec: { nodeName: node, containers: [{ name: 'c', image: 'i' }], ...spec },
});

const volume = (source: object): object => ({ volumes: [{ name: 'v', ...source }] });

const third = { user: 'system:node:r3', groups: ['system:nodes'] } as const;

const ownPods: Case = {
  name: 'what a kubelet may write of pods',
  run: async (talk) => {
    const ns = await namespace(talk, 'restricted');
    const pods = `${ns}/pods`;
    const made = await talk.quietly('POST', nodes, { body: node('r3') });
    const uid = made.body.metadata?.uid ?? '';
    const owner = { apiVersion: 'v1', kind: 'Node', name: 'r3', uid, controller: true };
    const good = pod('good', { owners: [owner] });
    await settled(talk, pods, good);
    const token = { sources: [{ serviceAccountToken: { path: 'token' } }] };
    for (const body of [
      pod('plain', { isMirror: false, owners: [owner] }),
      pod('elsewhere', { node: 'r4', owners: [owner] }),
      pod('orphan', {}),
      pod('two', { owners: [owner, { ...owner, name: 'r4', uid: 'u', controller: false }] }),
      pod('other', { owners: [{ ...owner, name: 'r4' }] }),
      pod('loose', { owners: [{ ...owner, controller: false }] }),
      pod('blocking', { owners: [{ ...owner, blockOwnerDeletion: true }] }),
      pod('account', { owners: [owner], spec: { serviceAccountName: 'robot' } }),
      pod('secret', { owners: [owner], spec: volume({ secret: { secretName: 's' } }) }),
      pod('map', { owners: [owner], spec: volume({ configMap: { name: 'm' } }) }),
      pod('token', { owners: [owner], spec: volume({ projected: token }) }),
      good,
    ]) {
      await talk.say('POST', pods, { as: third, body });
    }
    await talk.say('PATCH', `${pods}/good/status`, { as: third, body: { status: { phase: 'Running' } } });
    await talk.say('PATCH', `${pods}/good/status`, { as: third, body: { metadata: { labels: { a: 'b' } } } });
    await talk.say('PATCH', `${pods}/good`, { as: third, body: { metadata: { labels: { a: 'b' } } } });
    await talk.quietly('POST', pods, { body: pod('theirs', { node: 'r4', isMirror: false }) });
    const isKnown = async (): Promise<boolean> =>
      (await talk.quietly('DELETE', `${pods}/theirs?dryRun=All`, { as: third })).status === 403;
    await eventually(isKnown, { seconds: 5, otherwise: 'the kubelet may delete the Pod of another node' });
    await talk.say('PATCH', `${pods}/theirs/status`, { as: third, body: { status: { phase: 'Failed' } } });
    await talk.say('DELETE', `${pods}/theirs`, { as: third });
    const options = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 };
    await talk.say('DELETE', `${pods}/good`, { as: third, body: options });
  },
};

/** The real server's plugin reads nodes from a cache of its own. */
async function settled(talk: Talk, pods: string, body: object): Promise<void> {
  const may = async (): Promise<boolean> =>
    (await talk.quietly('POST', `${pods}?dryRun=All`, { as: third, body })).status === 201;
  await eventually(may, { seconds: 5, otherwise: 'the kubelet may not create a mirror Pod' });
}

const ask = (ref: object | undefined, more: object = {}): object => ({
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenRequest',
  spec: {
    expirationSeconds: 600,
    ...(ref === undefined ? {} : { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', ...ref } }),
    ...more,
  },
});

const tokens: Case = {
  name: 'whose tokens a kubelet gets',
  run: async (talk) => {
    const ns = await namespace(talk, 'tokens');
    await talk.quietly('POST', `${ns}/serviceaccounts`, {
      body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot' } },
    });
    const projected = { sources: [{ serviceAccountToken: { path: 'token' } }] };
    const make = async (name: string, node: string): Promise<string> => {
      const spec = { serviceAccountName: 'robot', volumes: [{ name: 'v', projected }] };
      const made = await talk.quietly('POST', `${ns}/pods`, {
        body: pod(name, { node, isMirror: false, spec }),
      });
      return made.body.metadata?.uid ?? '';
    };
    // In this order: who knows the second one knows the first.
    const other = await make('theirs', 'r4');
    const uid = await make('own', 'r3');
    const path = `${ns}/serviceaccounts/robot/token`;
    const may = async (): Promise<boolean> =>
      (await talk.quietly('POST', path, { as: third, body: ask({ name: 'own', uid }) })).status === 201;
    await eventually(may, { seconds: 5, otherwise: 'the kubelet gets no token for its own Pod' });
    for (const body of [
      ask(undefined),
      ask({ name: 'own' }),
      ask({ name: 'own', uid: other }),
      ask({ name: 'none', uid }),
      ask({ name: 'theirs', uid: other }),
      ask({ name: 'own', uid }, { audiences: ['vault'] }),
      ask({ name: 'own', uid }, { audiences: ['vault', 'other'] }),
    ]) {
      await talk.say('POST', path, { as: third, body });
    }
    await talk.say('POST', `${ns}/serviceaccounts/none/token`, {
      as: third,
      body: ask({ name: 'own', uid }),
    });
  },
};

export const restrictionCases: readonly Case[] = [ownNode, ownPods, tokens];
