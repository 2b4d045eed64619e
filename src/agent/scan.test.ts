import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CertificateId } from '../catalogue/ids.ts';
import { restartNotes } from '../catalogue/restart-notes.ts';
import { CrashFiles } from '../host/crash-files.ts';
import { pem } from '../pki/pem.ts';
import { makeCa, makeLeaf, type FakeCa } from '../rotation/fake-disk.ts';
import type { SeenNode } from './face.ts';
import { toolNotes, type InventoryRow } from './protocol.ts';
import { scan } from './scan.ts';
import { selectTargets } from './select.ts';
import { discoverNode } from '../host/discovery.ts';

const pki = '/etc/kubernetes/pki';
const tool = '/var/lib/cluster-cert-rotator/bin/cert-renew';
let ca: FakeCa;
let other: FakeCa;
let kubeletsOwn: ReturnType<typeof makeKubeletsOwn>;
let files: CrashFiles;

beforeAll(() => {
  ca = makeCa();
  other = makeCa();
  kubeletsOwn = makeKubeletsOwn();
});

function write(path: string, text: string, mode = 0o600): void {
  makeDirectories(posix.dirname(path));
  if (files.lstat(path) !== undefined) files.unlink(path);
  files.create(path, new Uint8Array(Buffer.from(text, 'latin1')), { mode, uid: 0, gid: 0 });
}

function makeDirectories(path: string, mode = 0o755): void {
  if (path === '/' || files.lstat(path) !== undefined) return;
  makeDirectories(posix.dirname(path));
  files.mkdir(path, mode);
}

function writePair(name: string, by: FakeCa = ca): void {
  const { certificate, keyText } = makeLeaf(by, name, 20);
  write(`${pki}/${name}.crt`, pem('CERTIFICATE', certificate.der));
  write(`${pki}/${name}.key`, keyText);
}

/** A worker whose kubelet's configuration names its pair, and a static API server beside it. */
beforeEach(() => {
  files = new CrashFiles();
  write(
    '/var/lib/kubelet/config.yaml',
    `staticPodPath: /etc/kubernetes/manifests\ntlsCertFile: ${pki}/kubelet.crt\ntlsPrivateKeyFile: ${pki}/kubelet.key\nauthentication: {x509: {clientCAFile: ${pki}/ca.crt}}\n`,
  );
  write(
    '/etc/systemd/system/kubelet.service',
    '[Service]\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml --kubeconfig=/etc/kubernetes/kubelet.conf\n',
  );
  write(
    '/etc/kubernetes/manifests/kube-apiserver.yaml',
    `apiVersion: v1\nkind: Pod\nmetadata: {name: kube-apiserver}\nspec: {containers: [{name: kube-apiserver, command: [kube-apiserver, --shutdown-delay-duration=10s, --tls-cert-file=${pki}/apiserver.crt, --tls-private-key-file=${pki}/apiserver.key, --client-ca-file=${pki}/ca.crt, --requestheader-client-ca-file=${pki}/front-proxy-ca.crt]}]}\n`,
  );
  write(`${pki}/ca.crt`, pem('CERTIFICATE', ca.certificate.der));
  write(`${pki}/front-proxy-ca.crt`, pem('CERTIFICATE', other.certificate.der));
  writePair('apiserver');
  writePair('kubelet');
  const { certificate, keyText } = makeLeaf(ca, 'system:node:n1', 20);
  const current = '/var/lib/kubelet/pki/kubelet-client-current.pem';
  write('/var/lib/kubelet/pki/kubelet-client-1.pem', pem('CERTIFICATE', certificate.der) + keyText);
  files.symlink('/var/lib/kubelet/pki/kubelet-client-1.pem', current);
  write(
    '/etc/kubernetes/kubelet.conf',
    `users: [{name: n1, user: {client-certificate: ${current}, client-key: ${current}}}]\n`,
  );
});

const seen = (isReachable = (path: string): boolean => path !== tool): SeenNode => ({
  root: '/nowhere',
  files,
  isReachable,
});
const scanned = (node: SeenNode = seen()) =>
  scan(node, { machineID: 'm', now: new Date('2030-03-01T00:00:00.123Z') });
const rowOf = (id: CertificateId, node?: SeenNode): InventoryRow | undefined =>
  scanned(node).certificates.find((row) => row.id === id);

describe('a scan', () => {
  it('lists every certificate and authority, sorted, and says the same twice', () => {
    const result = scanned();
    expect(result.certificates.map(({ id, state, ca }) => [id, state, ca])).toEqual([
      ['apiserver.crt', 'Ok', 'kubernetes'],
      ['kubelet-client-current.pem', 'Ok', 'kubernetes'],
      ['kubelet.crt', 'Ok', 'kubernetes'],
      ['ca.crt', 'Ok', 'kubernetes'],
      ['front-proxy-ca.crt', 'Ok', 'front-proxy'],
    ]);
    expect(result.clock).toBe('2030-03-01T00:00:00.123Z');
    expect(result.notes).toEqual([]);
    expect(scanned()).toEqual(result);
  });

  it('has no row of a component whose manifest is gone, and a note that it is not seen', () => {
    files.unlink('/etc/kubernetes/manifests/kube-apiserver.yaml');
    // No Pod mounts /lib, which is a link on most hosts.
    const { certificates, notes } = scanned(seen((path) => path !== tool && !path.startsWith('/lib/')));
    expect(certificates.map(({ id }) => id)).toEqual(['kubelet-client-current.pem', 'kubelet.crt', 'ca.crt']);
    expect(notes).toEqual([
      expect.stringMatching(
        /^not seen, so not renewed: kube-apiserver; no manifest of kube-apiserver lies in /u,
      ),
    ]);
    files.rmdir('/etc/kubernetes/manifests');
    const node = seen((path) => !path.startsWith('/etc/kubernetes/manifests') && path !== tool);
    expect(scanned(node).notes).toEqual([
      expect.stringMatching(
        /^not seen, so not renewed: kube-apiserver; \/etc\/kubernetes\/manifests lies outside the directories/u,
      ),
    ]);
  });

  it('describes a certificate by serial, times, names and fingerprint', () => {
    expect(rowOf('apiserver.crt')).toEqual({
      id: 'apiserver.crt',
      path: `${pki}/apiserver.crt`,
      kind: 'pair',
      ca: 'kubernetes',
      subject: 'CN=apiserver',
      issuer: 'CN=kubernetes',
      serial: expect.stringMatching(/^[0-9a-f]{32}$/u),
      notBefore: '2029-05-05T00:00:00Z',
      notAfter: '2030-03-21T00:00:00Z',
      sans: ['IP:10.0.0.1'],
      keyAlgorithm: 'P-256',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/u),
      state: 'Ok',
      reason: '',
    });
  });

  it.each<[string, () => void, CertificateId, string]>([
    [
      'a key of another certificate',
      () => write(`${pki}/apiserver.key`, makeLeaf(ca, 'x', 1).keyText),
      'apiserver.crt',
      'KeyMismatch',
    ],
    ['no PEM', () => write(`${pki}/apiserver.crt`, 'junk'), 'apiserver.crt', 'Unreadable'],
    ['a key that is no key', () => write(`${pki}/apiserver.key`, 'junk'), 'apiserver.crt', 'Unreadable'],
    ['no key at all', () => files.unlink(`${pki}/apiserver.key`), 'apiserver.crt', 'Unreadable'],
    ['another authority', () => writePair('apiserver', other), 'apiserver.crt', 'Unmanaged'],
    ['an authority of the company', () => writePair('kubelet', other), 'kubelet.crt', 'Unmanaged'],
    ['an authority that the kubelet made for itself', writeKubeletsOwn, 'kubelet.crt', 'SelfSigned'],
    ['no authority on the node', () => files.unlink(`${pki}/ca.crt`), 'apiserver.crt', 'Unmanaged'],
  ])('with %s says so, and the others stay', (_, change, id, state) => {
    change();
    expect(rowOf(id)?.state).toBe(state);
    expect(rowOf('front-proxy-client.crt')).toBeUndefined();
    expect(scanned().certificates.filter((row) => row.kind !== 'ca')).toHaveLength(3);
  });

  it('of a directory that others may write says so', () => {
    const open = '/etc/kubernetes/open';
    makeDirectories(open, 0o777);
    const { certificate, keyText } = makeLeaf(ca, 'kubelet', 20);
    write(`${open}/kubelet.crt`, pem('CERTIFICATE', certificate.der));
    write(`${open}/kubelet.key`, keyText);
    write(
      '/var/lib/kubelet/config.yaml',
      `tlsCertFile: ${open}/kubelet.crt\ntlsPrivateKeyFile: ${open}/kubelet.key\nauthentication: {x509: {clientCAFile: ${pki}/ca.crt}}\n`,
    );
    expect(rowOf('kubelet.crt')).toMatchObject({
      state: 'WritableByOthers',
      reason: expect.stringContaining(open),
    });
  });

  it('says what the kubelet manages, and what lies outside of the mounts', () => {
    write(
      '/var/lib/kubelet/config.yaml',
      `serverTLSBootstrap: true\nauthentication: {x509: {clientCAFile: ${pki}/ca.crt}}\n`,
    );
    const { certificate, keyText } = makeLeaf(ca, 'system:node:n1', 20);
    write('/var/lib/kubelet/pki/kubelet-server-current.pem', pem('CERTIFICATE', certificate.der) + keyText);
    expect(rowOf('kubelet.crt')?.state).toBe('KubeletManaged');
    write(
      '/var/lib/kubelet/config.yaml',
      'tlsCertFile: /opt/kubelet.crt\ntlsPrivateKeyFile: /opt/kubelet.key\n',
    );
    const outside = seen((path) => !path.startsWith('/opt/') && path !== tool);
    expect(rowOf('kubelet.crt', outside)).toMatchObject({ state: 'Unreachable', serial: '', ca: null });
  });

  it('leaves out what is not there, with a note', () => {
    files.unlink(`${pki}/apiserver.crt`);
    expect(rowOf('apiserver.crt')).toBeUndefined();
    expect(scanned().notes).toEqual(['apiserver.crt is not where it should be']);
  });

  it('says what a restart of the API server costs its clients (R22)', () => {
    const manifest = '/etc/kubernetes/manifests/kube-apiserver.yaml';
    const text = Buffer.from(files.read(manifest)).toString('latin1');
    write(manifest, text.replace('duration=10s', 'duration=0s'));
    expect(scanned().notes).toEqual([restartNotes.noDelay]);
  });

  it('says that the tool is not laid down, when it can see that', () => {
    expect(scanned(seen(() => true)).notes).toEqual([toolNotes.absent]);
  });
});

const select = (...ids: readonly CertificateId[]) =>
  selectTargets(seen(), discoverNode(files, seen().isReachable), ids);

describe('before a rotation the files are looked at again', () => {
  it('takes what is asked for and nothing else', () => {
    expect(select('apiserver.crt', 'etcd/server.crt')).toMatchObject({
      kind: 'targets',
      targets: [{ id: 'apiserver.crt' }],
    });
  });

  it('takes the kubelet’s own self-made certificate', () => {
    writeKubeletsOwn();
    expect(select('kubelet.crt')).toMatchObject({ kind: 'targets', targets: [{ id: 'kubelet.crt' }] });
  });

  it.each<[string, () => void, string]>([
    ['somebody else signed it', () => writePair('kubelet', other), 'Unmanaged'],
    ['its key does not fit', () => write(`${pki}/kubelet.key`, makeLeaf(ca, 'x', 1).keyText), 'KeyMismatch'],
  ])('refuses all when %s', (_, change, reason) => {
    change();
    expect(select('apiserver.crt', 'kubelet.crt')).toMatchObject({
      kind: 'refused',
      outcome: { outcome: 'refused', reason, message: expect.stringContaining('kubelet.crt') },
    });
  });
});

/** As the kubelet makes it: signed by an authority of its own, which lies behind it in the file. */
function writeKubeletsOwn(): void {
  write(`${pki}/kubelet.crt`, kubeletsOwn.certificates);
  write(`${pki}/kubelet.key`, kubeletsOwn.key);
}

function makeKubeletsOwn(): { readonly certificates: string; readonly key: string } {
  const directory = mkdtempSync(join(tmpdir(), 'kubelet-'));
  const openssl = (line: string): Buffer =>
    execFileSync('openssl', line.split(' '), { cwd: directory, stdio: 'pipe' });
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
  try {
    openssl(`req -x509 ${key} -subj /CN=n1-ca@1700000000 -days 365 -keyout ca.key -out ca.crt`);
    openssl(`req ${key} -subj /CN=n1@1700000000 -keyout leaf.key -out leaf.csr`);
    openssl('x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 365 -out leaf.crt');
    const read = (name: string): string => readFileSync(join(directory, name), 'latin1');
    return { certificates: read('leaf.crt') + read('ca.crt'), key: read('leaf.key') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}
