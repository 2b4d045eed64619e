import { describe, expect, it } from 'vitest';
import { CertError } from '../../errors.ts';
import type { KubeClient } from '../../kube/client.ts';
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

const message =
  "POST /api/v1/namespaces/cluster-cert-rotator/pods?dryRun=All: the API server answers 422: pods \"forbidden\" is forbidden: ValidatingAdmissionPolicy 'cluster-cert-rotator-pods' with binding 'cluster-cert-rotator-pods' denied request: …";

type Objects = Readonly<Record<string, object>>;

/** As an API server with the chart in it answers, with some answers changed. */
function answering(changed: Objects = {}): KubeClient {
  const policy = { spec: { failurePolicy: 'Fail' } };
  const raw = async (path: string) => {
    const name = path.split('/').at(-1) ?? '';
    const kind = path.includes('policybindings') ? 'binding' : 'policy';
    const binding = { spec: { policyName: name, validationActions: ['Deny'] } };
    const object = changed[`${kind} ${name}`] ?? (kind === 'binding' ? binding : policy);
    return Promise.resolve({ status: 'code' in object ? 404 : 200, text: JSON.stringify(object) });
  };
  return { ...refusing(new CertError('Denied', message)).client, raw };
}

describe('admissionHolds (R8)', () => {
  it('holds when our policy denies the Pod and all are bound', async () => {
    const answer = await admissionHolds(answering(), pod);
    expect(answer).toEqual({ ok: true, message: 'policy cluster-cert-rotator-pods is in force' });
  });

  const connect = 'cluster-cert-rotator-connect';
  const deny = { policyName: connect, validationActions: ['Deny'] };
  it.each<[string, Objects]>([
    ['the policy against entering a Pod is gone', { [`policy ${connect}`]: { code: 404 } }],
    ['its binding is gone', { [`binding ${connect}`]: { code: 404 } }],
    [
      'its binding only warns',
      { [`binding ${connect}`]: { spec: { ...deny, validationActions: ['Warn'] } } },
    ],
    [
      'its binding is for another policy',
      { [`binding ${connect}`]: { spec: { ...deny, policyName: 'other' } } },
    ],
    [
      'its binding selects objects',
      { [`binding ${connect}`]: { spec: { ...deny, matchResources: { objectSelector: {} } } } },
    ],
    ['it fails open', { [`policy ${connect}`]: { spec: { failurePolicy: 'Ignore' } } }],
    ['the policy on what we write is gone', { 'policy cluster-cert-rotator-writes': { code: 404 } }],
    ['the policy on who speaks for a node is gone', { 'policy cluster-cert-rotator-events': { code: 404 } }],
  ])('does not hold when %s', async (_what, changed) => {
    const answer = await admissionHolds(answering(changed), pod);
    expect(answer).toMatchObject({ ok: false, message: expect.stringContaining('nothing is begun') });
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
