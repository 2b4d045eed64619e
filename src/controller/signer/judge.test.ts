import { execFileSync } from 'node:child_process';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { certificateIds } from '../../catalogue/ids.ts';
import { annotations } from '../../kube/types.ts';
import { generateLike } from '../../pki/keys.ts';
import { pem } from '../../pki/pem.ts';
import { makeRequest } from '../../pki/request.ts';
import { defaultConfiguration } from '../configuration.ts';
import { makeLeaf, makeNode } from '../vault/testing.ts';
import type { SigningFacts } from './facts.ts';
import { withGiven } from './first-kubelet.ts';
import { judge } from './judge.ts';
import {
  cas,
  controlPlane,
  honest,
  inventoryOf,
  otherCluster,
  podFor,
  renews,
  rotationFor,
  vault,
  worker,
  workerClient,
  workerKubelet,
  type Honest,
} from './testing.ts';

type Forgery = (good: Honest) => { csr?: CertificateSigningRequest; facts?: Partial<SigningFacts> };

const extraKey = (key: string): string => `authentication.kubernetes.io/${key}`;

function withExtra(csr: CertificateSigningRequest, key: string, values: string[] | undefined) {
  const { [extraKey(key)]: _, ...others } = csr.spec.extra ?? {};
  const extra = values === undefined ? others : { ...others, [extraKey(key)]: values };
  return { ...csr, spec: { ...csr.spec, extra } };
}

function withNote(csr: CertificateSigningRequest, key: string, value: string | undefined) {
  const { [key]: _, ...others } = csr.metadata?.annotations ?? {};
  const notes = value === undefined ? others : { ...others, [key]: value };
  return { ...csr, metadata: { ...csr.metadata, annotations: notes } };
}

function withRequest(csr: CertificateSigningRequest, text: string) {
  return { ...csr, spec: { ...csr.spec, request: Buffer.from(text).toString('base64') } };
}

function asked(forge: Forgery = () => ({}), good = honest(worker, 'kubelet.crt', workerKubelet)) {
  const { csr = good.csr, facts = {} } = forge(good);
  const judgement = judge(csr, { ...good.facts, ...facts });
  return judgement.verdict === 'deny' ? `${judgement.reason}: ${judgement.message}` : judgement.verdict;
}

/** Asks for more than an agent does. */
function opensslRequest(subject: string, ...more: string[]): string {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null'];
  return execFileSync('openssl', ['req', '-new', ...key, '-subj', subject, ...more], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

const stranger = generateLike({ keyAlgorithm: 'P-256' });

describe('an honest agent', () => {
  it('gets its worker’s kubelet.crt', () => {
    expect(asked()).toBe('sign');
  });
  it('gets its worker’s kubelet client certificate', () => {
    expect(asked(undefined, honest(worker, 'kubelet-client-current.pem', workerClient))).toBe('sign');
  });
  it('gets a first kubelet.crt from the Node object, without an old one (R3)', () => {
    const inventory = inventoryOf(worker, 'SelfSigned');
    expect(
      asked(({ csr }) => ({ csr: withNote(csr, annotations.renews, undefined), facts: { inventory } })),
    ).toBe('sign');
  });
  it('gets it below Kubernetes 1.30, where node name and UID come from the Pod', () => {
    const { csr, facts } = honest(worker, 'kubelet.crt', workerKubelet);
    const without = withExtra(withExtra(csr, 'node-name', undefined), 'node-uid', undefined);
    expect(judge(without, { ...facts, nodeInExtras: false }).verdict).toBe('sign');
  });
  it('gets it with the key that it had', () => {
    expect(asked(undefined, honest(worker, 'kubelet.crt', workerKubelet, workerKubelet.pair))).toBe('sign');
  });
  it('gets an etcd certificate from the etcd CA on a control plane', () => {
    const old = makeLeaf(cas.etcd, { commonName: 'cp1', extendedKeyUsages: ['serverAuth', 'clientAuth'] });
    expect(asked(undefined, honest(controlPlane, 'etcd/server.crt', old))).toBe('sign');
  });
});

describe('a malicious agent: each field forged', () => {
  it.each<[string, string, Forgery]>([
    [
      'another user',
      'Requester',
      ({ csr }) => ({ csr: { ...csr, spec: { ...csr.spec, username: 'system:node:w1' } } }),
    ],
    [
      'the agents’ ServiceAccount of another namespace',
      'Requester',
      ({ csr }) => ({
        csr: {
          ...csr,
          spec: { ...csr.spec, username: 'system:serviceaccount:default:cluster-cert-rotator-agent' },
        },
      }),
    ],
    ['a request that is no PEM', 'WellFormed', ({ csr }) => ({ csr: withRequest(csr, 'hello') })],
    [
      'two requests in one',
      'WellFormed',
      ({ csr, pair }) => {
        const one = pem('CERTIFICATE REQUEST', makeRequest(pair, 'x'));
        return { csr: withRequest(csr, one + one) };
      },
    ],
    [
      'an organization in the subject',
      'WellFormed',
      ({ csr }) => ({ csr: withRequest(csr, opensslRequest('/O=system:masters/CN=kubernetes-admin')) }),
    ],
    [
      'names of its own',
      'WellFormed',
      ({ csr }) => ({
        csr: withRequest(csr, opensslRequest('/CN=x', '-addext', 'subjectAltName=DNS:kubernetes')),
      }),
    ],
    [
      'a new key that the requester does not have',
      'WellFormed',
      ({ csr, pair }) => {
        const lie = makeRequest({ ...stranger, spki: pair.spki }, 'x');
        return { csr: withRequest(csr, pem('CERTIFICATE REQUEST', lie)) };
      },
    ],
    [
      'no catalogue id',
      'WellFormed',
      ({ csr }) => ({ csr: withNote(csr, annotations.certificate, undefined) }),
    ],
    ['an unknown id', 'WellFormed', ({ csr }) => ({ csr: withNote(csr, annotations.certificate, 'sa.key') })],
    ['a broken renews', 'WellFormed', ({ csr }) => ({ csr: withNote(csr, annotations.renews, 'AAAA') })],
    [
      'a renews that holds more than it should',
      'WellFormed',
      ({ csr }) => {
        const json = JSON.stringify({ certificate: '', signature: '', role: 'admin' });
        return { csr: withNote(csr, annotations.renews, Buffer.from(json).toString('base64')) };
      },
    ],
    ['no rotation', 'RotationRunning', () => ({ facts: { rotation: undefined } })],
    [
      'a rotation that has ended',
      'RotationRunning',
      ({ rotation }) => ({ facts: { rotation: { ...rotation, status: { phase: 'Succeeded' } } } }),
    ],
    [
      'a rotation that has not begun',
      'RotationRunning',
      ({ rotation }) => ({ facts: { rotation: { ...rotation, status: { phase: 'Scheduled' } } } }),
    ],
    [
      'a certificate that the rotation does not name',
      'CertificateInRotation',
      ({ csr }) => ({ csr: withNote(csr, annotations.certificate, 'kubelet-client-current.pem') }),
    ],
    ['a node that is gone', 'NodeMatches', () => ({ facts: { nodes: [controlPlane] } })],
    [
      'a node that was replaced under its name',
      'NodeMatches',
      () => ({ facts: { nodes: [{ ...worker, metadata: { ...worker.metadata, uid: 'another' } }] } }),
    ],
    ['the name of another node', 'NodeMatches', ({ csr }) => ({ csr: withExtra(csr, 'node-name', ['w2']) })],
    [
      'the UID of another node',
      'NodeMatches',
      ({ csr }) => ({ csr: withExtra(csr, 'node-uid', ['uid-w2']) }),
    ],
    ['two node names', 'NodeMatches', ({ csr }) => ({ csr: withExtra(csr, 'node-name', ['w1', 'w2']) })],
    ['no node name on ≥ 1.30', 'NodeMatches', ({ csr }) => ({ csr: withExtra(csr, 'node-name', undefined) })],
    ['no node UID on ≥ 1.30', 'NodeMatches', ({ csr }) => ({ csr: withExtra(csr, 'node-uid', undefined) })],
    [
      'the name of another node below 1.30',
      'NodeMatches',
      ({ csr }) => ({ csr: withExtra(csr, 'node-name', ['w2']), facts: { nodeInExtras: false } }),
    ],
    ['a token without a Pod', 'PodMatches', ({ csr }) => ({ csr: withExtra(csr, 'pod-name', undefined) })],
    [
      'a token without the Pod’s UID',
      'PodMatches',
      ({ csr }) => ({ csr: withExtra(csr, 'pod-uid', undefined) }),
    ],
    ['a Pod that does not exist', 'PodMatches', () => ({ facts: { pod: undefined } })],
    [
      'another Pod under the name',
      'PodMatches',
      ({ csr }) => ({ csr: withExtra(csr, 'pod-uid', ['pod-2']) }),
    ],
    ['another Pod’s name', 'PodMatches', ({ csr }) => ({ csr: withExtra(csr, 'pod-name', ['rotate-2']) })],
    [
      'a Pod that is being deleted',
      'PodMatches',
      ({ facts }) => ({
        facts: { pod: { ...facts.pod, metadata: { ...facts.pod?.metadata, deletionTimestamp: 'x' } } },
      }),
    ],
    [
      'a Pod of another rotation',
      'PodMatches',
      () => ({ facts: { pod: podFor(worker, rotationFor(controlPlane, [])) } }),
    ],
    [
      'a scan Pod',
      'PodMatches',
      ({ facts }) => ({
        facts: {
          pod: {
            ...facts.pod,
            metadata: {
              ...facts.pod?.metadata,
              labels: { ...facts.pod?.metadata?.labels, 'certrotator.cpaas.io/kind': 'scan' },
            },
          },
        },
      }),
    ],
    [
      'a Pod on another node',
      'PodMatches',
      ({ facts }) => ({ facts: { pod: { ...facts.pod, spec: { nodeName: 'w2', containers: [] } } } }),
    ],
    [
      'no proof by the old key for anything but kubelet.crt',
      'ProofByOldKey',
      ({ csr, rotation }) => ({
        csr: withNote(
          withNote(csr, annotations.renews, undefined),
          annotations.certificate,
          'kubelet-client-current.pem',
        ),
        facts: {
          rotation: { ...rotation, spec: { ...rotation.spec, certificates: ['kubelet-client-current.pem'] } },
        },
      }),
    ],
    [
      'a first kubelet.crt although the one that it has was signed by the CA',
      'ProofByOldKey',
      ({ csr }) => ({ csr: withNote(csr, annotations.renews, undefined) }),
    ],
    [
      'a first kubelet.crt for other names than it was given before',
      'Identity',
      ({ csr }) => {
        const moved = makeNode('w1', ['10.0.0.66']);
        const given = { from: 'successor', old: workerKubelet.certificate, disputed: [] } as const;
        const inventory = withGiven(inventoryOf(worker, 'SelfSigned'), 'uid-w1', given);
        return {
          csr: withNote(csr, annotations.renews, undefined),
          facts: { inventory, nodes: [controlPlane, moved] },
        };
      },
    ],
    [
      'a first kubelet.crt although kubelet.serving is "leave"',
      'ProofByOldKey',
      ({ csr }) => ({
        csr: withNote(csr, annotations.renews, undefined),
        facts: {
          configuration: { ...defaultConfiguration, kubelet: { serving: 'leave', restart: 'always' } },
        },
      }),
    ],
    [
      'a proof by another key',
      'ProofByOldKey',
      ({ csr, old, rotation, pair }) => {
        const note = renews(old, rotation.metadata.uid ?? '', 'kubelet.crt', pair.spki, stranger);
        return { csr: withNote(csr, annotations.renews, note) };
      },
    ],
    [
      'a proof for another new key',
      'ProofByOldKey',
      ({ csr, old, rotation }) => {
        const note = renews(old, rotation.metadata.uid ?? '', 'kubelet.crt', stranger.spki);
        return { csr: withNote(csr, annotations.renews, note) };
      },
    ],
    [
      'a proof for another rotation',
      'ProofByOldKey',
      ({ csr, old, pair }) => ({
        csr: withNote(csr, annotations.renews, renews(old, 'rotation-w2', 'kubelet.crt', pair.spki)),
      }),
    ],
    [
      'a proof for another certificate',
      'ProofByOldKey',
      ({ csr, old, rotation, pair }) => {
        const note = renews(old, rotation.metadata.uid ?? '', 'apiserver.crt', pair.spki);
        return { csr: withNote(csr, annotations.renews, note) };
      },
    ],
    [
      'a CA that the cluster does not trust now',
      'CaMatches',
      ({ facts }) => ({
        facts: {
          vault: {
            ...facts.vault,
            anchors: { kubernetes: [otherCluster.certificate], frontProxy: [], etcd: [] },
          },
        },
      }),
    ],
  ])('with %s is denied by check %s', (_what, check, forge) => {
    expect(asked(forge)).toMatch(new RegExp(`^${check}: .{10}`, 'u'));
  });

  it('cannot renew a certificate of another cluster’s CA', () => {
    const old = makeLeaf(otherCluster, { commonName: 'kubelet', sans: workerKubelet.certificate.sans });
    expect(asked(undefined, honest(worker, 'kubelet.crt', old))).toMatch(/^OldSignedByCa: /u);
  });

  it('cannot renew a certificate of the etcd CA as one of the cluster CA', () => {
    const old = makeLeaf(cas.etcd, { commonName: 'kubelet', sans: workerKubelet.certificate.sans });
    expect(asked(undefined, honest(worker, 'kubelet.crt', old))).toMatch(/^OldSignedByCa: /u);
  });

  it('cannot use a weak key', () => {
    const key = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    const spki = new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' }));
    const weak = { key, spki };
    const good = honest(worker, 'kubelet.crt', workerKubelet, weak);
    expect(asked(undefined, good)).toMatch(/^KeyAlgorithm: /u);
  });

  it('cannot keep a key that is said to be known to others', () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet, workerKubelet.pair);
    const spec = { ...good.rotation.spec, reason: 'Compromised' as const };
    expect(asked(() => ({ facts: { rotation: { ...good.rotation, spec } } }), good)).toMatch(
      /^KeyAlgorithm: /u,
    );
  });

  it.each(certificateIds.filter((id) => !id.startsWith('kubelet')))(
    'on a worker never gets %s, whatever old certificate it holds',
    (id) => {
      const ca = id.includes('etcd')
        ? cas.etcd
        : id.startsWith('front')
          ? cas['front-proxy']
          : cas.kubernetes;
      const old = makeLeaf(ca, { commonName: 'kubernetes-admin', organizations: ['system:masters'] });
      expect(asked(undefined, honest(worker, id, old))).toMatch(/^Identity: RoleNotAllowed/u);
    },
  );

  it('cannot become a control plane by what it says: only the label counts (R6)', () => {
    const old = makeLeaf(cas.kubernetes, { commonName: 'kube-apiserver' });
    const lying = makeNode('w1', ['10.0.0.11']);
    const labelled = { ...lying, metadata: { ...lying.metadata, labels: { role: 'control-plane' } } };
    const good = honest(worker, 'apiserver.crt', old);
    expect(asked(() => ({ facts: { nodes: [labelled, controlPlane] } }), good)).toMatch(/RoleNotAllowed/u);
  });

  it('gets nothing when one SAN of the old certificate is another node’s, and the message names it', () => {
    const sans = [...workerKubelet.certificate.sans, { kind: 'ip' as const, value: '10.0.0.12' }];
    const old = makeLeaf(cas.kubernetes, { commonName: 'kubelet', sans });
    expect(asked(undefined, honest(worker, 'kubelet.crt', old))).toMatch(/SanNotAllowed.*10\.0\.0\.12.*w2/u);
  });

  it('gets no system:masters that its live certificate does not have', () => {
    const old = makeLeaf(cas.kubernetes, {
      commonName: 'system:kube-scheduler',
      organizations: ['system:masters'],
      extendedKeyUsages: ['clientAuth'],
    });
    expect(asked(undefined, honest(controlPlane, 'scheduler.conf', old))).toMatch(/SubjectNotAllowed/u);
  });
});

it('other certificates than kubelet.crt do not wait for an API server that does not answer', () => {
  const good = honest(worker, 'kubelet-client-current.pem', workerClient);
  expect(asked(() => ({ facts: { unknownEndpoints: ['the API server of node cp1'] } }), good)).toBe('sign');
});

describe('what cannot be said now', () => {
  it.each<[string, Forgery]>([
    ['clocks differ: they can be corrected', () => ({ facts: { skew: -301_000 } })],
    [
      'an API server does not answer',
      () => ({ facts: { unknownEndpoints: ['the API server of node cp1'] } }),
    ],
    [
      'a first kubelet.crt is asked for before the node was scanned',
      ({ csr }) => ({ csr: withNote(csr, annotations.renews, undefined), facts: { inventory: undefined } }),
    ],
    [
      'the scan is of a node that had this name before',
      ({ csr }) => {
        const before = { ...worker, metadata: { ...worker.metadata, uid: 'before' } };
        const inventory = inventoryOf(before, 'SelfSigned');
        return { csr: withNote(csr, annotations.renews, undefined), facts: { inventory } };
      },
    ],
    ['the clock was not compared yet', () => ({ facts: { skew: undefined } })],
    [
      'what the cluster trusts cannot be read',
      () => ({ facts: { vault: { ...vault, anchors: undefined } } }),
    ],
    [
      'the CA is being captured',
      () => ({
        facts: {
          vault: { ...vault, cas: { ...vault.cas, kubernetes: { state: 'absent', message: 'not yet' } } },
        },
      }),
    ],
    [
      'the rotation is only Admitted',
      ({ rotation }) => ({ facts: { rotation: { ...rotation, status: { phase: 'Admitted' } } } }),
    ],
  ])('waits while %s', (_what, forge) => {
    expect(asked(forge)).toBe('wait');
  });

  it('is said of a clock in the same words at every pass, so that the log tells it once', () => {
    const { csr, facts } = honest(worker, 'kubelet.crt', workerKubelet);
    const message = 'the clocks of controller and API server differ by more than 300 s; correct them';
    for (const skew of [301_000, 302_400, -900_000])
      expect(judge(csr, { ...facts, skew })).toEqual({ verdict: 'wait', message });
  });
});

it('reads nothing of a request of a stranger', () => {
  const good = honest(worker, 'kubelet.crt', workerKubelet);
  const spec = { ...good.csr.spec, username: 'system:node:w1' };
  Object.defineProperty(spec, 'request', {
    get() {
      throw new Error('it was read');
    },
  });
  expect(judge({ ...good.csr, spec }, good.facts)).toMatchObject({ verdict: 'deny', reason: 'Requester' });
});

it('no request of random parts is ever signed, and none throws', () => {
  const good = honest(worker, 'kubelet.crt', workerKubelet);
  const notes = fc.record({
    [annotations.rotation]: fc.string(),
    [annotations.certificate]: fc.oneof(fc.string(), fc.constantFrom(...certificateIds)),
    [annotations.renews]: fc.oneof(fc.string(), fc.base64String()),
  });
  fc.assert(
    fc.property(notes, fc.oneof(fc.base64String(), fc.string()), (annotations, request) => {
      const csr = { ...good.csr, metadata: { annotations }, spec: { ...good.csr.spec, request } };
      expect(judge(csr, good.facts).verdict).toBe('deny');
    }),
  );
});

it('no byte of the request can be changed: every flip is denied', () => {
  const good = honest(worker, 'kubelet.crt', workerKubelet);
  const der = makeRequest(good.pair, 'kubelet.crt');
  for (let at = 0; at < der.length; at += 1) {
    const flipped = Uint8Array.from(der);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    const csr = withRequest(good.csr, pem('CERTIFICATE REQUEST', flipped));
    expect(judge(csr, good.facts).verdict, `byte ${at}`).toBe('deny');
  }
});
