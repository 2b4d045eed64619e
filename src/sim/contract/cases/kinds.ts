// The kinds and what each does by itself: defaults, immutable fields, status, and what is refused.
import { configMap, namespace, type Case } from './case.ts';

const object = (kind: string, name: string, more: object = {}, apiVersion = 'v1'): object => ({
  apiVersion,
  kind,
  metadata: { name },
  ...more,
});

const secrets: Case = {
  name: 'secrets and configmaps',
  run: async (talk) => {
    const ns = await namespace(talk, 'secrets');
    const path = `${ns}/secrets`;
    const data = { key: Buffer.from('value').toString('base64') };
    await talk.say('POST', path, { body: object('Secret', 'one', { data }) });
    await talk.say('POST', path, { body: object('Secret', 'two', { stringData: { key: 'text' }, data }) });
    await talk.say('POST', path, { body: object('Secret', 'three', { type: 'example.com/own', data }) });
    await talk.say('PUT', `${path}/three`, { body: object('Secret', 'three', { type: 'Opaque', data }) });
    await talk.say('PATCH', `${path}/three`, { body: { immutable: true } });
    await talk.say('PATCH', `${path}/three`, { body: { data: { other: data.key } } });
    await talk.say('PATCH', `${path}/three`, { body: { immutable: false } });
    await talk.say('PATCH', `${path}/three`, { body: { metadata: { labels: { may: 'change' } } } });
    await talk.say('POST', path, { body: object('Secret', 'four', { data: { 'bad key!': data.key } }) });
    await talk.say('GET', `${path}?fieldSelector=type%3Dexample.com/own`);
    await talk.say('DELETE', `${path}/three`);
    const maps = `${ns}/configmaps`;
    await talk.say('POST', maps, {
      body: configMap('big', { data: { value: 'x'.repeat(1024 * 1024 + 1) } }),
    });
    await talk.say('POST', maps, { body: configMap('key', { data: { '..': 'x' } }) });
    await talk.say('POST', maps, { body: configMap('frozen', { immutable: true }) });
    await talk.say('PATCH', `${maps}/frozen`, { body: { data: { value: 'b' } } });
  },
};

const namespaces: Case = {
  name: 'namespaces',
  run: async (talk) => {
    const path = '/api/v1/namespaces';
    await talk.say('POST', path, { body: object('Namespace', 'spaces') });
    await talk.say('POST', path, { body: object('Namespace', 'with.dot') });
    await talk.say('PATCH', `${path}/spaces`, { body: { metadata: { labels: { a: 'b' } } } });
    await talk.say('GET', `${path}?fieldSelector=metadata.name%3Dspaces,status.phase%3DActive`);
    await talk.say('DELETE', `${path}/default`);
    await talk.say('DELETE', `${path}/nowhere`);
    for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
      await talk.say('GET', `${path}/${name}`);
    }
  },
};

const nodes: Case = {
  name: 'nodes',
  run: async (talk) => {
    const path = '/api/v1/nodes';
    const status = {
      conditions: [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ok' }],
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
      nodeInfo: { machineID: 'm', kubeletVersion: 'v1.34.4' },
    };
    await talk.say('POST', path, { body: object('Node', 'worker', { status }) });
    await talk.say('PATCH', `${path}/worker`, {
      body: { metadata: { annotations: { note: 'x' } }, status: { nodeInfo: { machineID: 'changed' } } },
    });
    await talk.say('PATCH', `${path}/worker/status`, {
      body: { status: { nodeInfo: { machineID: 'changed' } }, spec: { unschedulable: true } },
    });
    await talk.say('GET', `${path}/worker/status`);
    await talk.say('PATCH', `${path}/worker`, { body: { spec: { unschedulable: true } } });
    await talk.say('PATCH', `${path}/worker`, { body: { spec: { taints: null, unschedulable: null } } });
    await talk.say('POST', path, { body: object('Node', 'Bad_Name') });
    await talk.say('GET', `${path}?fieldSelector=metadata.name%3Dworker`);
    await talk.say('DELETE', `${path}/worker`);
  },
};

const events: Case = {
  name: 'events',
  run: async (talk) => {
    const ns = await namespace(talk, 'events');
    const about = { apiVersion: 'v1', kind: 'Pod', name: 'p', namespace: 'events', uid: 'u' };
    const time = '2030-01-01T00:00:00Z';
    const event = (name: string, more: object): object =>
      object('Event', name, {
        involvedObject: about,
        type: 'Normal',
        reason: 'Because',
        message: 'something happened',
        source: { component: 'cluster-cert-rotator' },
        reportingComponent: 'certrotator.cpaas.io/controller',
        reportingInstance: 'one',
        firstTimestamp: time,
        lastTimestamp: time,
        count: 1,
        ...more,
      });
    await talk.say('POST', `${ns}/events`, { body: event('one', {}) });
    await talk.say('POST', `${ns}/events`, { body: event('one', {}) });
    await talk.say('POST', `${ns}/events`, { body: event('two', { type: 'Warning' }) });
    await talk.say('POST', `${ns}/events`, {
      body: event('three', { involvedObject: { ...about, namespace: 'other' } }),
    });
    await talk.say('POST', `${ns}/events`, { body: object('Event', 'bare', { involvedObject: about }) });
    const cluster = { apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'n' };
    await talk.say('POST', `${ns}/events`, { body: event('cluster', { involvedObject: cluster }) });
    await talk.say('POST', '/api/v1/namespaces/default/events', {
      body: event('cluster', { involvedObject: cluster }),
    });
    await talk.say('PATCH', `${ns}/events/one`, {
      body: { count: 2, lastTimestamp: '2030-01-01T00:01:00Z', message: 'again' },
    });
    await talk.say(
      'GET',
      `${ns}/events?fieldSelector=${encodeURIComponent('involvedObject.kind=Pod,type=Warning')}`,
    );
    await talk.say('GET', `${ns}/events?fieldSelector=message%3Dx`);
  },
};

const lease = (name: string, spec: object, metadata: object = {}): object => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name, ...metadata },
  spec,
});

const leases: Case = {
  name: 'leases',
  run: async (talk) => {
    await namespace(talk, 'leases');
    const path = '/apis/coordination.k8s.io/v1/namespaces/leases/leases';
    const spec = {
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      renewTime: '2030-01-01T00:00:00.123000Z',
      acquireTime: '2030-01-01T00:00:00.123000Z',
      leaseTransitions: 0,
    };
    const made = await talk.say('POST', path, { body: lease('l', spec) });
    await talk.say('PUT', `${path}/l`, { body: lease('l', { ...spec, holderIdentity: 'you' }) });
    const { metadata } = made.body;
    await talk.say('PUT', `${path}/l`, { body: lease('l', { ...spec, holderIdentity: 'you' }, metadata) });
    await talk.say('PUT', `${path}/l`, { body: lease('l', spec, metadata) });
    await talk.say('PUT', `${path}/new`, { body: lease('new', spec) });
    await talk.say('POST', path, {
      body: lease('wrong', { ...spec, leaseDurationSeconds: 0, leaseTransitions: -1 }),
    });
    await talk.say('PATCH', `${path}/l`, { body: { spec: { holderIdentity: '' } } });
    await talk.say('GET', `${path}/none`);
    await talk.say('DELETE', `${path}/l`);
  },
};

const services: Case = {
  name: 'services',
  run: async (talk) => {
    const ns = await namespace(talk, 'services');
    const ports = [{ name: 'http', port: 8080, targetPort: 'http' }];
    const selector = { app: 'web' };
    const path = `${ns}/services`;
    const made = await talk.say('POST', path, {
      body: object('Service', 'frontend', { spec: { selector, ports } }),
    });
    await talk.say('PUT', `${path}/frontend`, {
      body: { ...made.body, spec: { ...made.body.spec, selector: { app: 'other' } } },
    });
    await talk.say('PATCH', `${path}/frontend`, { body: { spec: { clusterIP: '10.96.0.77' } } });
    await talk.say('POST', path, { body: object('Service', 'none', { spec: { selector } }) });
    await talk.say('POST', path, { body: object('Service', '1abc', { spec: { ports } }) });
    await talk.say('DELETE', `${path}/frontend`);
  },
};

const request = (spec: object): object => ({
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenRequest',
  spec,
});

const review = (token: string): object => ({
  apiVersion: 'authentication.k8s.io/v1',
  kind: 'TokenReview',
  spec: { token },
});

const accounts: Case = {
  name: 'service accounts and tokens',
  run: async (talk) => {
    const ns = await namespace(talk, 'accounts');
    const path = `${ns}/serviceaccounts`;
    await talk.say('POST', path, {
      body: object('ServiceAccount', 'robot', { automountServiceAccountToken: false }),
    });
    await talk.quietly('POST', `${ns}/pods`, {
      body: object('Pod', 'p', {
        spec: { serviceAccountName: 'robot', containers: [{ name: 'c', image: 'i' }] },
      }),
    });
    const issued = await talk.quietly('POST', `${path}/robot/token`, {
      body: request({ expirationSeconds: 600, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'p' } }),
    });
    const token = issued.body.status?.token ?? '';
    await talk.say('POST', `${path}/robot/token`, { body: request({ expirationSeconds: 60 }) });
    await talk.say('POST', `${path}/none/token`, { body: request({ expirationSeconds: 600 }) });
    await talk.say('POST', `${path}/robot/token`, {
      body: request({
        expirationSeconds: 600,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'none' },
      }),
    });
    await talk.say('GET', `${ns}/configmaps`, { as: 'anonymous', token });
    await talk.say('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { body: review('nonsense') });
    await talk.say('DELETE', `${path}/robot`);
  },
};

export const kindCases: readonly Case[] = [secrets, namespaces, nodes, events, leases, services, accounts];
