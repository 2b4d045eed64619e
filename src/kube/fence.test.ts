import { describe, expect, it } from 'vitest';
import { createClient } from './client.ts';
import { Connection } from './connection.ts';
import { fence } from './fence.ts';
import { resources } from './resources.ts';
import { KubeConfig } from '@kubernetes/client-node';

describe('the fence', () => {
  it('lets no write out while another one may be leading', async () => {
    const config = new KubeConfig();
    // Nobody listens on this port: a call that got through would be Unreachable, not Aborted.
    config.loadFromClusterAndUser(
      { name: 'c', server: 'https://127.0.0.1:1', skipTLSVerify: true },
      { name: 'u' },
    );
    const connection = new Connection(config);
    const client = fence(createClient(connection), () => false);
    const object = { metadata: { name: 'x', namespace: 'y', uid: 'z' } };
    const writes = [
      client.create(resources.configMaps, object),
      client.replace(resources.configMaps, object),
      client.patch(resources.configMaps, object.metadata, {}),
      client.patchStatus(resources.configMaps, object.metadata, {}),
      client.delete(resources.configMaps, object.metadata, { uid: 'z' }),
    ];
    for (const write of writes) await expect(write).rejects.toMatchObject({ code: 'Aborted' });
    await expect(client.get(resources.configMaps, object.metadata)).rejects.toMatchObject({
      code: 'Unreachable',
    });
    await connection.close();
  });
});
