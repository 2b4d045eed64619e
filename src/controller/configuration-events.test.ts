import type { ConfigMap } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { ConfigurationEvents } from './configuration-events.ts';

function events(map: ConfigMap | undefined) {
  const reads: unknown[] = [];
  const client: KubeClient = new Proxy<KubeClient>(Object.create(null), {
    get: () => async (_: unknown, ref: unknown) => {
      reads.push(ref);
      return map;
    },
  });
  return { told: new ConfigurationEvents(client), reads };
}

const bad = new CertError('BadConfiguration', 'the configuration is refused:\n  colour: unknown field');
const map: ConfigMap = { metadata: { uid: 'u1' } };

describe('a refused configuration', () => {
  it('is told on its ConfigMap, which is asked for once for each text', async () => {
    const { told, reads } = events(map);
    const event = await told.tell(bad);
    expect(event).toMatchObject({
      about: {
        kind: 'ConfigMap',
        name: 'cluster-cert-rotator-config',
        namespace: 'cluster-cert-rotator',
        uid: 'u1',
      },
      type: 'Warning',
      reason: 'ConfigurationRefused',
    });
    expect(event?.message).toContain('colour: unknown field');
    expect(event?.message).toContain('the last good configuration stays in force');
    expect(await told.tell(bad)).toEqual(event);
    expect(reads).toHaveLength(1);
  });

  it('is told to be good again once, and only after a refusal', async () => {
    const { told } = events(map);
    expect(await told.tell(undefined)).toBeUndefined();
    await told.tell(bad);
    expect(await told.tell(undefined)).toMatchObject({ type: 'Normal', reason: 'ConfigurationAccepted' });
    expect(await told.tell(undefined)).toBeUndefined();
  });

  it('is no Event where the file is no ConfigMap’s', async () => {
    expect(await events(undefined).told.tell(bad)).toBeUndefined();
  });
});
