import { beforeAll, describe, expect, it } from 'vitest';
import type { CertificateId } from '../catalogue/ids.ts';
import type { Certificate } from '../pki/certificate.ts';
import { issueFromIdentity, newSerial, type Identity } from '../pki/issue.ts';
import { rotate } from './driver.ts';
import { day, fakeTargets, makeCa, makeDisk, makeLeaf, servingTarget, type FakeCa } from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import { pem } from '../formats/pem.ts';
import { localSigner } from './local-signer.ts';
import type { Signer } from './types.ts';

let ca: FakeCa;
let other: FakeCa;
beforeAll(() => {
  ca = makeCa();
  other = makeCa();
});

const signal = new AbortController().signal;
const usages = ['clientAuth', 'serverAuth'] as const;

/** Signs with a CA whatever is asked for, for an identity of its own choice. */
function forger(fake: FakeNode, by: FakeCa, change: (old: Certificate) => Partial<Identity>): Signer {
  return async (requests) =>
    (await Promise.all(requests)).map(({ key, spki, oldCertificate: old }) => {
      const kept = {
        commonName: old.subject.commonName ?? '',
        organizations: old.subject.organizations,
        sans: old.sans,
        extendedKeyUsages: old.extendedKeyUsages,
      };
      const [notBefore, notAfter] = [fake.time, new Date(fake.time.getTime() + 90 * day)];
      const order = { ca: by.certificate, caKey: by.key, spki, notBefore, notAfter, serial: newSerial() };
      return { key, certificate: issueFromIdentity({ ...order, identity: { ...kept, ...change(old) } }) };
    });
}

const target = (id: CertificateId) => fakeTargets.filter((each) => each.id === id);

describe('what a signer sends', () => {
  it.each<[string, Partial<Identity>]>([
    ['is for CN=admin, not CN=apiserver.crt', { commonName: 'admin' }],
    ['O=system:masters, not CN=apiserver.crt', { organizations: ['system:masters'] }],
    ['has other names', { sans: [{ kind: 'ip', value: '10.0.0.9' }] }],
    ['has other names', { sans: [] }],
    ['has other usages', { extendedKeyUsages: ['serverAuth'] }],
  ])('is refused before anything is touched when it %s', async (words, change) => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const targets = target('apiserver.crt');
    const before = fake.files.read('/etc/kubernetes/pki/apiserver.crt');
    const outcome = await rotate(
      fake.node,
      fake.order({ targets }),
      forger(fake, ca, () => change),
      {},
      signal,
    );
    expect(outcome.outcome).toBe('refused');
    expect(outcome.reason).toBe('SigningRefused');
    expect(outcome.message).toContain(words);
    expect(fake.files.read('/etc/kubernetes/pki/apiserver.crt')).toEqual(before);
  });

  it('is refused when another CA of the same name signed it', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const targets = target('scheduler.conf');
    const outcome = await rotate(
      fake.node,
      fake.order({ targets }),
      forger(fake, other, () => ({})),
      {},
      signal,
    );
    expect(outcome.outcome).toBe('refused');
    expect(outcome.message).toContain('not signed by the CA that this node has');
  });

  it('is refused when this node has no CA to hold it to', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const { caPaths: _, ...facts } = fake.order().facts;
    const outcome = await rotate(fake.node, fake.order({ facts }), fake.signer(), {}, signal);
    expect(outcome.outcome).toBe('refused');
    expect(outcome.message).toContain('CA is not known on this node');
  });
});

/** A node whose kubelet made its serving certificate by itself. */
function selfSigned(): FakeNode {
  const disk = makeDisk(ca);
  const { certificate, keyText } = makeLeaf(other, 'n1@1700000000', 20);
  const [cert, key] = [servingTarget.location, pem('CERTIFICATE', certificate.der)];
  if (cert.form !== 'pair') throw new Error('no pair');
  for (const [path, text] of [
    [cert.certPath, key],
    [cert.keyPath, keyText],
  ] as const) {
    disk.unlink(path);
    disk.create(path, new Uint8Array(Buffer.from(text)), { mode: 0o600, uid: 0, gid: 0 });
  }
  return new FakeNode(disk, ca);
}

describe('the first replacement of the kubelet’s own certificate (R3)', () => {
  it('may have another subject, names and usages: serverAuth alone, with names', async () => {
    const fake = selfSigned();
    const signer = forger(fake, ca, () => ({
      commonName: 'system:node:n1',
      extendedKeyUsages: ['serverAuth'],
    }));
    const outcome = await rotate(fake.node, fake.order({ targets: [servingTarget] }), signer, {}, signal);
    expect(outcome.message).toBe('1 renewed and proved');
  });

  it.each<[string, Partial<Identity>]>([
    ['is not for serverAuth alone', { extendedKeyUsages: usages }],
    ['names no address', { extendedKeyUsages: ['serverAuth'], sans: [] }],
  ])('is refused when it %s', async (words, change) => {
    const fake = selfSigned();
    const signer = forger(fake, ca, () => change);
    const outcome = await rotate(fake.node, fake.order({ targets: [servingTarget] }), signer, {}, signal);
    expect(outcome.outcome).toBe('refused');
    expect(outcome.message).toContain(words);
  });
});

describe('a handshake that shows the right serial', () => {
  it('of a certificate that this node’s CA did not sign is no proof', async () => {
    const fake = new FakeNode(makeDisk(ca, 40), ca);
    const targets = target('etcd/server.crt');
    const node = fake.node;
    const handshake: typeof node.probes.handshake = async (question, each) => {
      const shown = await node.probes.handshake(question, each);
      return { ...makeLeaf(other, 'etcd', 300).certificate, serial: shown.serial };
    };
    const lying = { ...node, probes: { ...node.probes, handshake } };
    const signer = localSigner([ca], { lifetimeMs: () => 365 * day, now: () => fake.time });
    const outcome = await rotate(lying, fake.order({ targets }), signer, {}, signal);
    expect(outcome.outcome).toBe('rolled-back');
    expect(outcome.message).toContain('did not sign that certificate');
  });
});
