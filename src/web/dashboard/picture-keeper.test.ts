// When the dashboard begins to show a cluster.
import { describe, expect, it, onTestFinished } from 'vitest';
import { until } from '../../../test/browser/ask.ts';
import { busyCluster } from '../../../test/browser/cluster.ts';
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

describe('where one thing may not be read', () => {
  const denied = new Set<string>();
  const reading = () =>
    keep((own) => async (of, ref) => {
      if (denied.has(of.plural)) throw new CertError('Denied', `${of.plural} are forbidden`);
      return await own(of, ref);
    });

  it('says that the defaults may not be in force, until it may be read again', async () => {
    denied.add('configmaps');
    const { keeper, seen } = reading();
    await until(() => keeper.synced, 'all is read that may be');
    expect(seen().configuration.problem).toMatchObject({ key: 'need.configurationUnread' });
    expect(seen().configuration.settings).toEqual(defaultConfiguration);
    expect(seen().controllerAt).toEqual(expect.any(String));
    denied.clear();
    await until(() => seen().configuration.problem === undefined, 'the configuration is read');
    expect(seen().configuration.settings.mode).toBe('manual');
  });

  it('reads the rest', async () => {
    denied.add('leases');
    const { keeper, seen } = reading();
    await until(() => keeper.synced, 'all is read that may be');
    expect(seen().configuration.settings.mode).toBe('manual');
    // not asked, and not: there is none
    expect(seen().controllerAt).toBeUndefined();
    denied.clear();
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
  // What comes later has been heard of, too, when this has.
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
