import { describe, expect, it } from 'vitest';
import type { KubeClient } from '../kube/client.ts';
import type { CertificateRotation, Phase } from '../kube/types.ts';
import { Caches } from './gather.ts';

const rotation = (resourceVersion: string, phase: Phase): CertificateRotation => ({
  metadata: { name: 'n2-1', uid: 'u', resourceVersion },
  spec: { nodeName: 'n2', nodeUID: 'u2', certificates: ['apiserver.crt'], reason: 'Due' },
  status: { phase },
});

/** Caches over an API server that lists this one rotation, and whose watches are silent. */
function cachesOver(listed: CertificateRotation): Caches {
  const list = async (of: { kind: string }) =>
    Promise.resolve({ items: of.kind === 'CertificateRotation' ? [listed] : [], resourceVersion: '9' });
  const client: KubeClient = new Proxy<KubeClient>(Object.create(null), { get: () => list });
  return new Caches(
    client,
    'public',
    () => undefined,
    () => () => undefined,
  );
}

describe('the caches at the beginning of a term', () => {
  it('know whom the last leader has admitted, though no watch has said so', async () => {
    const caches = cachesOver(rotation('2', 'Admitted'));
    caches.rotations.noteWritten(rotation('1', 'Pending'));
    await caches.refresh();
    expect(caches.rotations.get('n2-1')?.status?.phase).toBe('Admitted');
  });
});
