// Lists, pages, selectors and watches.
import { configMap, namespace, type Case } from './case.ts';
import { fieldsOf, valueAt } from '../../api/objects.ts';
import type { Talk } from '../talk.ts';

const labelled = (name: string, labels: Record<string, string>): object =>
  configMap(name, { metadata: { name, labels } });

async function three(talk: Talk, ns: string): Promise<void> {
  for (const [name, labels] of [
    ['a', { tier: 'one', env: 'test' }],
    ['b', { tier: 'two' }],
    ['c', { tier: 'one' }],
  ] as const) {
    await talk.quietly('POST', `${ns}/configmaps`, { body: labelled(name, labels) });
  }
}

const selectors: Case = {
  name: 'lists and selectors',
  run: async (talk) => {
    const ns = await namespace(talk, 'lists');
    await talk.say('GET', `${ns}/secrets`);
    await three(talk, ns);
    await talk.say('GET', `${ns}/configmaps`);
    const asked = [
      'tier=one',
      'tier==one',
      'tier!=one',
      'tier in (one,two)',
      'tier notin (one)',
      'env',
      '!env',
      'tier=one,!env',
      'tier=none',
      'tier=',
      'tier=bad value!',
      'bad key=x',
      'tier in one',
      '=x',
      ',',
    ];
    for (const selector of asked) {
      await talk.say('GET', `${ns}/configmaps?labelSelector=${encodeURIComponent(selector)}`);
    }
    for (const selector of [
      'metadata.name=a',
      'metadata.name!=a',
      'metadata.namespace=lists',
      'metadata.name=a,metadata.namespace=default',
      'data.value=a',
      'nonsense',
    ]) {
      await talk.say('GET', `${ns}/configmaps?fieldSelector=${encodeURIComponent(selector)}`);
    }
    await talk.say('GET', `/api/v1/configmaps?fieldSelector=metadata.namespace%3Dlists`);
    await talk.say('GET', `/api/v1/namespaces/no-such-namespace/configmaps`);
  },
};

const pages: Case = {
  name: 'pages',
  run: async (talk) => {
    const ns = await namespace(talk, 'pages');
    await three(talk, ns);
    const first = await talk.say('GET', `${ns}/configmaps?limit=2`);
    const token = first.body.metadata?.continue ?? '';
    await talk.quietly('POST', `${ns}/configmaps`, { body: configMap('d') });
    await talk.quietly('PATCH', `${ns}/configmaps/c`, { body: { data: { value: 'later' } } });
    // The second page is of the same moment as the first.
    await talk.say('GET', `${ns}/configmaps?limit=2&continue=${token}`);
    await talk.say('GET', `${ns}/configmaps?limit=2&labelSelector=tier%3Done&continue=${token}`);
    await talk.say('GET', `${ns}/configmaps?limit=1&labelSelector=tier`);
    await talk.say('GET', `${ns}/configmaps?limit=2&continue=eA`);
    await talk.say('GET', `${ns}/configmaps?limit=2&resourceVersion=5&continue=${token}`);
    await talk.say('GET', `${ns}/configmaps?limit=2&resourceVersion=0`);
    await talk.server.compact();
    // What the real server still has in its cache it still gives.
    await talk.restart();
    const old = await talk.say('GET', `${ns}/configmaps?limit=2&continue=${token}`);
    const inconsistent = old.body.metadata?.continue ?? '';
    if (inconsistent === '') throw new Error('the page is not too old');
    await talk.say('GET', `${ns}/configmaps?limit=2&continue=${inconsistent}`);
  },
};

const versions: Case = {
  name: 'lists at a version',
  run: async (talk) => {
    const ns = await namespace(talk, 'versions');
    const made = await talk.say('POST', `${ns}/configmaps`, { body: configMap('one') });
    const version = made.body.metadata?.resourceVersion ?? '';
    await talk.quietly('PATCH', `${ns}/configmaps/one`, { body: { data: { value: 'b' } } });
    await talk.say('GET', `${ns}/configmaps?resourceVersion=${version}&resourceVersionMatch=Exact`);
    await talk.say('GET', `${ns}/configmaps?resourceVersion=${version}&resourceVersionMatch=NotOlderThan`);
    await talk.say('GET', `${ns}/configmaps?resourceVersion=${version}`);
    await talk.say('GET', `${ns}/configmaps?resourceVersion=0`);
    await talk.say('GET', `${ns}/configmaps?resourceVersionMatch=Exact`);
    await talk.say('GET', `${ns}/configmaps?resourceVersion=abc`);
    await talk.say('GET', `${ns}/configmaps?resourceVersion=99999999`);
    await talk.say('GET', `${ns}/configmaps/one?resourceVersion=0`);
  },
};

const watches: Case = {
  name: 'watches',
  run: async (talk) => {
    const ns = await namespace(talk, 'watches');
    const list = await talk.quietly('GET', `${ns}/configmaps`);
    const from = list.body.metadata?.resourceVersion ?? '';
    const path = `${ns}/configmaps`;
    const life = async (): Promise<void> => {
      const post = async (body: object): Promise<unknown> => talk.quietly('POST', path, { body });
      await post(labelled('a', { on: 'yes' }));
      await post(configMap('b'));
      await talk.quietly('PATCH', `${path}/b`, { body: { metadata: { labels: { on: 'yes' } } } });
      await talk.quietly('PATCH', `${path}/a`, { body: { metadata: { labels: null } } });
      await talk.quietly('PATCH', `${path}/b`, { body: { data: { value: 'b' } } });
      await talk.quietly('PATCH', `${path}/b`, { body: { data: { value: 'b' } } });
      await talk.quietly('DELETE', `${path}/b`);
      await talk.quietly('DELETE', `${path}/a`);
    };
    await talk.watch(`${path}?watch=true&resourceVersion=${from}`, 7, life);
    // All of it again from history, and what a selector shows of it.
    await talk.watch(`${path}?watch=1&resourceVersion=${from}`, 7);
    await talk.watch(`${path}?watch=true&resourceVersion=${from}&labelSelector=on%3Dyes`, 5);
    await talk.watch(`${path}?watch=true&resourceVersion=${from}&fieldSelector=metadata.name%3Da`, 3);
    await talk.quietly('POST', path, { body: configMap('c') });
    await talk.watch(`${path}?watch=true`, 1);
    await talk.watch(`${path}?watch=true&resourceVersion=0`, 1);
    await talk.watch(`${path}?watch=true&resourceVersion=abc`, 1);
    await talk.watch(`${path}?watch=true&resourceVersion=${from}&timeoutSeconds=1&labelSelector=none`, 1);
    await talk.watch(`${ns}/gadgets?watch=true`, 1);
  },
};

const initial = 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan';

const bookmarks: Case = {
  name: 'bookmarks',
  run: async (talk) => {
    const ns = await namespace(talk, 'bookmarks');
    const path = `${ns}/configmaps?watch=true`;
    const marked = `${path}&allowWatchBookmarks=true`;
    const list = await talk.quietly('GET', `${ns}/configmaps`);
    const from = list.body.metadata?.resourceVersion ?? '';
    const make = async (): Promise<unknown> =>
      talk.quietly('POST', `${ns}/configmaps`, { body: configMap('a') });
    // One comes two seconds before the end of a watch, to whoever asked for it.
    const asked = `resourceVersion=${from}&timeoutSeconds=4`;
    checkPlace(from, await talk.watch(`${marked}&${asked}`, 2, make));
    await talk.watch(`${path}&resourceVersion=${from}&timeoutSeconds=3`, 2);
    // And one at the end of what was there at the beginning.
    checkPlace(from, await talk.watch(`${marked}&${initial}`, 2));
    checkPlace(from, await talk.watch(`${marked}&${initial}&resourceVersion=${from}`, 2));
    await talk.watch(`${path}&${initial}&timeoutSeconds=1`, 2);
    await talk.watch(`${marked}&${initial.replace('true', 'false')}&timeoutSeconds=1`, 1);
    await talk.watch(`${marked}&sendInitialEvents=true`, 1);
    await talk.watch(`${marked}&resourceVersionMatch=NotOlderThan`, 1);
  },
};

/** Whoever goes on from a bookmark misses nothing, and gets nothing twice. */
function checkPlace(from: string, events: readonly unknown[]): void {
  const versions = events.map((event) => Number(valueAt(fieldsOf(event), 'object.metadata.resourceVersion')));
  const [added = 0, bookmark = 0] = versions;
  if (added <= Number(from) || bookmark < added) throw new Error(`${versions.join(' and ')} after ${from}`);
}

const gone: Case = {
  name: 'forgotten versions',
  run: async (talk) => {
    const ns = await namespace(talk, 'gone');
    const made = await talk.quietly('POST', `${ns}/secrets`, {
      body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'one' } },
    });
    for (const value of ['1', '2', '3']) {
      await talk.quietly('POST', `${ns}/configmaps`, { body: configMap(`some-${value}`) });
    }
    const version = Number(made.body.metadata?.resourceVersion);
    await talk.server.compact();
    await talk.restart();
    await talk.watch(`${ns}/secrets?watch=true&resourceVersion=${version - 1}`, 1);
    await talk.say('GET', `${ns}/secrets?resourceVersion=${version - 1}&resourceVersionMatch=Exact`);
    await talk.say('GET', `${ns}/secrets/one`);
  },
};

export const listCases: readonly Case[] = [selectors, pages, versions, watches, bookmarks, gone];
