// Objects as such: made, read, changed, conflicting, deleted.
import { configMap, namespace, type Case } from './case.ts';

const create: Case = {
  name: 'create and read',
  run: async (talk) => {
    const ns = await namespace(talk, 'create');
    await talk.say('POST', `${ns}/configmaps`, { body: configMap('one') });
    await talk.say('POST', `${ns}/configmaps`, { body: configMap('one') });
    await talk.say('GET', `${ns}/configmaps/one`);
    await talk.say('GET', `${ns}/configmaps/two`);
    await talk.say('POST', `${ns}/configmaps`, {
      body: configMap('', { metadata: { generateName: 'some-' } }),
    });
    await talk.say('POST', `${ns}/configmaps`, { body: configMap('', { metadata: {} }) });
    await talk.say('POST', `${ns}/configmaps`, { body: configMap('Not_A_Name') });
    await talk.say('POST', `${ns}/configmaps`, { body: configMap('x'.repeat(254)) });
    await talk.say('POST', `${ns}/configmaps`, {
      body: configMap('elsewhere', { metadata: { name: 'elsewhere', namespace: 'default' } }),
    });
    await talk.say('POST', '/api/v1/namespaces/nowhere/configmaps', { body: configMap('one') });
    await talk.say('POST', `${ns}/configmaps?dryRun=All`, { body: configMap('dry') });
    await talk.say('GET', `${ns}/configmaps/dry`);
    await talk.say('POST', `${ns}/configmaps`, {
      body: configMap('old', { metadata: { name: 'old', resourceVersion: '1' } }),
    });
    await talk.say('POST', `${ns}/configmaps`, {
      body: configMap('given', {
        metadata: {
          name: 'given',
          uid: '11111111-1111-1111-1111-111111111111',
          creationTimestamp: '2030-01-01T00:00:00Z',
          deletionTimestamp: '2030-01-01T00:00:00Z',
          generation: 7,
          labels: { a: 'b' },
          annotations: { 'example.com/c': 'd' },
        },
      }),
    });
    for (const labels of [{ 'bad key': 'x' }, { good: 'bad value!' }, { 'a/b/c': 'x' }, { '/a': 'x' }]) {
      await talk.say('POST', `${ns}/configmaps`, {
        body: configMap('labels', { metadata: { name: 'labels', labels } }),
      });
    }
    await talk.say('POST', `${ns}/configmaps`, {
      body: configMap('annotations', { metadata: { name: 'annotations', annotations: { 'a/b/c': 'x' } } }),
    });
    await talk.say('POST', `${ns}/configmaps`, {
      body: configMap('owners', {
        metadata: {
          name: 'owners',
          ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: '' }],
        },
      }),
    });
  },
};

const update: Case = {
  name: 'update and conflict',
  run: async (talk) => {
    const ns = await namespace(talk, 'update');
    const made = await talk.say('POST', `${ns}/configmaps`, { body: configMap('one') });
    const { metadata } = made.body;
    const path = `${ns}/configmaps/one`;
    await talk.say('PUT', path, { body: configMap('one', { metadata, data: { value: 'b' } }) });
    await talk.say('PUT', path, { body: configMap('one', { metadata, data: { value: 'c' } }) });
    await talk.say('PUT', path, { body: configMap('one', { data: { value: 'unconditional' } }) });
    await talk.say('PUT', path, { body: configMap('one', { data: { value: 'unconditional' } }) });
    await talk.say('PUT', path, { body: configMap('two') });
    await talk.say('PUT', `${ns}/configmaps/two`, { body: configMap('two') });
    await talk.say('PUT', path, {
      body: configMap('one', { metadata: { name: 'one', uid: '00000000-0000-0000-0000-000000000000' } }),
    });
    await talk.say('PUT', path, {
      body: configMap('one', { metadata: { name: 'one', namespace: 'default' } }),
    });
    await talk.say('PUT', `${path}?dryRun=All`, { body: configMap('one', { data: { value: 'dry' } }) });
    await talk.say('GET', path);
  },
};

const patch: Case = {
  name: 'merge patch',
  run: async (talk) => {
    const ns = await namespace(talk, 'patch');
    const made = await talk.say('POST', `${ns}/configmaps`, {
      body: configMap('one', { data: { a: '1', b: '2' } }),
    });
    const path = `${ns}/configmaps/one`;
    await talk.say('PATCH', path, { body: { data: { a: null, c: '3' }, metadata: { labels: { l: 'm' } } } });
    await talk.say('PATCH', path, { body: { data: { c: '3' } } });
    await talk.say('PATCH', path, { body: {} });
    await talk.say('PATCH', path, { body: { metadata: { labels: null } } });
    await talk.say('PATCH', path, {
      body: { metadata: { resourceVersion: made.body.metadata?.resourceVersion }, data: { c: '4' } },
    });
    await talk.say('PATCH', path, { body: { metadata: { name: 'two' } } });
    await talk.say('PATCH', path, { body: { metadata: { uid: '00000000-0000-0000-0000-000000000000' } } });
    await talk.say('PATCH', `${ns}/configmaps/none`, { body: { data: {} } });
    await talk.say('PATCH', path, { body: { data: { c: '5' } }, type: 'application/json' });
    await talk.say('PATCH', path, { body: { data: { c: '5' } }, type: 'text/plain' });
    await talk.say('PATCH', path, {
      body: { metadata: { annotations: { by: 'kubectl' } } },
      type: 'application/strategic-merge-patch+json',
    });
  },
};

const options = (preconditions: object): object => ({
  apiVersion: 'v1',
  kind: 'DeleteOptions',
  preconditions,
});

const remove: Case = {
  name: 'delete',
  run: async (talk) => {
    const ns = await namespace(talk, 'delete');
    const make = async (name: string, more: object = {}): Promise<string> => {
      const made = await talk.quietly('POST', `${ns}/configmaps`, { body: configMap(name, more) });
      return made.body.metadata?.uid ?? '';
    };
    const uid = await make('one');
    const path = `${ns}/configmaps/one`;
    await talk.say('DELETE', path, { body: options({ uid: '00000000-0000-0000-0000-000000000000' }) });
    await talk.say('DELETE', path, { body: options({ resourceVersion: '1' }) });
    await talk.say('DELETE', `${path}?dryRun=All`);
    await talk.say('DELETE', path, { body: options({ uid }) });
    await talk.say('DELETE', path, { body: options({ uid }) });
    await make('two');
    await talk.say('DELETE', `${ns}/configmaps/two?propagationPolicy=Background&gracePeriodSeconds=0`);
    const finalizers = ['example.com/keep'];
    await make('three', { metadata: { name: 'three', finalizers } });
    await talk.say('DELETE', `${ns}/configmaps/three`);
    await talk.say('DELETE', `${ns}/configmaps/three`);
    await talk.say('PATCH', `${ns}/configmaps/three`, {
      body: { metadata: { finalizers: ['example.com/keep', 'example.com/more'] } },
    });
    await talk.say('PATCH', `${ns}/configmaps/three`, { body: { data: { still: 'here' } } });
    await talk.say('PATCH', `${ns}/configmaps/three`, { body: { metadata: { finalizers: null } } });
    await talk.say('GET', `${ns}/configmaps/three`);
    await make('four');
    await talk.say('DELETE', `${ns}/configmaps/four`, {
      body: { ...options({}), propagationPolicy: 'Foreground' },
    });
    await make('five');
    await talk.say('DELETE', `${ns}/configmaps/five`, {
      body: { ...options({}), propagationPolicy: 'Orphan' },
    });
    await make('six', { metadata: { name: 'six', labels: { some: 'one' } } });
    await talk.say('DELETE', `${ns}/configmaps?labelSelector=some%3Done`);
    await talk.say('GET', `${ns}/configmaps/six`);
  },
};

const paths: Case = {
  name: 'paths methods and bodies',
  run: async (talk) => {
    const ns = await namespace(talk, 'paths');
    await talk.quietly('POST', `${ns}/configmaps`, { body: configMap('one') });
    await talk.say('GET', '/api/v1/gadgets');
    await talk.say('GET', `${ns}/gadgets`);
    await talk.say('GET', '/apis/example.com/v1/gadgets');
    await talk.say('GET', '/apis/apps/v9/deployments');
    await talk.say('GET', '/nowhere');
    await talk.say('GET', `${ns}/configmaps/one/status`);
    await talk.say('POST', `${ns}/configmaps/one`, { body: configMap('one') });
    await talk.say('PUT', `${ns}/configmaps`, { body: configMap('one') });
    await talk.say('PATCH', `${ns}/configmaps`, { body: {} });
    await talk.say('POST', '/api/v1/configmaps', { body: configMap('one') });
    await talk.say('POST', `${ns}/configmaps`, { text: '{"kind": "ConfigMap", ' });
    await talk.say('POST', `${ns}/configmaps`, { text: 'hello' });
    await talk.say('POST', `${ns}/configmaps`, { text: '' });
    await talk.say('POST', `${ns}/configmaps`, { text: '[]' });
    await talk.say('PATCH', `${ns}/configmaps/one`, { text: '{"data":' });
    await talk.say('PATCH', `${ns}/configmaps/one`, { text: '[]' });
    await talk.say('POST', `${ns}/configmaps`, { body: configMap('two'), type: 'text/plain' });
    await talk.say('POST', `${ns}/configmaps`, {
      body: { ...configMap('two', { data: {} }), kind: 'Secret' },
    });
    await talk.say('POST', `${ns}/configmaps`, { body: { ...configMap('two'), apiVersion: 'v2' } });
    await talk.say('POST', `${ns}/configmaps`, { body: { metadata: { name: 'bare' }, data: { x: 'y' } } });
    await talk.say('GET', '/readyz');
    await talk.say('GET', '/healthz');
    await talk.say('GET', '/livez');
  },
};

export const basicCases: readonly Case[] = [create, update, patch, remove, paths];
