// 20 days left everywhere on one control plane and one worker: the product is installed, and without a further hand every
// certificate of the manual's table is renewed, what must restart has restarted, and the live endpoints serve the new.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditedSince, auditMark, tellAudit, writes, type AuditMark } from '../lib/audit.ts';
import { canary, collectSecrets, type Secret } from '../lib/canary.ts';
import { factsOfBed, served, servingPorts, type CertificateFacts } from '../lib/certificates.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import { allEnded, deploy, explain, tellRotations, type Rotation } from '../lib/product.ts';
import { clusterNoise, difference, readWorld, tell, unexpected, type World } from '../lib/world.ts';
import { productTraces } from '../lib/traces.ts';

const bed = bedOfTwo();
let before: readonly CertificateFacts[] = [];
let after: readonly CertificateFacts[] = [];
let worldBefore: World;
let worldAfter: World;
let secrets: readonly Secret[] = [];
let ended: readonly Rotation[] = [];
let mark: AuditMark;

const key = (fact: CertificateFacts) => `${fact.node} ${fact.id}`;
/** Usages, SANs and constraints: the extensions but for those that name keys. */
const identity = ({ extensions }: CertificateFacts) =>
  Object.entries(extensions).filter(([name]) => !/Key Identifier/.test(name));
const day = 86_400_000;
/**
 * The kubelet of n1 may renew its client certificate before we do (R2): by the cluster's own signer, for a year, with a
 * key of its own liking. Ours live for 91 days.
 */
const isOfKubelet = ({ id, notBefore, notAfter }: CertificateFacts) =>
  id === 'kubelet-client-current.pem' && notAfter.getTime() - notBefore.getTime() > 300 * day;

const renewed = () => after.filter((fact) => !isOfKubelet(fact));

beforeAll(async () => {
  await bed.restore('due');
  before = await factsOfBed(bed);
  secrets = collectSecrets(bed);
  worldBefore = await readWorld(bed);
  mark = auditMark(bed);
  const startedAt = performance.now();
  await deploy(bed);
  try {
    ended = await allEnded(bed, bed.nodes, 8 * 60);
  } catch (error) {
    console.log(await explain(bed));
    throw error;
  }
  console.log(`done ${((performance.now() - startedAt) / 1000).toFixed(0)} s after make deploy began`);
  console.log(tellRotations(ended));
  after = await factsOfBed(bed);
  secrets = collectSecrets(bed, secrets);
  worldAfter = await readWorld(bed);
});

afterAll(async () => {
  await bed.save('renewed');
});

test('every rotation succeeded, and every certificate in it has a proof', () => {
  for (const rotation of ended) {
    expect(rotation.status?.phase, `${rotation.metadata.name}: ${rotation.status?.message}`).toBe(
      'Succeeded',
    );
    for (const certificate of rotation.status?.certificates ?? [])
      expect(certificate.proof, certificate.id).toBeTruthy();
  }
});

test('every certificate of the table is new and lives as long as it should', () => {
  for (const fact of renewed()) {
    const old = before.find((one) => key(one) === key(fact));
    const lifetime = fact.id.startsWith('kubelet') ? 91 : 365;
    expect(fact.serial, key(fact)).not.toBe(old?.serial);
    expect(fact.notAfter.getTime() - Date.now(), key(fact)).toBeGreaterThan((lifetime - 1) * day);
    expect(fact.keyFits, `${key(fact)}: key fits`).toBe(true);
    expect(fact.chains, `${key(fact)}: chains to its CA`).toBe(true);
  }
});

test('subject, SANs, usages, key type, mode, owner and links are as before, kubeadm’s own kubelet.crt apart (R3)', () => {
  for (const fact of renewed()) {
    const old = before.find((one) => key(one) === key(fact));
    expect(fact.keyType, key(fact)).toBe(old?.keyType);
    const { link, ...file } = fact.file;
    const { link: oldLink, ...oldFile } = old?.file ?? fact.file;
    expect(file, key(fact)).toEqual(oldFile);
    expect(link === null, `${key(fact)}: a link or not`).toBe(oldLink === null);
    if (old?.issuer === old?.subject || old?.chains === false) continue;
    expect(fact.subject, key(fact)).toBe(old?.subject);
    expect(identity(fact), key(fact)).toEqual(old && identity(old));
  }
});

test('only the client certificate of n1’s kubelet may be the kubelet’s own work, and it is valid', () => {
  const others = after.filter(isOfKubelet);
  expect(others.map(key).filter((name) => name !== 'n1 kubelet-client-current.pem')).toEqual([]);
  expect(others.filter(({ keyFits, chains }) => !keyFits || !chains)).toEqual([]);
});

test('kubeadm’s own kubelet.crt becomes one signed by the cluster: the node’s name and addresses, serverAuth alone', () => {
  const fact = after.find((one) => one.node === 'n1' && one.id === 'kubelet.crt');
  expect(fact?.subject).toBe('CN=system:node:n1,O=system:nodes');
  expect(fact?.extensions['X509v3 Extended Key Usage']).toBe('TLS Web Server Authentication');
  expect(fact?.extensions['X509v3 Subject Alternative Name']).toBe(`DNS:n1, IP Address:${bed.address('n1')}`);
});

test('the live endpoints serve what lies on the disks', async () => {
  for (const fact of after) {
    const port = servingPorts[fact.id];
    if (port === undefined) continue;
    expect((await served(bed.address(fact.node), port)).serial, `${key(fact)} on ${port}`).toBe(fact.serial);
  }
  const loopback = await served(bed.address('n1'), 6443, 'apiserver-loopback-client');
  expect(loopback.notBefore.getTime(), 'the loopback certificate is of the new start').toBeGreaterThan(
    worldBefore.at.getTime() - 2 * 3_600_000,
  );
});

test('nothing else on any node or in the API has changed', () => {
  const changes = unexpected(difference(worldBefore, worldAfter), [...clusterNoise, ...productTraces]);
  expect(changes, tell(changes)).toEqual([]);
  for (const file of [
    'ca.crt',
    'ca.key',
    'sa.key',
    'sa.pub',
    'front-proxy-ca.crt',
    'etcd/ca.crt',
    'etcd/ca.key',
  ]) {
    const name = `n1:/etc/kubernetes/pki/${file}`;
    expect(worldAfter.files.get(name), name).toBe(worldBefore.files.get(name));
  }
});

test('only the controller wrote inventories and rotations; agents did nothing but ask for certificates', () => {
  const done = writes(auditedSince(bed, mark));
  const strangers = done.filter((event) => {
    const resource = event.objectRef?.resource ?? '';
    const ours =
      event.objectRef?.apiGroup === 'certrotator.cpaas.io' ||
      event.objectRef?.name?.startsWith('node-local-certs-');
    const byController =
      event.user.username === 'system:serviceaccount:cluster-cert-rotator:cluster-cert-rotator';
    const byAgent =
      event.user.username === 'system:serviceaccount:cluster-cert-rotator:cluster-cert-rotator-agent';
    return (ours === true && !byController) || (byAgent && resource !== 'certificatesigningrequests');
  });
  expect(strangers, tellAudit(strangers)).toEqual([]);
});

test('no private key was seen where it does not belong', async () => {
  const report = await canary(bed, secrets);
  expect(report.unseen, 'the judge sees every key at home').toEqual([]);
  expect(report.leaks).toEqual([]);
});
