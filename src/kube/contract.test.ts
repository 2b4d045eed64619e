// The API client against a kube-apiserver that restarts, forgets and disagrees: a real one, and the embedded one.
import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BareApi } from '../../test/kube/bare-api.ts';
import { apiServers } from '../../test/kube/embedded-api.ts';
import { createClient, type KubeClient } from './client.ts';
import { Connection, loadKubeConfig, type ClockSample } from './connection.ts';
import { runElection, type Term } from './lease.ts';
import { Reflector } from './reflector.ts';
import { resources } from './resources.ts';

const namespace = 'default';

const nameInCapitals = ({ metadata }: ConfigMap): ConfigMap => ({
  metadata: { name: metadata?.name?.toUpperCase() ?? '' },
});

function configMap(name: string, value = 'a'): ConfigMap {
  return { metadata: { name, namespace, labels: { suite: 'contract' } }, data: { value } };
}

async function until(condition: () => boolean, what: string, limit = 20_000): Promise<void> {
  const deadline = Date.now() + limit;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${limit} ms: ${what}`);
    await wait(20);
  }
}

describe.each(apiServers)('on $title', { timeout: 120_000 }, (server) => {
  let api: BareApi;
  let connection: Connection;
  let client: KubeClient;
  const samples: ClockSample[] = [];

  beforeAll(async () => {
    api = await server.start();
    connection = new Connection(loadKubeConfig(api.kubeconfig), {
      onClock: (sample) => samples.push(sample),
    });
    client = createClient(connection);
  }, 120_000);
  afterAll(async () => {
    await connection?.close();
    await api?.stop();
  }, 30_000);

  it('gives what is expected as values: not there, exists, conflict, gone', async () => {
    const ref = { name: 'values', namespace };
    expect(await client.get(resources.configMaps, ref)).toBeUndefined();
    const created = await client.create(resources.configMaps, configMap('values'));
    expect(created).toMatchObject({ ok: true, object: { data: { value: 'a' } } });
    if (!created.ok) return;
    expect(await client.create(resources.configMaps, configMap('values'))).toMatchObject({
      ok: false,
      why: 'exists',
    });
    const first = { ...created.object, data: { value: 'b' } };
    expect(await client.replace(resources.configMaps, first)).toMatchObject({ ok: true });
    expect(await client.replace(resources.configMaps, first)).toMatchObject({ ok: false, why: 'conflict' });
    expect(
      await client.delete(resources.configMaps, ref, { uid: '00000000-0000-0000-0000-000000000000' }),
    ).toMatchObject({ ok: false, why: 'conflict' });
    const uid = created.object.metadata?.uid ?? '';
    const { resourceVersion = '' } = created.object.metadata ?? {};
    expect(await client.delete(resources.configMaps, ref, { uid, resourceVersion })).toMatchObject({
      ok: false,
      why: 'conflict',
    });
    expect(await client.delete(resources.configMaps, ref, { uid })).toEqual({ ok: true, object: undefined });
    expect(await client.delete(resources.configMaps, ref, { uid })).toMatchObject({ ok: false, why: 'gone' });
  });

  it('stores nothing in a dry run', async () => {
    const dry = await client.create(resources.configMaps, configMap('dry'), { dryRun: true });
    expect(dry.ok).toBe(true);
    expect(await client.get(resources.configMaps, { name: 'dry', namespace })).toBeUndefined();
  });

  it('says that the server refuses, and why', async () => {
    await expect(client.create(resources.configMaps, configMap('Not_A_Name'))).rejects.toMatchObject({
      code: 'Denied',
      message: expect.stringMatching(/422.*Not_A_Name/),
    });
  });

  it('reads a list over several pages', async () => {
    const names = Array.from({ length: 520 }, (_, i) => `page-${String(i).padStart(3, '0')}`);
    for (let i = 0; i < names.length; i += 20) {
      const some = names.slice(i, i + 20);
      await Promise.all(some.map((name) => client.create(resources.configMaps, configMap(name))));
    }
    const list = await client.list(resources.configMaps, { namespace, labelSelector: 'suite=contract' });
    expect(list.items.map((item) => item.metadata?.name)).toEqual(expect.arrayContaining(names));
    expect(list.items[0]?.kind).toBe('ConfigMap');
    const trimmed = await client.list(resources.configMaps, { namespace, trim: nameInCapitals });
    expect(trimmed.items).toContainEqual({ metadata: { name: 'PAGE-519' } });
  });

  it('hears the clock of the server in every answer', () => {
    expect(samples.length).toBeGreaterThan(0);
    const last = samples.at(-1);
    expect(Math.abs((last?.server.getTime() ?? 0) - Date.now())).toBeLessThan(10_000);
  });

  it('keeps one connection for calls one after another', async () => {
    const port = Number(new URL(connection.server).port);
    const before = openConnections(port);
    for (let i = 0; i < 30; i++) await client.get(resources.namespaces, { name: 'default' });
    const after = openConnections(port);
    expect(after, 'the connections are seen').toBeGreaterThan(0);
    expect(after - before).toBeLessThanOrEqual(1);
  });

  it('follows changes over a restart of the API server and over forgotten history', async () => {
    const stop = new AbortController();
    let changes = 0;
    const errors: string[] = [];
    const reflector = new Reflector(client, resources.configMaps, {
      namespace,
      labelSelector: 'suite=contract',
      onChange: () => (changes += 1),
      onError: (error) => errors.push(error.code),
      backoff: { first: 50, most: 500 },
    });
    const running = reflector.run(stop.signal);
    await until(() => reflector.synced, 'synced');
    await client.create(resources.configMaps, configMap('follow'));
    await until(() => reflector.get('default/follow') !== undefined, 'the created object');

    await api.killApi();
    await until(() => reflector.failures > 0, 'the outage is noticed');
    expect(reflector.get('default/follow')).toBeDefined();
    await api.startApi();
    await client.patch(resources.configMaps, { name: 'follow', namespace }, { data: { value: 'c' } });
    await until(
      () => reflector.get('default/follow')?.data?.['value'] === 'c',
      'the change after the outage',
    );

    await api.killApi();
    await api.startApi();
    await api.compact();
    const seen = changes;
    await client.patch(resources.configMaps, { name: 'follow', namespace }, { data: { value: 'd' } });
    await until(() => reflector.get('default/follow')?.data?.['value'] === 'd', 'the change after 410');
    expect(changes).toBeGreaterThan(seen);

    const uid = reflector.get('default/follow')?.metadata?.uid ?? '';
    await client.delete(resources.configMaps, { name: 'follow', namespace }, { uid });
    await until(() => reflector.get('default/follow') === undefined, 'the deletion');
    expect(errors.every((code) => code === 'Unreachable')).toBe(true);
    stop.abort();
    await running;
  });

  it('is told by 410 that its place in history is gone', async () => {
    const stop = new AbortController();
    const { resourceVersion } = await client.list(resources.leases, { namespace: 'kube-system' });
    for (const value of ['1', '2', '3']) {
      await client.create(resources.configMaps, configMap(`old-${value}`));
    }
    await api.compact();
    await api.killApi();
    await api.startApi();
    const first = await client
      .watch(resources.leases, {
        namespace: 'kube-system',
        resourceVersion: String(Number(resourceVersion) - 50),
        idleTimeout: 10_000,
        signal: stop.signal,
      })
      .next();
    stop.abort();
    expect(first.value).toEqual({ type: 'expired' });
  });

  it('gives up a watch that is silent for too long', async () => {
    const events = client.watch(resources.secrets, {
      namespace,
      resourceVersion: '',
      idleTimeout: 300,
      signal: new AbortController().signal,
    });
    await expect(drain(events)).rejects.toMatchObject({
      code: 'Unreachable',
      message: expect.stringContaining('silent'),
    });
  });

  it('has one leader at a time, who stops acting before another begins', async () => {
    const timing = { duration: 1500, renewDeadline: 1000, retryPeriod: 200 };
    const terms: { me: string; from: number; to: number }[] = [];
    const held = new Map<string, Term>();
    const stops = new Map<string, AbortController>();
    const runs = ['one', 'two'].map(async (me) => {
      const stop = new AbortController();
      stops.set(me, stop);
      const options = { client, name: 'leader', namespace, me, timing, onError: () => undefined };
      await runElection(
        options,
        async (term) => {
          held.set(me, term);
          const from = performance.now();
          await new Promise<void>((resolve) => {
            term.signal.addEventListener('abort', () => resolve(), { once: true });
          });
          terms.push({ me, from, to: performance.now() });
          held.delete(me);
        },
        stop.signal,
      );
    });
    await until(() => held.size === 1, 'a first leader');
    const [first] = held.keys();
    await api.killApi();
    await until(() => held.size === 0, 'the leader gives up without an API', 3000);
    await api.startApi();
    await until(() => held.size === 1, 'a leader again');
    const [second] = held.keys();
    stops.get(second ?? '')?.abort();
    await until(() => held.size === 1 && !held.has(second ?? ''), 'the other one after a release', 1400);
    for (const stop of stops.values()) stop.abort();
    await Promise.all(runs);
    expect(first).toBeDefined();
    const ordered = terms.toSorted((a, b) => a.from - b.from);
    ordered.slice(1).forEach((term, i) => {
      expect(term.from).toBeGreaterThanOrEqual(ordered[i]?.to ?? 0);
    });
    expect(ordered.length).toBeGreaterThanOrEqual(3);
  });
});

async function drain(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events) continue;
}

/** As the server itself counts them: TLS handshakes so far are not told, but current connections are. */
/** Of this process to that port, as the kernel counts them: the server's own files come and go. */
function openConnections(port: number): number {
  const own = new Set(readdirSync('/proc/self/fd').map((fd) => readLink(`/proc/self/fd/${fd}`)));
  const lines = ['tcp', 'tcp6'].flatMap((table) =>
    readFileSync(`/proc/self/net/${table}`, 'utf8').split('\n'),
  );
  return lines.filter((line) => {
    const [, , remote = '', state, , , , , , inode] = line.trim().split(/\s+/);
    const isThere = Number.parseInt(remote.split(':')[1] ?? '', 16) === port;
    return isThere && state === established && own.has(`socket:[${inode}]`);
  }).length;
}

const established = '01';

/** The one by which the directory is read is closed by now. */
function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
