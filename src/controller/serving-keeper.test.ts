import type { Secret } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import { createLog } from '../log.ts';
import { serviceNames } from '../kube/objects.ts';
import { decideServing, ServingKeeper, servingMaterialOf } from './serving-keeper.ts';
import { MemoryApi } from './vault/testing.ts';

const now = new Date('2030-01-01T00:00:00Z');
const day = 86_400_000;
const wanted = { name: 'x-tls', namespace: 'ns', names: serviceNames('x', 'ns') };

function made(): Secret {
  const secret = decideServing(wanted, undefined, now);
  if (secret === undefined) throw new Error('nothing was made');
  return secret;
}

describe('the Secret of a TLS server', () => {
  it('is made, and then stays as it is until a third of its life is left', () => {
    const secret = made();
    expect(secret.type).toBe('kubernetes.io/tls');
    expect(decideServing(wanted, secret, now)).toBeUndefined();
    expect(decideServing(wanted, secret, new Date(now.getTime() + 240 * day))).toBeUndefined();
    const anew = decideServing(wanted, secret, new Date(now.getTime() + 245 * day));
    expect(servingMaterialOf(anew ?? {}).certificate).not.toBe(servingMaterialOf(secret).certificate);
  });

  it.each<[string, (secret: Secret) => Secret]>([
    ['another key', (secret) => ({ ...secret, data: { ...secret.data, 'tls.key': keyOf(made()) } })],
    [
      'another CA',
      (secret) => ({ ...secret, data: { ...secret.data, 'ca.crt': made().data?.['ca.crt'] ?? '' } }),
    ],
    ['no certificate', (secret) => ({ ...secret, data: { 'tls.key': keyOf(secret) } })],
    ['no PEM', (secret) => ({ ...secret, data: { ...secret.data, 'tls.crt': 'AAAA' } })],
  ])('with %s is made anew', (_, change) => {
    expect(decideServing(wanted, change(made()), now)).toBeDefined();
  });

  it('is made anew when the server has another name', () => {
    expect(decideServing({ ...wanted, names: ['y'] }, made(), now)).toBeDefined();
  });

  it('that a person put there is never changed', () => {
    expect(decideServing(wanted, { metadata: { name: 'x-tls' }, data: {} }, now)).toBeUndefined();
  });

  it('is written once', async () => {
    const api = new MemoryApi();
    const keeper = () => new ServingKeeper(api.client, [wanted], createLog('silent'));
    await keeper().keep(now);
    await keeper().keep(now);
    expect(api.writes).toHaveLength(1);
  });
});

const keyOf = ({ data }: Secret): string => data?.['tls.key'] ?? '';
