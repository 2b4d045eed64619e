// When the dashboard begins to show a cluster.
import { expect, it, onTestFinished } from 'vitest';
import { until } from '../../../test/browser/ask.ts';
import { busyCluster } from '../../../test/browser/cluster.ts';
import type { KubeClient } from '../../kube/client.ts';
import { createLog } from '../../log.ts';
import { PictureKeeper } from './picture-keeper.ts';

it('shows nothing before it knows what is in force: the defaults are not', async () => {
  const { client } = busyCluster();
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const slow: KubeClient = {
    ...client,
    get: async (of, ref) => {
      await held;
      return await client.get(of, ref);
    },
  };
  const stop = new AbortController();
  const keeper = new PictureKeeper({
    client: slow,
    publicNamespace: 'cpaas-system',
    log: createLog('silent'),
    onChange: () => undefined,
  });
  const running = keeper.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await running;
  });
  const seen = () => keeper.picture(new Date());
  const listed = () => [seen().nodes.length, seen().inventories.size, seen().rotations.length];
  await until(() => !listed().includes(0), 'what is listed has come');
  expect(keeper.synced).toBe(false);
  release();
  await until(() => keeper.synced, 'all is read');
  expect(seen().configuration.settings.mode).toBe('manual');
});
