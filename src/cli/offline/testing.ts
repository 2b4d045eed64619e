// Workers for tests: a node whose kubelet has certificates as a cluster gives them, over a disk that can die.
import { posix } from 'node:path';
import { pem } from '../../formats/pem.ts';
import type { CrashFiles } from '../../host/crash-files.ts';
import type { Certificate, ExtendedKeyUsage, San } from '../../pki/certificate.ts';
import { issueFromIdentity, newSerial } from '../../pki/issue.ts';
import { generateLike, writePrivateKey, type KeyPair } from '../../pki/keys.ts';
import { makeRequest, renewalBytes, signRenewal } from '../../pki/request.ts';
import type { CertificateId } from '../../catalogue/ids.ts';
import { day, makeDisk, servingTarget, startTime, type FakeCa } from '../../rotation/fake-disk.ts';
import { toBase64, type RequestBlock } from './block.ts';

export interface Leaf {
  readonly certificate: Certificate;
  readonly pair: KeyPair;
}

export interface LeafIdentity {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly sans: readonly San[];
  readonly extendedKeyUsages: readonly ExtendedKeyUsage[];
}

export const clientOf = (node: string): LeafIdentity => ({
  commonName: `system:node:${node}`,
  organizations: ['system:nodes'],
  sans: [],
  extendedKeyUsages: ['clientAuth'],
});

export const servingOf = (node: string, ...values: readonly string[]): LeafIdentity => ({
  ...clientOf(node),
  sans: [
    { kind: 'dns', value: node },
    ...values.map((value): San => ({ kind: /^[\d.]+$/u.test(value) ? 'ip' : 'dns', value })),
  ],
  extendedKeyUsages: ['serverAuth'],
});

export function leafOf(ca: FakeCa, identity: LeafIdentity, daysLeft = -10): Leaf {
  const pair = generateLike({ keyAlgorithm: 'P-256' });
  const certificate = issueFromIdentity({
    ca: ca.certificate,
    caKey: ca.key,
    spki: pair.spki,
    notBefore: new Date(startTime.getTime() - 101 * day),
    notAfter: new Date(startTime.getTime() + daysLeft * day),
    serial: newSerial(),
    identity,
  });
  return { certificate, pair };
}

/** The disk of a node on which the kubelet's two certificates are a worker's. */
export function workerDisk(ca: FakeCa, node: string, daysLeft = -10): CrashFiles {
  const files = makeDisk(ca, 300);
  const client = leafOf(ca, clientOf(node), daysLeft);
  const serving = leafOf(ca, servingOf(node, '10.0.0.21'), daysLeft);
  const { location } = servingTarget;
  if (location.form !== 'pair') throw new Error('not a pair');
  put(files, location.certPath, pem('CERTIFICATE', serving.certificate.der), 0o644);
  put(files, location.keyPath, keyText(serving));
  const dated = '/var/lib/kubelet/pki/kubelet-client-2029-03-01-00-00-00.pem';
  put(files, dated, pem('CERTIFICATE', client.certificate.der) + keyText(client));
  files.mkdir('/root', 0o700);
  files.settle();
  return files;
}

export function put(files: CrashFiles, path: string, text: string, mode = 0o600): void {
  if (files.lstat(path) !== undefined) files.unlink(path);
  if (files.lstat(posix.dirname(path)) === undefined) files.mkdir(posix.dirname(path), 0o755);
  files.create(path, new Uint8Array(Buffer.from(text, 'latin1')), { mode, uid: 0, gid: 0 });
}

const keyText = ({ pair }: Leaf): string => writePrivateKey(pair.key, { form: 'sec1', ecParameters: false });

export interface Asked {
  readonly id: CertificateId;
  readonly leaf: Leaf;
  /** Absent: the key that it has. */
  readonly pair?: KeyPair;
}

/** As a node would ask. */
export function blockOf(node: string, asked: readonly Asked[], id = '0f'.repeat(16)): RequestBlock {
  return {
    schema: 1,
    id,
    node,
    machineId: 'a'.repeat(32),
    made: '2030-03-01T00:00:00Z',
    certificates: asked.map((each) => entryOf(each, id)),
  };
}

export function entryOf(
  { id, leaf, pair = leaf.pair }: Asked,
  request: string,
): RequestBlock['certificates'][number] {
  return {
    id,
    old: toBase64(leaf.certificate.der),
    request: toBase64(makeRequest(pair, id)),
    possession: toBase64(signRenewal(leaf.pair.key, renewalBytes(request, id, pair.spki))),
  };
}
