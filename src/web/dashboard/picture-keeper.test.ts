// When the dashboard begins to show a cluster.
import { describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../../../test/browser/ask.ts';
import { busyCluster } from '../../../test/browser/cluster.ts';
import { recordName } from '../../controller/vault/record.ts';
import { defaultConfiguration } from '../../controller/configuration.ts';
import { CertError } from '../../errors.ts';
import type { KubeClient } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import { createLog } from '../../log.ts';
import { PictureKeeper } from './picture-keeper.ts';

type Get = KubeClient['get'];

/** A keeper of the busy cluster that reads single objects so, every so many milliseconds. */
function keep(get: (own: Get) => Get, every = 20) {
  const cluster = busyCluster();
  const { client } = cluster;
  const told = { changes: 0 };
  const own: Get = async (of, ref) => client.get(of, ref);
  const stop = new AbortController();
  const keeper = new PictureKeeper({
    client: { ...client, get: get(own) },
    publicNamespace: 'cpaas-system',
    log: createLog('silent'),
    onChange: () => (told.changes += 1),
    every,
  });
  const running = keeper.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await running;
  });
  return { cluster, keeper, told, seen: () => keeper.picture(new Date()) };
}

it('shows nothing before it knows what is in force: the defaults are not', async () => {
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const { keeper, seen } = keep((own) => async (of, ref) => {
    await held;
    return await own(of, ref);
  });
  const listed = () => [seen().nodes.length, seen().inventories.size, seen().rotations.length];
  await until(() => !listed().includes(0), 'what is listed has come');
  expect(keeper.synced).toBe(false);
  release();
  await until(() => keeper.synced, 'all is read');
  expect(seen().configuration.settings.mode).toBe('manual');
});

/** Kept from it, until `denied` is cleared. */
const reading = (name: string) => {
  const denied = new Set([name]);
  const kept = keep((own) => async (of, ref) => {
    if (denied.has(ref.name)) throw new CertError('Denied', `${ref.name} is forbidden`);
    return await own(of, ref);
  });
  return { denied, ...kept };
};

describe('where one thing may not be read', () => {
  it('says that the defaults may not be in force, until it may be read again', async () => {
    const { denied, keeper, seen } = reading('cluster-cert-rotator-config');
    await until(() => keeper.synced, 'all is read that may be');
    expect(seen().configuration.problem).toMatchObject({ key: 'need.configurationUnread' });
    expect(seen().configuration.settings).toEqual(defaultConfiguration);
    expect(seen().controllerAt).toEqual(expect.any(String));
    expect(seen().accepted).toHaveProperty('kubernetes');
    denied.clear();
    await until(() => seen().configuration.problem === undefined, 'the configuration is read');
    expect(seen().configuration.settings.mode).toBe('manual');
  });

  it('says that it does not know of a controller, in place of that there is none, and reads the rest', async () => {
    const { denied, keeper, seen } = reading('cluster-cert-rotator');
    await until(() => keeper.synced, 'all is read that may be');
    expect(seen().configuration.settings.mode).toBe('manual');
    expect(seen().controllerAt).toBeUndefined();
    expect(seen().controllerUnread).toMatchObject({ key: 'need.controllerUnread' });
    denied.clear();
    await until(() => seen().controllerUnread === undefined, 'the Lease is read');
    expect(seen().controllerAt).toEqual(expect.any(String));
  });

  it('does not say of a CA that none was accepted', async () => {
    const { keeper, seen } = reading(recordName);
    await until(() => keeper.synced, 'all is read that may be');
    expect(seen().accepted).toBeUndefined();
    expect(seen().configuration.problem).toBeUndefined();
  });
});

it('is told of what is shown of a Node, and of nothing else that it reports', async () => {
  const { cluster, keeper, told, seen } = keep((own) => own, 60_000);
  await until(() => keeper.synced, 'all is read');
  const report = (lastHeartbeatTime: string, pressure: string, ready: string): void => {
    const { metadata = {} } = seen().nodes.find((node) => node.metadata?.name === 'worker-40') ?? {};
    const conditions = [
      { type: 'DiskPressure', status: pressure },
      { type: 'Ready', status: ready, lastHeartbeatTime },
    ];
    cluster.put(resources.nodes, { metadata, status: { conditions } });
  };
  const readyOf = () =>
    seen().nodes.find((node) => node.metadata?.name === 'worker-40')?.status?.conditions?.[0]?.status;
  report('2030-01-01T00:00:00Z', 'False', 'True');
  // When this has been heard of, so has all that came before it.
  const heard = async (ready: string) => {
    report('2030-01-01T00:10:00Z', 'True', ready);
    await until(() => readyOf() === ready, `it is ${ready}`);
  };
  await heard('False');
  const { changes } = told;
  report('2030-01-01T00:15:00Z', 'False', 'False');
  report('2030-01-01T00:20:00Z', 'True', 'False');
  await heard('True');
  expect(told.changes).toBe(changes + 1);
});
