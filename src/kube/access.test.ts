// Against a real kube-apiserver: a ServiceAccount with the right, one without it, and no ServiceAccount at all.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubernetesPrograms } from '../../test/kubernetes.ts';
import { mustSkip, startBareApi, type BareApi } from '../../test/kube/bare-api.ts';
import { CallerAccess } from './access.ts';
import { Connection, loadKubeConfig } from './connection.ts';

describe.skipIf(mustSkip())('whether a caller may GET /metrics', { timeout: 60_000 }, () => {
  let api: BareApi;
  let connection: Connection;
  let access: CallerAccess;
  const kubectl = (...args: readonly string[]): string =>
    execFileSync(join(kubernetesPrograms(), 'kubectl'), ['--kubeconfig', api.kubeconfig, ...args], {
      encoding: 'utf8',
    }).trim();
  const tokenOf = (name: string): string => kubectl('create', 'token', name);

  beforeAll(async () => {
    api = await startBareApi();
    // Its client certificate is an administrator's: it must play no part.
    connection = new Connection(loadKubeConfig(api.kubeconfig));
    access = new CallerAccess(connection);
    for (const name of ['prometheus', 'other']) kubectl('create', 'serviceaccount', name);
    kubectl('create', 'clusterrole', 'reader', '--verb=get', '--non-resource-url=/metrics');
    kubectl(
      'create',
      'clusterrolebinding',
      'reader',
      '--clusterrole=reader',
      '--serviceaccount=default:prometheus',
    );
  }, 60_000);
  afterAll(async () => {
    await access.close();
    await connection.close();
    await api.stop();
  });

  it('yes, where RBAC says so', async () => {
    expect(await access.mayGet('/metrics', tokenOf('prometheus'))).toBe(true);
  });

  it('no, where it does not, and not for another path', async () => {
    expect(await access.mayGet('/metrics', tokenOf('other'))).toBe(false);
    expect(await access.mayGet('/logs', tokenOf('prometheus'))).toBe(false);
  });

  it('no, for a token that nobody made', async () => {
    expect(await access.mayGet('/metrics', 'not.a.token')).toBe(false);
  });

  it('is an error while nobody answers', async () => {
    const nobody = new CallerAccess({
      server: 'https://127.0.0.1:1',
      credentials: async () => connection.credentials(),
    });
    await expect(nobody.mayGet('/metrics', 'x')).rejects.toMatchObject({ code: 'Unreachable' });
    await nobody.close();
  });
});
