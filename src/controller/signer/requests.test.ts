import { describe, expect, it } from 'vitest';
import { annotations } from '../../kube/types.ts';
import { judge } from './judge.ts';
import { trimRequest } from './requests.ts';
import { honest, worker, workerKubelet } from './testing.ts';

const big = 'A'.repeat(1_000_000);

describe('trimRequest', () => {
  const good = honest(worker, 'kubelet.crt', workerKubelet);

  it('keeps of an agent’s request all that it is judged by', () => {
    expect(judge(trimRequest(good.csr), good.facts)).toEqual(judge(good.csr, good.facts));
    expect(judge(trimRequest(good.csr), good.facts).verdict).toBe('sign');
  });

  const larger = (notes: object, spec: object) => {
    const metadata = { ...good.csr.metadata, annotations: { ...good.csr.metadata?.annotations, ...notes } };
    const trimmed = trimRequest({ ...good.csr, metadata, spec: { ...good.csr.spec, ...spec } });
    expect(JSON.stringify(trimmed).length).toBeLessThan(10_000);
    return judge(trimmed, good.facts);
  };

  it('keeps nothing that is larger than an honest agent’s, and what is left is refused', () => {
    expect(larger({}, { request: big })).toMatchObject({ verdict: 'deny', reason: 'WellFormed' });
    // Above all it must not become a request without a proof, as for a first kubelet.crt.
    expect(larger({ [annotations.renews]: big }, {})).toMatchObject({
      verdict: 'deny',
      reason: 'WellFormed',
    });
  });

  it('keeps no annotation that is not ours', () => {
    expect(larger({ 'example.org/x': big }, {}).verdict).toBe('sign');
  });

  it('keeps of a stranger’s request who it was and what became of it', () => {
    const spec = { ...good.csr.spec, username: 'system:node:w2', request: big, extra: { x: [big] } };
    const status = { conditions: [{ type: 'Denied', status: 'True' }] };
    const metadata = { ...good.csr.metadata, resourceVersion: '7', labels: { x: big } };
    const trimmed = trimRequest({ ...good.csr, metadata, spec, status });
    expect(trimmed).toMatchObject({ status, spec: { username: 'system:node:w2' } });
    expect(trimmed.metadata).toMatchObject({ name: good.csr.metadata?.name, resourceVersion: '7' });
    expect(JSON.stringify(trimmed).length).toBeLessThan(1000);
  });
});
