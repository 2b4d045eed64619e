import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { CertError } from '../../errors.ts';
import { resources } from '../../kube/resources.ts';
import { annotations } from '../../kube/types.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { generateLike } from '../../pki/keys.ts';
import { parseCertificate } from '../../pki/parse.ts';
import { readPem } from '../../pki/pem.ts';
import { defaultConfiguration } from '../configuration.ts';
import { makeLeaf, makeNode, MemoryApi } from '../vault/testing.ts';
import { givenAnnotation } from './first-kubelet.ts';
import { handleRequests, type SigningRound } from './handle.ts';
import {
  cas,
  controlPlane,
  honest,
  inventoryOf,
  nodes,
  now,
  vault,
  worker,
  workerClient,
  workerKubelet,
  type Honest,
} from './testing.ts';

const directory = mkdtempSync(join(tmpdir(), 'signer-'));
afterAll(() => rmSync(directory, { recursive: true }));

let api: MemoryApi;
beforeEach(() => {
  api = new MemoryApi();
});

function put(good: Honest, name = good.csr.metadata?.name ?? ''): CertificateSigningRequest {
  api.put('CertificateRotation', good.rotation);
  api.put('Pod', { ...good.facts.pod });
  api.put('CertificateSigningRequest', {
    ...good.csr,
    metadata: { ...good.csr.metadata, name, uid: `uid-${name}` },
  });
  return read(name);
}

/** As from a node whose kubelet.crt signed itself: nothing to prove by. */
function putFirst(good: Honest, name?: string): void {
  const { [annotations.renews]: _, ...notes } = good.csr.metadata?.annotations ?? {};
  put({ ...good, csr: { ...good.csr, metadata: { ...good.csr.metadata, annotations: notes } } }, name);
}

function read(name: string): CertificateSigningRequest {
  const csr = api.read(resources.certificateSigningRequests, { name });
  if (csr === undefined) throw new Error(`${name} is gone`);
  return csr;
}

async function round(over: Partial<SigningRound> = {}) {
  const { items } = await api.list(resources.certificateSigningRequests);
  const rotations = (await api.list(resources.certificateRotations)).items;
  return handleRequests({
    client: api.client,
    now,
    requests: items,
    rotations,
    nodes,
    vault,
    configuration: defaultConfiguration,
    skew: 0,
    nodeInExtras: true,
    publicNamespace: 'cpaas-system',
    endpoints: async () =>
      Promise.resolve({
        endpoints: {
          apiServers: ['10.0.0.1'],
          etcd: [],
          services: ['10.96.0.1'],
          serviceClaims: [],
          controlPlaneEndpoint: [],
        },
        apiserverSans: new Map(),
        unknown: [],
      }),
    ...over,
  });
}

function certificateOf(csr: CertificateSigningRequest): Certificate {
  const text = Buffer.from(csr.status?.certificate ?? '', 'base64').toString();
  return parseCertificate(readPem(text)[0]?.der ?? new Uint8Array());
}

function conditions(csr: CertificateSigningRequest): string[] {
  return (csr.status?.conditions ?? []).map(({ type, reason }) => `${type}: ${reason ?? ''}`);
}

/** openssl's own view of a certificate against its CA. */
function openssl(csr: CertificateSigningRequest, caPem: string, purpose: string): string {
  const [ca, leaf] = [join(directory, 'ca'), join(directory, 'leaf')];
  writeFileSync(ca, caPem);
  writeFileSync(leaf, Buffer.from(csr.status?.certificate ?? '', 'base64'));
  const at = String(Math.floor(now.getTime() / 1000));
  const verify = ['verify', '-attime', at, '-x509_strict', '-purpose', purpose, '-CAfile', ca, leaf];
  return execFileSync('openssl', verify, { encoding: 'utf8', stdio: 'pipe' });
}

describe('handleRequests', () => {
  it('approves and signs an honest request; openssl verifies what it gave', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet);
    put(good);
    const { handled, events } = await round();
    expect(handled).toMatchObject([{ outcome: 'signed' }]);
    expect(events).toEqual([]);
    const csr = read(good.csr.metadata?.name ?? '');
    expect(conditions(csr)).toEqual(['Approved: AllChecksHold']);
    expect(openssl(csr, cas.kubernetes.certPem, 'sslserver')).toContain('OK');

    const made = certificateOf(csr);
    const old = workerKubelet.certificate;
    expect(Buffer.from(made.subject.der).equals(old.subject.der)).toBe(true);
    expect(made.sans).toEqual(old.sans);
    expect(made.extendedKeyUsages).toEqual(old.extendedKeyUsages);
    expect(Buffer.from(made.spki).equals(good.pair.spki)).toBe(true);
    expect(made.serial).not.toBe(old.serial);
    const lifetime = made.notAfter.getTime() - now.getTime();
    expect(Math.abs(lifetime - defaultConfiguration.lifetimes.kubelet)).toBeLessThan(1000);
    expect(now.getTime() - made.notBefore.getTime()).toBeGreaterThanOrEqual(defaultConfiguration.backdate);
  });

  it('gives a control plane’s certificate its own lifetime, from the etcd CA', async () => {
    const old = makeLeaf(cas.etcd, { commonName: 'cp1', extendedKeyUsages: ['serverAuth', 'clientAuth'] });
    const good = honest(controlPlane, 'etcd/server.crt', old);
    put(good);
    await round();
    const csr = read(good.csr.metadata?.name ?? '');
    expect(openssl(csr, cas.etcd.certPem, 'sslclient')).toContain('OK');
    const days = (certificateOf(csr).notAfter.getTime() - now.getTime()) / 864e5;
    expect(Math.round(days)).toBe(365);
  });

  it('makes a first kubelet.crt from the Node object (R3); openssl verifies it as a server only', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet);
    api.put('ConfigMap', inventoryOf(worker, 'SelfSigned'));
    putFirst(good);
    await round();
    const csr = read(good.csr.metadata?.name ?? '');
    const made = certificateOf(csr);
    expect(made.subject.commonName).toBe('system:node:w1');
    expect(made.subject.organizations).toEqual(['system:nodes']);
    expect(made.extendedKeyUsages).toEqual(['serverAuth']);
    expect(made.sans.map(({ value }) => value)).toEqual(['w1', '10.0.0.11']);
    expect(openssl(csr, cas.kubernetes.certPem, 'sslserver')).toContain('OK');
    expect(() => openssl(csr, cas.kubernetes.certPem, 'sslclient')).toThrow(/purpose/iu);
  });

  it('gives a first kubelet.crt again after a roll-back, but never for other names (R3)', async () => {
    api.put('ConfigMap', inventoryOf(worker, 'SelfSigned'));
    putFirst(honest(worker, 'kubelet.crt', workerKubelet), 'first');
    expect((await round()).handled).toMatchObject([{ outcome: 'signed' }]);
    const note = api.read(resources.configMaps, { name: 'node-local-certs-w1', namespace: 'cpaas-system' });
    expect(note?.metadata?.annotations?.[givenAnnotation]).toBe(
      '{"nodeUID":"uid-w1","names":["10.0.0.11","w1"]}',
    );
    putFirst(honest(worker, 'kubelet.crt', workerKubelet), 'again');
    expect((await round()).handled).toMatchObject([{ outcome: 'signed' }]);

    const moved = nodes.map((node) =>
      node.metadata?.name === 'w1' ? makeNode('w1', ['203.0.113.5']) : node,
    );
    putFirst(honest(worker, 'kubelet.crt', workerKubelet), 'other');
    const { handled } = await round({ nodes: moved });
    expect(handled).toMatchObject([{ outcome: 'denied', message: expect.stringContaining('203.0.113.5') }]);
  });

  it('signs nothing that it could not write down first', async () => {
    api.put('ConfigMap', inventoryOf(worker, 'SelfSigned'));
    putFirst(honest(worker, 'kubelet.crt', workerKubelet), 'first');
    api.refuse = (what) => (what.includes('ConfigMap') ? new CertError('Denied', 'no') : undefined);
    expect((await round()).handled).toMatchObject([{ outcome: 'error' }]);
    expect(read('first').status).toBeUndefined();
  });

  it('denies a request by hand with our signer name, signs nothing, and goes on with the others', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet);
    put(good);
    const byHand = { ...good.csr, spec: { ...good.csr.spec, username: 'kubernetes-admin' } };
    put({ ...good, csr: byHand }, 'a-by-hand');
    put({ ...good, csr: { ...byHand, metadata: {}, spec: { ...byHand.spec, request: '!' } } }, 'b-nonsense');
    const { handled, events } = await round();
    expect(handled).toMatchObject([
      { outcome: 'signed' },
      { outcome: 'denied', message: expect.stringContaining('2 of 2 requests of others') },
    ]);
    expect(conditions(read('a-by-hand'))).toEqual(['Denied: Requester']);
    expect(read('a-by-hand').status?.certificate).toBeUndefined();
    expect(conditions(read('b-nonsense'))).toEqual(['Denied: Requester']);
    expect(events).toEqual([]);
  });

  it('is not kept busy by a stranger’s thousand requests: agents first, a bounded number a round, one line', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet);
    const spec = { ...good.csr.spec, username: 'system:node:w2', request: 'A'.repeat(100_000) };
    for (let i = 0; i < 1000; i += 1) put({ ...good, csr: { ...good.csr, spec } }, `a-${i}`);
    put(good, 'z');
    const reads = vi.spyOn(api, 'get');
    const { handled, events } = await round();
    expect(handled.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(['z signed', 'a-0 denied']);
    expect(api.writes).toHaveLength(2 + 50);
    expect(reads.mock.calls.length).toBeLessThan(10);
    expect(events).toEqual([]);
  });

  it('asks nothing of the cluster for a stranger', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet);
    put({ ...good, csr: { ...good.csr, spec: { ...good.csr.spec, username: 'system:node:w2' } } }, 'by-w2');
    const endpoints = vi.fn<SigningRound['endpoints']>();
    expect((await round({ endpoints })).handled).toMatchObject([{ outcome: 'denied' }]);
    expect(endpoints).not.toHaveBeenCalled();
  });

  it('still tells an agent’s denial in an Event', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet);
    put({ ...good, rotation: { ...good.rotation, status: { phase: 'Succeeded' } } });
    expect((await round()).events).toMatchObject([
      { type: 'Warning', reason: 'SigningRefused', about: { name: 'w1-abc-1' } },
    ]);
  });

  it('fails, and does not sign, a bad request that a person has approved', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet);
    const status = { conditions: [{ type: 'Approved', status: 'True' }] };
    const spec = { ...good.csr.spec, username: 'kubernetes-admin' };
    put({ ...good, csr: { ...good.csr, spec, status } }, 'approved-by-hand');
    await round();
    expect(conditions(read('approved-by-hand'))).toEqual(['Approved: ', 'Failed: Requester']);
    expect(read('approved-by-hand').status?.certificate).toBeUndefined();
  });

  it('signs names that another worker claims, and says who does in an Event on the node', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet);
    put(good);
    const greedy = nodes.map((node) => (node.metadata?.name === 'w2' ? makeNode('w2', ['10.0.0.11']) : node));
    const { handled, events } = await round({ nodes: greedy });
    expect(handled).toMatchObject([{ outcome: 'signed' }]);
    expect(events).toMatchObject([
      { type: 'Warning', reason: 'NameDisputed', about: { kind: 'Node', name: 'w1' } },
    ]);
    expect(events[0]?.message).toContain('node w2 says');
  });

  it('leaves requests of other signers alone', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet);
    const spec = { ...good.csr.spec, signerName: 'kubernetes.io/kubelet-serving' };
    put({ ...good, csr: { ...good.csr, spec } });
    expect((await round()).handled).toEqual([]);
    expect(api.writes).toEqual([]);
  });

  it('does nothing the second time', async () => {
    put(honest(worker, 'kubelet.crt', workerKubelet));
    await round();
    const before = api.writes.length;
    expect((await round()).handled).toEqual([]);
    expect(api.writes).toHaveLength(before);
  });

  it('signs one key once: who asks again gets the same certificate', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet);
    put(good, 'first');
    put(good, 'second');
    const { handled } = await round();
    expect(handled.map(({ outcome }) => outcome)).toEqual(['signed', 'signed']);
    expect(read('second').status?.certificate).toBe(read('first').status?.certificate);
    put(good, 'third');
    await round();
    expect(read('third').status?.certificate).toBe(read('first').status?.certificate);
  });

  it('does not give a certificate again to who may not have it', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet);
    put(good, 'first');
    await round();
    const spec = { ...good.csr.spec, username: 'system:serviceaccount:default:default' };
    put({ ...good, csr: { ...good.csr, spec } }, 'thief');
    await round();
    expect(conditions(read('thief'))).toEqual(['Denied: Requester']);
    expect(read('thief').status?.certificate).toBeUndefined();
  });

  it('finishes what a leader left approved and unsigned', async () => {
    const good = honest(worker, 'kubelet-client-current.pem', workerClient);
    put(good, 'half');
    api.refuse = (what) =>
      what.endsWith('/status') ? new CertError('Unreachable', 'the leader is killed') : undefined;
    expect((await round()).handled).toMatchObject([{ outcome: 'error' }]);
    expect(conditions(read('half'))).toEqual(['Approved: AllChecksHold']);
    api.refuse = undefined;
    expect((await round()).handled).toMatchObject([{ outcome: 'signed' }]);
    expect(conditions(read('half'))).toEqual(['Approved: AllChecksHold']);
    expect(openssl(read('half'), cas.kubernetes.certPem, 'sslclient')).toContain('OK');
  });

  it('writes nothing when the request was changed meanwhile', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet);
    const stale = put(good, 'raced');
    api.put('CertificateSigningRequest', stale);
    const { handled } = await round({ requests: [stale] });
    expect(handled).toMatchObject([{ outcome: 'waits' }]);
    expect(read('raced').status).toBeUndefined();
  });

  it('never signs past the end of the CA', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet);
    put(good);
    const late = new Date(cas.kubernetes.certificate.notAfter.getTime() - 864e5);
    await round({ now: late });
    const made = certificateOf(read(good.csr.metadata?.name ?? ''));
    expect(made.notAfter).toEqual(cas.kubernetes.certificate.notAfter);
  });

  it('removes the agents’ requests when their rotation has ended, and nothing of others', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet);
    put(good);
    put({ ...good, csr: { ...good.csr, spec: { ...good.csr.spec, username: 'admin' } } }, 'by-hand');
    await round();
    api.put('CertificateRotation', { ...good.rotation, status: { phase: 'Succeeded' } });
    const { handled } = await round();
    expect(handled).toMatchObject([{ name: good.csr.metadata?.name, outcome: 'removed' }]);
    expect(read('by-hand').metadata?.name).toBe('by-hand');
  });

  it('keeps the denial of a request for a rotation that never was: nothing else tells of it', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet);
    api.put('CertificateSigningRequest', { ...good.csr, metadata: { ...good.csr.metadata, name: 'forged' } });
    await round({ rotations: [] });
    await round({ rotations: [] });
    expect(conditions(read('forged'))).toEqual(['Denied: RotationRunning']);
  });

  it('reads the rotation freshly: an old cache does not deny', async () => {
    const good = honest(worker, 'kubelet.crt', workerKubelet, generateLike({ keyAlgorithm: 'P-256' }));
    put(good);
    const { handled } = await round({ rotations: [{ ...good.rotation, status: { phase: 'Pending' } }] });
    expect(handled).toMatchObject([{ outcome: 'signed' }]);
  });
});
