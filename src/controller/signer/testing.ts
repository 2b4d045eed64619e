// For tests only: one honest request and everything around it, of which each test forges one thing.
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import type { ConfigMap, Node, Pod } from 'kubernetes-types/core/v1.js';
import type { ScanResult } from '../../agent/protocol.ts';
import type { CertificateId } from '../../catalogue/ids.ts';
import { annotations, signerName, type CertificateRotation } from '../../kube/types.ts';
import { generateLike, type KeyPair } from '../../pki/keys.ts';
import { pem } from '../../pki/pem.ts';
import { makeRequest, renewalBytes, signRenewal } from '../../pki/request.ts';
import { defaultConfiguration } from '../configuration.ts';
import { inventoryConfigMap } from '../inventory-store.ts';
import { labels } from '../labels.ts';
import { makeCa, makeLeaf, makeNode, type Leaf, type TestCa } from '../vault/testing.ts';
import type { Vault } from '../vault/vault.ts';
import type { SigningFacts } from './facts.ts';
import { requester } from './requester.ts';

const etcdCa = makeCa('etcd-ca');
const frontProxyCa = makeCa('front-proxy-ca');
export const cas: { readonly kubernetes: TestCa; readonly etcd: TestCa; readonly 'front-proxy': TestCa } = {
  kubernetes: makeCa('kubernetes', 'rsa:2048'),
  etcd: etcdCa,
  'front-proxy': frontProxyCa,
};
export const otherCluster = makeCa('kubernetes');

/** Two hours after the CAs were made, so that backdating has room. */
export const now = new Date(Date.now() + 2 * 3_600_000);
export const worker = makeNode('w1', ['10.0.0.11']);
export const controlPlane = makeNode('cp1', ['10.0.0.1'], true);
export const nodes: readonly Node[] = [controlPlane, worker, makeNode('w2', ['10.0.0.12'])];

const etcdLeaf = makeLeaf(etcdCa, { commonName: 'cp1' }).certificate;
export const vault: Vault = {
  clusterUID: 'cluster-1',
  publicNamespace: 'cpaas-system',
  secret: undefined,
  recorded: {},
  cas: {
    kubernetes: { state: 'open', certificate: cas.kubernetes.certificate, key: cas.kubernetes.key },
    etcd: { state: 'open', certificate: etcdCa.certificate, key: etcdCa.key },
    'front-proxy': { state: 'open', certificate: frontProxyCa.certificate, key: frontProxyCa.key },
  },
  anchors: {
    kubernetes: [cas.kubernetes.certificate],
    frontProxy: [frontProxyCa.certificate],
    etcd: [{ node: 'cp1', leaf: etcdLeaf }],
  },
};

export interface Honest {
  readonly csr: CertificateSigningRequest;
  readonly facts: SigningFacts;
  readonly pair: KeyPair;
  readonly old: Leaf;
  readonly rotation: CertificateRotation;
}

export function rotationFor(
  node: Node,
  ids: readonly CertificateId[],
  phase = 'Running' as const,
): CertificateRotation {
  const nodeName = node.metadata?.name ?? '';
  return {
    metadata: { name: `${nodeName}-abc-1`, uid: `rotation-${nodeName}` },
    spec: { nodeName, nodeUID: node.metadata?.uid ?? '', certificates: [...ids], reason: 'Due' },
    status: { phase },
  };
}

export function podFor(node: Node, rotation: CertificateRotation): Pod {
  return {
    metadata: {
      name: 'rotate-1',
      namespace: 'cluster-cert-rotator',
      uid: 'pod-1',
      labels: { [labels.kind]: 'rotate', [labels.rotation]: rotation.metadata.uid ?? '' },
    },
    spec: { nodeName: node.metadata?.name ?? '', containers: [] },
  };
}

/** Annotation `renews`: the old certificate, and a signature by `by` over what is asked for. */
export function renews(old: Leaf, rotationUID: string, id: string, spki: Uint8Array, by = old.pair): string {
  const signature = Buffer.from(signRenewal(by.key, renewalBytes(rotationUID, id, spki))).toString('base64');
  const certificate = pem('CERTIFICATE', old.certificate.der);
  return Buffer.from(JSON.stringify({ certificate, signature })).toString('base64');
}

/** What the last scan of a node has found of its kubelet.crt. */
export function inventoryOf(node: Node, state: 'Ok' | 'SelfSigned'): ConfigMap {
  const row = {
    id: 'kubelet.crt',
    path: '/var/lib/kubelet/pki/kubelet.crt',
    kind: 'pair',
    ca: null,
    subject: 'CN=x',
    issuer: 'CN=x',
    serial: '1',
    notBefore: '2026-01-01T00:00:00Z',
    notAfter: '2027-01-01T00:00:00Z',
    sans: [],
    keyAlgorithm: 'RSA-2048',
    sha256: '',
    state,
    reason: '',
  } as const;
  const at = now.toISOString();
  const result: ScanResult = { schema: 1, machineID: 'm', clock: at, certificates: [row], notes: [] };
  return inventoryConfigMap({
    node,
    result,
    collectedAt: at,
    existing: undefined,
    namespace: 'cpaas-system',
  });
}

/** What an honest agent on `node` sends for the certificate `old`. */
export function honest(
  node: Node,
  id: CertificateId,
  old: Leaf,
  pair = generateLike(old.certificate),
): Honest {
  const rotation = rotationFor(node, [id]);
  const uid = rotation.metadata.uid ?? '';
  const csr: CertificateSigningRequest = {
    metadata: {
      name: `${rotation.metadata.name}-x-123456`,
      uid: 'csr-1',
      annotations: {
        [annotations.rotation]: rotation.metadata.name,
        [annotations.certificate]: id,
        [annotations.renews]: renews(old, uid, id, pair.spki),
      },
    },
    spec: {
      signerName,
      username: requester,
      groups: ['system:serviceaccounts', 'system:authenticated'],
      extra: {
        'authentication.kubernetes.io/node-name': [node.metadata?.name ?? ''],
        'authentication.kubernetes.io/node-uid': [node.metadata?.uid ?? ''],
        'authentication.kubernetes.io/pod-name': ['rotate-1'],
        'authentication.kubernetes.io/pod-uid': ['pod-1'],
      },
      usages: ['digital signature'],
      request: Buffer.from(pem('CERTIFICATE REQUEST', makeRequest(pair, id))).toString('base64'),
    },
  };
  const facts: SigningFacts = {
    now,
    rotation,
    pod: podFor(node, rotation),
    nodes,
    endpoints: {
      apiServers: ['10.0.0.1'],
      etcd: ['10.0.0.1'],
      services: ['10.96.0.1'],
      serviceClaims: [],
      controlPlaneEndpoint: ['api.example.org'],
    },
    unknownEndpoints: [],
    inventory: inventoryOf(node, 'Ok'),
    apiserverSans: [],
    vault,
    signed: [],
    configuration: defaultConfiguration,
    skew: 0,
    nodeInExtras: true,
  };
  return { csr, facts, pair, old, rotation };
}

export const workerKubelet = makeLeaf(cas.kubernetes, {
  commonName: 'kubelet',
  sans: [
    { kind: 'dns', value: 'w1' },
    { kind: 'ip', value: '10.0.0.11' },
  ],
});

export const workerClient = makeLeaf(cas.kubernetes, {
  commonName: 'system:node:w1',
  organizations: ['system:nodes'],
  extendedKeyUsages: ['clientAuth'],
});
