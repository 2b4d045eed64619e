import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { pem } from '../formats/pem.ts';
import { CrashFiles } from '../host/crash-files.ts';
import { writePrivateKey } from '../pki/keys.ts';
import { makeCa, manifestOf, startTime, type FakeCa } from '../rotation/fake-disk.ts';
import { FakeNode } from '../rotation/fake-node.ts';
import { all } from './all.ts';
import { byPost, signatoryOf } from './by-post.ts';
import { check } from './check.ts';
import { install } from './install.ts';
import { readResponses } from './offline/block.ts';
import { leafOf, put, workerDisk } from './offline/testing.ts';
import { request } from './request.ts';
import { sign } from './sign.ts';
import { captureOutput } from './testing.ts';

const signal = new AbortController().signal;
const directory = mkdtempSync(join(tmpdir(), 'by-post-'));
const client = '/etc/kubernetes/pki/apiserver-etcd-client.crt';
let ca: FakeCa;
let etcdCa: FakeCa;
let fake: FakeNode;
const said = captureOutput();

beforeAll(() => {
  [ca, etcdCa] = [makeCa(), makeCa()];
});
beforeEach(() => {
  fake = new FakeNode(withEtcd('10.0.0.7'), ca);
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const keyText = (key: FakeCa['key']): string => writePrivateKey(key, { form: 'pkcs8', ecParameters: false });

/** A control plane with the cluster's CA, whose etcd has another: its client certificate is due, the kubelet's are not. */
function withEtcd(server: string, daysLeft = { client: 5, kubelet: 300 }): CrashFiles {
  const files = workerDisk(ca, 'n1', daysLeft.kubelet);
  put(files, '/etc/kubernetes/pki/ca.key', keyText(ca.key));
  put(files, '/srv/etcd-ca.crt', pem('CERTIFICATE', etcdCa.certificate.der));
  const identity = { organizations: [], sans: [], extendedKeyUsages: ['clientAuth'] } as const;
  const { certificate, pair } = leafOf(
    etcdCa,
    { commonName: 'kube-apiserver-etcd-client', ...identity },
    daysLeft.client,
  );
  put(files, client, pem('CERTIFICATE', certificate.der));
  put(files, client.replace('.crt', '.key'), keyText(pair.key));
  const manifest = manifestOf('kube-apiserver');
  const flags = [
    `--etcd-servers=https://${server}:2379`,
    '--etcd-cafile=/srv/etcd-ca.crt',
    `--etcd-certfile=${client}`,
    `--etcd-keyfile=${client.replace('.crt', '.key')}`,
  ];
  const text = Buffer.from(files.read(manifest)).toString('utf8');
  put(files, manifest, text.replace('[kube-apiserver, ', `[kube-apiserver, ${flags.join(', ')}, `));
  files.settle();
  return files;
}

const home = () => ({
  ...fake.node,
  layout: { ...fake.node.layout, lock: join(directory, 'lock') },
  isOwnAddress: () => true,
  remoteMounts: [],
});

describe('the client certificate of an external etcd', () => {
  const way = `cert-renew request ${client} and bring it to whoever has the key of etcd’s CA (cert-renew sign --ca-cert P --ca-key P), then cert-renew install here`;

  it('is renewed in one way, whoever says it', async () => {
    const report = await check({ files: [], server: undefined }, signal, home());
    expect(report).toMatchObject({ exitCode: 10, next: [`cert-renew request ${client}`] });
    expect(report.sentence).toContain(`; next: ${way}`);
    expect(await all({ lockTimeout: 1000, dryRun: true }, signal, home())).toBe(2);
    expect(said.out).toMatch(
      /^apiserver-etcd-client\.crt .*: NOT RENEWED: .*etcd-ca\.key\) is not on this node; /mu,
    );
    expect(said.out).toContain(`; ${way}\n`);
  });

  it('is nothing for all to do while it is not due', async () => {
    fake = new FakeNode(withEtcd('10.0.0.7', { client: 300, kubelet: 300 }), ca);
    expect(await all({ lockTimeout: 1000 }, signal, home())).toBe(3);
    expect(said.out).toMatch(/^nothing is due on this node/mu);
    expect(said.out).not.toContain('apiserver-etcd-client.crt');
    said.out = '';
    fake = new FakeNode(withEtcd('10.0.0.7', { client: 300, kubelet: -10 }), ca);
    expect(await all({ lockTimeout: 1000 }, signal, home())).toBe(0);
    expect(said.out).not.toContain('apiserver-etcd-client.crt');
  });

  it('is asked for by --force, which is not all done without it, and says so', async () => {
    fake = new FakeNode(withEtcd('10.0.0.7', { client: 300, kubelet: 300 }), ca);
    expect(await all({ lockTimeout: 1000, force: true }, signal, home())).toBe(4);
    expect(said.out).toContain(`; ${way}\n`);
    expect(said.out).toMatch(
      /^partly done: .*; apiserver-etcd-client\.crt could not be renewed here, see above$/mu,
    );
    said.out = '';
    expect(await all({ lockTimeout: 1000 }, signal, home())).toBe(3);
  });

  it('is renewed in that way, and then nothing is left for all to do', async () => {
    const asking = { files: [client], newKey: false, out: '/root/x.req', json: false, lockTimeoutMs: 1000 };
    expect(await request(asking, signal, home())).toBe(0);
    expect(said.err).toContain(
      'next: bring /root/x.req to whoever has the key of etcd’s CA: cert-renew sign FILE --ca-cert P',
    );
    const theirs = new CrashFiles();
    put(theirs, '/srv/ca.crt', pem('CERTIFICATE', etcdCa.certificate.der));
    put(theirs, '/srv/ca.key', keyText(etcdCa.key));
    put(theirs, '/srv/x.req', Buffer.from(fake.files.read('/root/x.req')).toString('latin1'));
    const options = { days: undefined, out: '/srv/x.ans', yes: true, json: false };
    const named = { ...options, file: '/srv/x.req', ca: { cert: '/srv/ca.crt', key: '/srv/ca.key' } };
    expect(await sign(named, signal, { files: theirs, now: () => startTime })).toBe(0);
    const [response] = readResponses(Buffer.from(theirs.read('/srv/x.ans')).toString('latin1'));
    expect(response).toMatchObject({ node: 'n1', certificates: [{ id: 'apiserver-etcd-client.crt' }] });
    put(fake.files, '/root/x.ans', Buffer.from(theirs.read('/srv/x.ans')).toString('latin1'));
    const installing = { file: '/root/x.ans', dryRun: false, json: false, lockTimeoutMs: 1000 };
    expect(await install(installing, signal, home())).toBe(0);
    expect(await all({ lockTimeout: 1000 }, signal, home())).toBe(3);
  });
});

it('of an etcd of this node whose manifest was moved away, it is a control plane that signs', async () => {
  fake = new FakeNode(withEtcd('127.0.0.1'), ca);
  const asking = { files: [client], newKey: false, out: '/root/x.req', json: false, lockTimeoutMs: 1000 };
  expect(await request(asking, signal, home())).toBe(0);
  expect(said.err).toContain(
    'next: bring /root/x.req to a control plane: cert-renew sign FILE --out ANSWER;',
  );
});

describe('whoever signs', () => {
  it('is a control plane, but for an etcd that this node has not', () => {
    expect(signatoryOf('kubernetes', [])).toBe('control-plane');
    expect(signatoryOf('etcd', ['apiserver.crt', 'etcd/server.crt'])).toBe('control-plane');
    expect(signatoryOf('etcd', ['apiserver.crt'])).toBe('etcd');
  });

  it('is told in lines that can be pasted', () => {
    expect(byPost('/opt/cert-renew', 'control-plane', ['/srv/a b.crt', '/srv/c.crt'])).toBe(
      "/opt/cert-renew request '/srv/a b.crt' /srv/c.crt and bring it to a control plane (cert-renew sign), then /opt/cert-renew install here",
    );
  });
});
