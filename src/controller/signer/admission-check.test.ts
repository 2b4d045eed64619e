import { describe, expect, it } from 'vitest';
import { CertError } from '../../errors.ts';
import { defaultConfiguration } from '../configuration.ts';
import { forbiddenPod } from '../pods.ts';
import { makeNode, MemoryApi } from '../vault/testing.ts';
import { admissionHolds } from './admission-check.ts';

const pod = forbiddenPod(makeNode('cp1', ['10.0.0.1'], true), defaultConfiguration);

function refusing(error: CertError): MemoryApi {
  const api = new MemoryApi();
  api.refuse = () => error;
  return api;
}

describe('admissionHolds (R8)', () => {
  it('holds when our policy denies the Pod', async () => {
    const message =
      "POST /api/v1/namespaces/cluster-cert-rotator/pods?dryRun=All: the API server answers 422: pods \"forbidden\" is forbidden: ValidatingAdmissionPolicy 'cluster-cert-rotator-pods' with binding 'cluster-cert-rotator-pods' denied request: …";
    const answer = await admissionHolds(refusing(new CertError('Denied', message)).client, pod);
    expect(answer).toEqual({ ok: true, message: 'policy cluster-cert-rotator-pods is in force' });
  });

  it('does not hold when the Pod would be admitted', async () => {
    const answer = await admissionHolds(new MemoryApi().client, pod);
    expect(answer).toMatchObject({ ok: false });
    expect(answer.message).toContain('nothing is begun');
  });

  it.each([
    'pods is forbidden: User "x" cannot create resource "pods"',
    "ValidatingAdmissionPolicy 'somebody-elses' with binding 'b' denied request: no",
  ])('does not hold when something else denies it: %s', async (message) => {
    const answer = await admissionHolds(refusing(new CertError('Denied', message)).client, pod);
    expect(answer).toMatchObject({ ok: false });
    expect(answer.message).toContain(message);
  });

  it('says nothing when the API server cannot be asked', async () => {
    const api = refusing(new CertError('Unreachable', 'timeout'));
    await expect(admissionHolds(api.client, pod)).rejects.toMatchObject({ code: 'Unreachable' });
  });
});
