import { beforeAll, describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import { annotations, signerName } from '../kube/types.ts';
import { parseCertificate } from '../pki/parse.ts';
import { pem, readPem } from '../pki/pem.ts';
import { generateLike } from '../pki/keys.ts';
import { makeRequest, parseRequest } from '../pki/request.ts';
import { makeCa, makeLeaf, type FakeCa } from '../rotation/fake-disk.ts';
import type { SignedCertificate, SigningRequest } from '../rotation/types.ts';
import type { Api, ApiAnswer } from './api.ts';
import { clusterSigner } from './cluster-signer.ts';

interface Csr {
  readonly metadata: { readonly name: string; readonly annotations: Readonly<Record<string, string>> };
  readonly spec: {
    readonly signerName: string;
    readonly request: string;
    readonly usages: readonly string[];
  };
}

let ca: FakeCa;
beforeAll(() => {
  ca = makeCa();
});

function requestFor(id: 'kubelet.crt' | 'apiserver.crt' = 'apiserver.crt'): SigningRequest {
  const pair = generateLike({ keyAlgorithm: 'P-256' });
  return {
    key: id,
    id,
    path: `/etc/kubernetes/pki/${id}`,
    requestDer: makeRequest(pair, id),
    spki: pair.spki,
    oldCertificate: makeLeaf(ca, 'old', 20).certificate,
    possession: Uint8Array.of(1, 2, 3),
  };
}

/** An API server that keeps requests, and answers a question for one by `status`. */
function fakeApi(status: (csr: Csr, asked: number) => ApiAnswer | CertError) {
  const kept = new Map<string, Csr>();
  const asked = new Map<string, number>();
  const api: Api = async ({ method, path, body }) => {
    await Promise.resolve();
    if (method === 'POST') {
      const csr: Csr = JSON.parse(JSON.stringify(body));
      if (kept.has(csr.metadata.name)) return { status: 409, body: {} };
      kept.set(csr.metadata.name, csr);
      return { status: 201, body: {} };
    }
    const name = path.split('/').at(-1) ?? '';
    const csr = kept.get(name);
    if (csr === undefined) return { status: 404, body: { message: 'not found' } };
    asked.set(name, (asked.get(name) ?? 0) + 1);
    const answer = status(csr, asked.get(name) ?? 0);
    if (answer instanceof CertError) throw answer;
    return answer;
  };
  return { api, kept };
}

const signed = (): ApiAnswer => {
  const { certificate } = makeLeaf(ca, 'new', 300);
  const text = Buffer.from(pem('CERTIFICATE', certificate.der)).toString('base64');
  return { status: 200, body: { status: { certificate: text } } };
};
const waiting: ApiAnswer = { status: 200, body: { status: {} } };
const away = new CertError('Unreachable', 'connection refused');

function signer(api: Api, options: { isOurs?: boolean; patience?: number } = {}) {
  const pauses: number[] = [];
  const sign = clusterSigner({
    api,
    rotationName: 'n1-abc-1',
    isOurs: () => options.isOurs ?? true,
    sleep: async (milliseconds, signal) => {
      await Promise.resolve();
      if (signal.aborted) throw new CertError('Aborted', 'interrupted');
      pauses.push(milliseconds);
    },
    ...(options.patience === undefined ? {} : { patience: options.patience }),
  });
  const signAll = async (
    requests: readonly SigningRequest[],
    until: AbortSignal,
  ): Promise<SignedCertificate[]> => [
    ...(await sign(
      requests.map(async (request) => await Promise.resolve(request)),
      until,
    )),
  ];
  return { sign: signAll, pauses };
}

const { signal } = new AbortController();

const forbidden: Api = async () => await Promise.resolve({ status: 403, body: { message: 'not allowed' } });

describe('the signer in the cluster', () => {
  it('asks with the proof by the old key and gives back what is signed', async () => {
    const { api, kept } = fakeApi(signed);
    const request = requestFor();
    const answers = await signer(api).sign([request], signal);
    expect(answers).toHaveLength(1);
    expect(answers[0]?.certificate.subject.commonName).toBe('new');

    const [csr] = [...kept.values()];
    expect(csr?.metadata.name).toMatch(/^n1-abc-1-[0-9a-f]{8}-[0-9a-f]{6}$/u);
    expect(csr?.spec.signerName).toBe(signerName);
    expect(csr?.spec.usages).toEqual(['digital signature', 'client auth', 'server auth']);
    expect(csr?.metadata.annotations).toMatchObject({
      [annotations.rotation]: 'n1-abc-1',
      [annotations.certificate]: 'apiserver.crt',
    });
    const note: { certificate: string; signature: string } = JSON.parse(
      Buffer.from(csr?.metadata.annotations[annotations.renews] ?? '', 'base64').toString(),
    );
    expect(note.signature).toBe(Buffer.of(1, 2, 3).toString('base64'));
    const [old] = readPem(note.certificate);
    expect(parseCertificate(old?.der ?? new Uint8Array()).sha256).toBe(request.oldCertificate.sha256);
    const [block] = readPem(Buffer.from(csr?.spec.request ?? '', 'base64').toString());
    expect(parseRequest(block?.der ?? new Uint8Array()).spki).toEqual(request.spki);
  });

  it('does not claim an old certificate that the cluster never signed', async () => {
    const { api, kept } = fakeApi(signed);
    await signer(api, { isOurs: false }).sign([requestFor('kubelet.crt')], signal);
    expect([...kept.values()][0]?.metadata.annotations).not.toHaveProperty([annotations.renews]);
  });

  it('waits for a signature, also while the API server is away', async () => {
    const { api } = fakeApi((_, asked) => {
      if (asked === 1) return waiting;
      if (asked < 4) return away;
      return asked === 4 ? { status: 503, body: undefined } : signed();
    });
    const { sign, pauses } = signer(api);
    expect(await sign([requestFor()], signal)).toHaveLength(1);
    expect(pauses).toEqual([50, 1000, 2000, 4000]);
  });

  it('looks soon, since a controller that leads signs soon, and then less often', async () => {
    const { api } = fakeApi((_, asked) => (asked < 8 ? waiting : signed()));
    const { sign, pauses } = signer(api);
    await sign([requestFor()], signal);
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1000, 1000]);
  });

  it.each([
    [
      'Denied',
      { type: 'Denied', reason: 'Identity', message: 'SAN w2 belongs to node w2' },
      'Identity: SAN w2 belongs to node w2',
    ],
    ['Failed', { type: 'Failed', reason: 'X', message: 'y' }, 'X: y'],
    ['Denied without words', { type: 'Denied' }, 'without a reason'],
  ])('%s is a refusal in the signer’s words', async (_, condition, words) => {
    const { api } = fakeApi(() => ({ status: 200, body: { status: { conditions: [condition] } } }));
    await expect(signer(api).sign([requestFor()], signal)).rejects.toMatchObject({
      code: 'SigningRefused',
      message: `apiserver.crt is not signed: ${words}`,
    });
  });

  it('gives up when nobody signs in time', async () => {
    const { api } = fakeApi(() => waiting);
    await expect(signer(api, { patience: 5000 }).sign([requestFor()], signal)).rejects.toMatchObject({
      code: 'Unreachable',
    });
  });

  it('says so when its rights are missing or the request was removed', async () => {
    await expect(signer(forbidden).sign([requestFor()], signal)).rejects.toMatchObject({
      code: 'Denied',
      message: expect.stringContaining('403 not allowed'),
    });
    const { api } = fakeApi(() => ({ status: 404, body: {} }));
    await expect(signer(api).sign([requestFor()], signal)).rejects.toMatchObject({ code: 'Denied' });
  });

  it('stops at once when it is interrupted', async () => {
    const { api } = fakeApi(() => waiting);
    await expect(signer(api).sign([requestFor()], AbortSignal.abort())).rejects.toMatchObject({
      code: 'Aborted',
    });
  });

  it.each([
    ['junk'],
    ['AAAA'],
    [Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n').toString('base64')],
  ])('takes no %s for a certificate', async (text) => {
    const { api } = fakeApi(() => ({ status: 200, body: { status: { certificate: text } } }));
    await expect(signer(api).sign([requestFor()], signal)).rejects.toBeInstanceOf(CertError);
  });
});
