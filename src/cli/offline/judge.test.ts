import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { CertError } from '../../errors.ts';
import { generateLike } from '../../pki/keys.ts';
import { makeRequest } from '../../pki/request.ts';
import { makeCa, type FakeCa } from '../../rotation/fake-disk.ts';
import { fromBase64, readRequests, requestText, toBase64, type RequestBlock } from './block.ts';
import { judgeRequests, notJudged, type JudgeFacts } from './judge.ts';
import { blockOf, clientOf, leafOf, servingOf, type Asked, type Leaf, type LeafIdentity } from './testing.ts';

let ca: FakeCa;
let other: FakeCa;
let client: Leaf;
let serving: Leaf;
beforeAll(() => {
  ca = makeCa();
  other = makeCa();
  client = leafOf(ca, clientOf('w1'));
  serving = leafOf(ca, servingOf('w1', '10.0.0.21'));
});

const facts = (change: Partial<JudgeFacts> = {}): JudgeFacts => ({
  authorities: { kubernetes: [ca.certificate] },
  endpoints: {
    apiServers: ['n1', '10.0.0.1', 'kubernetes', '10.96.0.1'],
    etcd: ['n1', '10.0.0.1'],
    services: [],
    serviceClaims: [],
    controlPlaneEndpoint: ['vip.example'],
  },
  own: { name: 'n1', apiserverSans: [{ kind: 'ip', value: '10.0.0.1' }] },
  ...change,
});

const both = (): Asked[] => [
  { id: 'kubelet-client-current.pem', leaf: client },
  { id: 'kubelet.crt', leaf: serving },
];

const judge = (block: RequestBlock, change: Partial<JudgeFacts> = {}): readonly string[] =>
  judgeRequests([block], facts(change)).flatMap(({ refusals }) => refusals);

/** With something of its first certificate changed. */
const changed = (
  block: RequestBlock,
  change: Partial<RequestBlock['certificates'][number]>,
): RequestBlock => ({
  ...block,
  certificates: block.certificates.map((each, index) => (index === 0 ? { ...each, ...change } : each)),
});

const identity = (change: Partial<LeafIdentity>): LeafIdentity => ({ ...clientOf('w1'), ...change });
const asAdmin = { commonName: 'kubernetes-admin', organizations: ['system:masters'] };

describe('a request that may be signed', () => {
  it('is that of an expired worker, with the keys that it has', () => {
    const [judged] = judgeRequests([blockOf('w1', both())], facts());
    expect(judged?.refusals).toEqual([]);
    expect(judged?.wanted.map(({ id, notes }) => [id, notes])).toEqual([
      ['kubelet-client-current.pem', []],
      ['kubelet.crt', []],
    ]);
  });

  it('may name a new key', () => {
    const pair = generateLike({ keyAlgorithm: 'P-256' });
    const [judged] = judgeRequests(
      [blockOf('w1', [{ id: 'kubelet-client-current.pem', leaf: client, pair }])],
      facts(),
    );
    expect(judged?.wanted[0]?.spki).toEqual(pair.spki);
  });

  it('counts once where it stands twice', () => {
    const block = blockOf('w1', both());
    expect(judgeRequests([block, structuredClone(block)], facts())).toHaveLength(1);
  });

  it('may name an identity of control planes that its old certificate had already, and says so', () => {
    const leaf = leafOf(ca, identity(asAdmin));
    const [judged] = judgeRequests([blockOf('n2', [{ id: 'admin.conf', leaf }])], facts());
    expect(judged?.refusals).toEqual([]);
    expect(judged?.wanted[0]?.notes).toEqual([
      'node n2: admin.conf is an identity of control planes (CN=kubernetes-admin,O=system:masters); its old key proves that the node has it',
    ]);
  });

  it('may be of two nodes that name one address: the old certificate had it, and the person is told', () => {
    const blocks = [
      blockOf('w1', [{ id: 'kubelet.crt', leaf: serving }], '01'.repeat(16)),
      blockOf('w2', [{ id: 'kubelet.crt', leaf: leafOf(ca, servingOf('w2', '10.0.0.21')) }], '02'.repeat(16)),
    ];
    const judged = judgeRequests(blocks, facts());
    expect(judged.flatMap(({ refusals }) => refusals)).toEqual([]);
    expect(judged.flatMap(({ wanted }) => wanted.flatMap(({ notes }) => notes))).toEqual([
      'node w1: kubelet.crt: SAN IP:10.0.0.21: node w2 says that it is its own; it is kept',
      'node w2: kubelet.crt: SAN IP:10.0.0.21: node w1 says that it is its own; it is kept',
    ]);
  });

  it('of the very node that signs may keep what its API server names', () => {
    const leaf = leafOf(ca, servingOf('n1', '10.0.0.1'));
    expect(judge(blockOf('n1', [{ id: 'kubelet.crt', leaf }]))).toEqual([]);
  });
});

describe('a request that is refused', () => {
  it('when the old key did not sign it', () => {
    const block = changed(blockOf('w1', both()), { possession: toBase64(new Uint8Array(70)) });
    expect(judge(block)).toEqual([
      'node w1: kubelet-client-current.pem: the old key did not sign this request: whoever made it does not have the key of CN=system:node:w1,O=system:nodes',
    ]);
  });

  it('when the proof was made for another request, certificate or key', () => {
    const block = blockOf('w1', both());
    const [first, second] = block.certificates;
    const pair = generateLike({ keyAlgorithm: 'P-256' });
    for (const each of [
      { ...block, id: 'ab'.repeat(16) },
      changed(block, { possession: second?.possession ?? '' }),
      changed(block, { request: toBase64(makeRequest(pair, first?.id ?? '')) }),
    ])
      expect(judge(each).join()).toContain('the old key did not sign this request');
  });

  it('when the CSR is not signed by its own key', () => {
    const block = blockOf('w1', both());
    const request = fromBase64(block.certificates[0]?.request ?? '');
    request[request.length - 1] = (request.at(-1) ?? 0) ^ 1;
    expect(judge(changed(block, { request: toBase64(request) }))).toEqual([
      'node w1: kubelet-client-current.pem: the request is not signed by the key that it names',
    ]);
  });

  it('when the CSR asks for a name', () => {
    const request = toBase64(makeRequest(client.pair, 'kubernetes-admin'));
    expect(judge(changed(blockOf('w1', both()), { request }))).toEqual([
      'node w1: kubelet-client-current.pem: it asks for subject "CN=kubernetes-admin"; every name comes from the old certificate',
    ]);
  });

  it('when another CA signed the old certificate', () => {
    const leaf = leafOf(other, clientOf('w1'));
    expect(judge(blockOf('w1', [{ id: 'kubelet-client-current.pem', leaf }]))).toEqual([
      'node w1: kubelet-client-current.pem: its old certificate was signed by CN=kubernetes, not by the kubernetes CA with which this call signs',
    ]);
  });

  it('when the old certificate is none', () => {
    expect(judge(changed(blockOf('w1', both()), { old: 'AAAA' })).join()).toContain(
      'its old certificate cannot be read: ',
    );
  });

  it.each([
    [
      'kubelet-client-current.pem',
      asAdmin,
      /subject "CN=kubernetes-admin,O=system:masters" needs CN "system:node:w1"/u,
    ],
    ['kubelet-client-current.pem', { organizations: ['system:masters'] }, /needs O "system:nodes"/u],
    ['kubelet-client-current.pem', { commonName: 'system:node:n1' }, /needs CN "system:node:w1"/u],
    ['kubelet-client-current.pem', { extendedKeyUsages: ['serverAuth'] }, /extended key usage serverAuth/u],
    [
      'kubelet-client-current.pem',
      { sans: [{ kind: 'dns', value: 'w1' }] },
      /a client certificate names no host/u,
    ],
    ['admin.conf', {}, /needs CN "kubernetes-admin"/u],
    ['scheduler.conf', { commonName: 'system:kube-controller-manager' }, /needs CN "system:kube-scheduler"/u],
    ['apiserver.crt', {}, /needs CN "kube-apiserver"/u],
    ['kubelet.crt', { commonName: 'system:kube-proxy' }, /needs CN "system:node:w1" or "kubelet"/u],
  ] as const)('as %s with %j', (id, change, why) => {
    const leaf = leafOf(ca, identity(change));
    expect(judge(blockOf('w1', [{ id, leaf }])).join()).toMatch(why);
  });

  it.each([
    ['n1', 'it belongs to node n1'],
    ['10.0.0.1', 'it is the address of an API server'],
    ['10.96.0.1', 'it is the address of an API server'],
    ['vip.example', 'it is the controlPlaneEndpoint'],
    ['kubernetes.default', 'names that begin with "kubernetes" are the API server’s'],
    ['web.default.svc', 'it is the name of a Service'],
  ])('when a worker’s serving certificate names %s (R5)', (name, why) => {
    const leaf = leafOf(ca, servingOf('w1', name));
    expect(judge(blockOf('w1', [{ id: 'kubelet.crt', leaf }])).join()).toContain(why);
  });

  it('when it names another node of the same call', () => {
    const blocks = [
      blockOf(
        'w1',
        [{ id: 'kubelet.crt', leaf: leafOf(ca, servingOf('w1', 'w2', '10.0.0.21')) }],
        '01'.repeat(16),
      ),
      blockOf('w2', [{ id: 'kubelet.crt', leaf: leafOf(ca, servingOf('w2', '10.0.0.22')) }], '02'.repeat(16)),
    ];
    expect(judgeRequests(blocks, facts()).map(({ refusals }) => refusals)).toEqual([
      ['node w1: kubelet.crt: SAN DNS:w2: it belongs to node w2'],
      [],
    ]);
  });

  it('when two of one id differ', () => {
    const block = blockOf('w1', both());
    const judged = judgeRequests([block, { ...block, made: '2030-03-02T00:00:00Z' }], facts());
    expect(judged[0]?.refusals).toEqual([
      `node w1: two requests have the id ${block.id} and differ; have it made again`,
    ]);
  });

  it('when the new key is of a kind that nobody takes', () => {
    const pair = generateLike({ keyAlgorithm: 'Ed25519' });
    const asked = { id: 'kubelet-client-current.pem', leaf: client, pair } as const;
    expect(judge(blockOf('w1', [asked]))).toEqual([
      'node w1: kubelet-client-current.pem: a key of kind Ed25519 is not signed',
    ]);
  });
});

describe('what is not judged', () => {
  const api =
    'not judged, since sign asks no API (it must work while that is dead): whether these nodes (w1) still belong to this cluster, and whether names and addresses are theirs alone';

  it('is said', () => {
    expect(notJudged(judgeRequests([blockOf('w1', both())], facts()), facts())).toEqual([api]);
  });

  it('is more where nothing is known of the control plane', () => {
    expect(notJudged(judgeRequests([blockOf('w1', both())], facts()), facts({ own: undefined }))).toEqual([
      api,
      'not judged either: names of API servers and etcd, which are not known on this machine',
    ]);
  });
});

/** Only our own errors. */
function expectSurvives(text: string): void {
  try {
    judgeRequests(readRequests(text), facts());
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
  }
}

describe('whatever comes as a request', () => {
  it('random text', () => {
    fc.assert(fc.property(fc.string(), (text) => expectSurvives(text)));
  });

  it('a request with bytes changed', () => {
    const text = requestText(blockOf('w1', both()));
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.nat(255), (at, byte) =>
        expectSurvives(text.slice(0, at) + String.fromCodePoint(byte) + text.slice(at + 1)),
      ),
    );
  });

  it('a request with bytes of what it carries changed', () => {
    const block = blockOf('w1', both());
    const fields = ['old', 'request', 'possession'] as const;
    fc.assert(
      fc.property(
        fc.constantFrom(...fields),
        fc.nat(2000),
        fc.integer({ min: 1, max: 255 }),
        (field, at, bits) => {
          const bytes = fromBase64(block.certificates[0]?.[field] ?? '');
          const place = at % bytes.length;
          bytes[place] = (bytes[place] ?? 0) ^ bits;
          const [judged] = judgeRequests([changed(block, { [field]: toBase64(bytes) })], facts());
          expect(judged?.refusals).toHaveLength(1);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('a request with other bytes in it', () => {
    const block = blockOf('w1', both());
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        const garbage = toBase64(bytes);
        const [judged] = judgeRequests([changed(block, { old: garbage, request: garbage })], facts());
        expect(judged?.refusals).toHaveLength(1);
      }),
    );
  });
});
