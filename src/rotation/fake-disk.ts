// The disk of a control-plane node for tests: certificates, keys, kubeconfigs and manifests as kubeadm lays them out,
// one of each form and each way of restart, over a file system that can die.
import { execFileSync } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import type { Component, Target } from '../catalogue/ids.ts';
import { pem, readBundle } from '../formats/pem.ts';
import { CrashFiles } from '../host/crash-files.ts';
import type { Certificate, San } from '../pki/certificate.ts';
import { issueFromIdentity, newSerial } from '../pki/issue.ts';
import { generateLike, readPrivateKey, writePrivateKey } from '../pki/keys.ts';
import type { NodeFacts } from './types.ts';

export const day = 86_400_000;
export const startTime = new Date('2030-03-01T00:00:00Z');

export interface FakeCa {
  readonly certificate: Certificate;
  readonly key: KeyObject;
}

/** A CA by openssl: made once for a test file. */
export function makeCa(): FakeCa {
  const directory = mkdtempSync(join(tmpdir(), 'ca-'));
  try {
    const subject = ['-subj', '/CN=kubernetes', '-days', '3650'];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const usage = ['-addext', 'keyUsage=critical,keyCertSign'];
    const files = ['-keyout', `${directory}/ca.key`, '-out', `${directory}/ca.crt`];
    execFileSync('openssl', ['req', '-x509', ...key, ...subject, ...usage, ...files], { stdio: 'pipe' });
    const { certificate } = readBundle(new Uint8Array(readFileSync(`${directory}/ca.crt`)));
    if (certificate === undefined) throw new Error('openssl made no CA');
    return { certificate, key: readPrivateKey(readFileSync(`${directory}/ca.key`, 'latin1')).key };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const pki = '/etc/kubernetes/pki';
const pair = (name: string): Target['location'] => ({
  form: 'pair',
  certPath: `${pki}/${name}.crt`,
  keyPath: `${pki}/${name}.key`,
});
export const clientLink = '/var/lib/kubelet/pki/kubelet-client-current.pem';

/** One of each form and each way of restart. */
export const fakeTargets: readonly Target[] = [
  { id: 'etcd/server.crt', location: pair('etcd/server') },
  { id: 'apiserver.crt', location: pair('apiserver') },
  { id: 'apiserver-kubelet-client.crt', location: pair('apiserver-kubelet-client') },
  { id: 'admin.conf', location: { form: 'kubeconfig', path: '/etc/kubernetes/admin.conf', user: 'admin' } },
  {
    id: 'scheduler.conf',
    location: { form: 'kubeconfig', path: '/etc/kubernetes/scheduler.conf', user: 'system:kube-scheduler' },
  },
  { id: 'kubelet-client-current.pem', location: { form: 'combined', path: clientLink } },
];

/** The kubelet's serving certificate, on the disk beside `fakeTargets`: for tests of the kubelet's own restart. */
export const servingTarget: Target = {
  id: 'kubelet.crt',
  location: {
    form: 'pair',
    certPath: '/var/lib/kubelet/pki/kubelet.crt',
    keyPath: '/var/lib/kubelet/pki/kubelet.key',
  },
};

export const manifestOf = (component: Component): string => `/etc/kubernetes/manifests/${component}.yaml`;

const caPath = `${pki}/ca.crt`;

export const fakeFacts: NodeFacts = {
  // One CA is enough here.
  caPaths: { kubernetes: caPath, etcd: caPath, 'front-proxy': caPath },
  manifests: {
    'kube-apiserver': manifestOf('kube-apiserver'),
    'kube-scheduler': manifestOf('kube-scheduler'),
  },
  apiserver: { host: '10.0.0.1', port: 6443 },
  etcdClient: { host: '10.0.0.1', port: 2379 },
  etcdClients: [{ certPath: `${pki}/etcd/server.crt`, keyPath: `${pki}/etcd/server.key` }],
  kubelet: { host: '127.0.0.1', port: 10250 },
  kubeletKubeconfig: '/etc/kubernetes/kubelet.conf',
  apiserverClient: pair('apiserver-kubelet-client'),
};

/** The disk of a control-plane node whose certificates have so many days left. */
export function makeDisk(ca: FakeCa, daysLeft = 20): CrashFiles {
  const files = new CrashFiles();
  const write = (path: string, text: string, mode = 0o600): void => {
    makeParents(files, posix.dirname(path));
    files.create(path, new Uint8Array(Buffer.from(text, 'latin1')), { mode, uid: 0, gid: 0 });
  };
  const caText = pem('CERTIFICATE', ca.certificate.der);
  for (const target of [...fakeTargets, servingTarget]) writeTarget(write, ca, target, daysLeft);
  files.symlink('/var/lib/kubelet/pki/kubelet-client-2029-03-01-00-00-00.pem', clientLink);
  for (const component of ['kube-apiserver', 'kube-scheduler'] as const)
    write(manifestOf(component), manifestText(component));
  const reference = { 'client-certificate': clientLink, 'client-key': clientLink };
  write('/etc/kubernetes/kubelet.conf', kubeconfigText('node', reference, caText));
  write(caPath, caText, 0o644);
  write('/etc/machine-id', `${'a'.repeat(32)}\n`, 0o444);
  write('/etc/systemd/system/kubelet.service', '[Unit]\n', 0o644);
  write('/var/lib/cluster-cert-rotator/bin/cert-renew', 'the tool', 0o755);
  write('/etc/kubernetes/pki/sa.key', 'untouched');
  files.settle();
  return files;
}

function writeTarget(
  write: (path: string, text: string, mode?: number) => void,
  ca: FakeCa,
  { id, location }: Target,
  daysLeft: number,
): void {
  const { certificate, keyText } = makeLeaf(ca, id, daysLeft);
  const certificateText = pem('CERTIFICATE', certificate.der);
  if (location.form === 'pair') {
    write(location.certPath, certificateText, 0o644);
    write(location.keyPath, keyText);
    return;
  }
  if (location.form === 'combined') {
    write('/var/lib/kubelet/pki/kubelet-client-2029-03-01-00-00-00.pem', certificateText + keyText);
    return;
  }
  const data = { 'client-certificate-data': base64(certificateText), 'client-key-data': base64(keyText) };
  write(location.path, kubeconfigText(location.user, data, pem('CERTIFICATE', ca.certificate.der)));
}

export function makeLeaf(
  ca: FakeCa,
  commonName: string,
  daysLeft: number,
): { certificate: Certificate; keyText: string } {
  const { key, spki } = generateLike({ keyAlgorithm: 'P-256' });
  const sans: readonly San[] = [{ kind: 'ip', value: '10.0.0.1' }];
  const certificate = issueFromIdentity({
    ca: ca.certificate,
    caKey: ca.key,
    spki,
    notBefore: new Date(startTime.getTime() - 300 * day),
    notAfter: new Date(startTime.getTime() + daysLeft * day),
    serial: newSerial(),
    identity: { commonName, organizations: [], sans, extendedKeyUsages: ['clientAuth', 'serverAuth'] },
  });
  return { certificate, keyText: writePrivateKey(key, { form: 'sec1', ecParameters: false }) };
}

const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');

function makeParents(files: CrashFiles, path: string): void {
  if (files.lstat(path) !== undefined) return;
  makeParents(files, posix.dirname(path));
  files.mkdir(path, path.includes('cluster-cert-rotator') ? 0o700 : 0o755);
}

function manifestText(component: string): string {
  const serving = [`--tls-cert-file=${pki}/apiserver.crt`, `--tls-private-key-file=${pki}/apiserver.key`];
  const flags = component === 'kube-apiserver' ? serving : ['--kubeconfig=/etc/kubernetes/scheduler.conf'];
  return [
    'apiVersion: v1',
    'kind: Pod',
    'metadata:',
    '  annotations:',
    '    owner: kubeadm # a comment',
    `  name: ${component}`,
    '  namespace: kube-system',
    'spec:',
    '  containers:',
    `  - command: [${[component, ...flags].join(', ')}]`,
    `    name: ${component}`,
    '',
  ].join('\n');
}

function kubeconfigText(user: string, fields: Record<string, string>, ca: string): string {
  return [
    'apiVersion: v1',
    'kind: Config',
    'current-context: main',
    'clusters:',
    '- name: main',
    '  cluster:',
    `    certificate-authority-data: ${Buffer.from(ca, 'latin1').toString('base64')}`,
    '    server: https://10.0.0.1:6443',
    'contexts:',
    '- name: main',
    `  context: {cluster: main, user: "${user}"}`,
    'users:',
    `- name: ${user}`,
    '  user:',
    ...Object.entries(fields).map(([name, value]) => `    ${name}: ${value}`),
    '',
  ].join('\n');
}
