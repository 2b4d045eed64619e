// Configuration with unknown fields, wrong durations, trigger over lifetime; a ConfigMap or Secret edited by hand (flip
// bytes, other cluster's CA); a CSR by hand with our signer name; a CertificateRotation for a node that is not there, with
// another node's UID, twice: a clear condition or Event each, nothing signed, nothing lost, the controller keeps running.
import { X509Certificate, createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { action, auditedSince, auditMark, tellAudit, writes, type AuditMark } from '../lib/audit.ts';
import { factsOf } from '../lib/certificates.ts';
import { waitFor } from '../lib/command.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import { foreignCa } from '../lib/foreign-ca.ts';
import { ask } from '../lib/forgery.ts';
import { kubectlOf, type KubeObject } from '../lib/kubectl.ts';
import {
  deploy,
  phaseOf,
  privateNamespace,
  publicNamespace,
  restsWithCas,
  rotationOf,
  rotations,
} from '../lib/product.ts';
import { attempt, reasonOf, tellRefusals } from '../lib/refusals.ts';
import { controllerRestarts, eventAbout, logSince, metric } from '../lib/settled.ts';

const bed = bedOfTwo();
const admin = kubectlOf(bed);
const me = { who: 'administrator', kubectl: admin };
const said: string[] = [];
let running: string;
let mark: AuditMark;

interface Data extends KubeObject {
  readonly data: Readonly<Record<string, string>>;
}

beforeAll(async () => {
  await bed.restore('base');
  await deploy(bed, { settle: '5s', scanInterval: '10s' });
  await restsWithCas(bed);
  running = await controllerRestarts(bed);
  mark = auditMark(bed);
});

afterEach(async () => {
  for (const line of said.splice(0)) console.log(line);
  await runsOn();
});

async function runsOn(): Promise<void> {
  expect(await controllerRestarts(bed), 'the controllers run on').toBe(running);
}

/** An Event must say it; kept for the record. */
async function told(about: string, reason: string, words: readonly string[] = []): Promise<string> {
  const { type, message } = await eventAbout(bed, about, reason, words);
  said.push(`Event on ${about}: ${type} ${reason}: ${message}`);
  return message;
}

async function patched(kind: string, namespace: string, name: string, patch: object): Promise<void> {
  await admin('-n', namespace, 'patch', kind, name, '--type=merge', '-p', JSON.stringify(patch));
}

const configMap = 'cluster-cert-rotator-config';
const scanned = async () => {
  const map = await admin.get<Data>('configmap', 'node-local-certs-w1', publicNamespace);
  const inventory: { collectedAt: string; certificates: object[] } = JSON.parse(
    map?.data['certificates.json'] ?? '',
  );
  return inventory;
};

test('a wrong configuration is refused with every fault in words, and the last good one goes on', async () => {
  const good = (await admin.get<Data>('configmap', configMap, privateNamespace))?.data['config.yaml'] ?? '';
  const write = async (text: string) =>
    await patched('configmap', privateNamespace, configMap, { data: { 'config.yaml': text } });
  const wrong: readonly [string, readonly string[]][] = [
    [`${good}colour: blue\npaused: true\n`, ['colour: unknown field']],
    [
      `${good}paused: true\ncomponentTimeout: 3 minutes\nlifetimes: {kubelet: 91}\n`,
      ['componentTimeout: must be a duration', 'lifetimes.kubelet: must be a duration'],
    ],
    [
      `${good}paused: true\ntrigger: {days: 400}\n`,
      ['trigger.days: 400 days are not shorter than the lifetime of 91d'],
    ],
    [`${good}paused: [true\n`, ['the configuration is not YAML']],
  ];
  for (const [text, words] of wrong) {
    const at = new Date();
    await write(text);
    await told(`ConfigMap/${configMap}`, 'ConfigurationRefused', [
      ...words,
      'the last good configuration stays',
    ]);
    expect(await logSince(bed, at)).toContain('the configuration is refused; the last good one stays');
    expect(await metric(bed, 'cert_rotator_configuration_refused')).toBe(1);
  }
  const before = (await scanned()).collectedAt;
  await waitFor('the next scan', async () => ((await scanned()).collectedAt > before ? true : undefined), {
    seconds: 90,
  });
  await write(good);
  await told(`ConfigMap/${configMap}`, 'ConfigurationAccepted');
  expect(await metric(bed, 'cert_rotator_configuration_refused')).toBe(0);
});

const masked = (text: string) => text.replaceAll(/"(collectedAt|clock)": "[^"]*"/g, '');

test('an inventory edited by hand is not believed, is said, and is as it was after the next scan', async () => {
  const edits: readonly [string, (text: string) => string][] = [
    ['w1', (text) => text.replace('"schema"', '"s\u0000hema"')],
    ['n1', (text) => text.replaceAll(/"notAfter": "\d{4}/g, '"notAfter": "2001')],
  ];
  for (const [node, edit] of edits) {
    const name = `node-local-certs-${node}`;
    const read = async () =>
      (await admin.get<Data>('configmap', name, publicNamespace))?.data['certificates.json'] ?? '';
    const before = await read();
    expect(edit(before)).not.toBe(before);
    await patched('configmap', publicNamespace, name, { data: { 'certificates.json': edit(before) } });
    await told(`Node/${node}`, 'InventoryChanged', [name]);
    await waitFor(
      `${name} to be healed`,
      async () => (masked(await read()) === masked(before) ? true : undefined),
      { seconds: 60 },
    );
  }
  expect(await rotations(bed), 'nothing is planned from it').toEqual([]);
});

test('a CertificateRotation for a node that is not there, or for another one’s UID, fails and says why', async () => {
  const n1 = (await admin.get('node', 'n1'))?.metadata.uid ?? '';
  const nodeUID = '00000000-0000-4000-8000-000000000000';
  const certificates = ['kubelet.crt'];
  await rotationOf(bed, { name: 'nowhere', nodeName: 'w9', nodeUID, certificates });
  await rotationOf(bed, { name: 'twisted', nodeName: 'w1', nodeUID: n1, certificates });
  await rotationOf(bed, { name: 'not-its-own', nodeName: 'w1', certificates: ['apiserver.crt'] });
  const wanted: readonly [string, string, string, string][] = [
    ['nowhere', 'Failed', 'NodeGone', 'there is no node w9'],
    ['twisted', 'Failed', 'NodeGone', `there is no node w1 with UID ${n1}`],
    ['not-its-own', 'Superseded', 'NothingToDo', 'none of its certificates is on this node'],
  ];
  for (const [name, phase, reason, words] of wanted) {
    const { status } = await phaseOf(bed, name, phase, 60);
    said.push(`CertificateRotation ${name}: ${phase} ${status?.reason}: ${status?.message}`);
    expect(status?.reason).toBe(reason);
    expect(status?.message).toContain(words);
    await told(`CertificateRotation/${name}`, reason, [words]);
  }
});

test('a CertificateRotation that is none is refused by the API server', async () => {
  const spec = { nodeName: 'w1', nodeUID: 'x', certificates: ['kubelet.crt'] };
  const object = (changed: object) => ({
    apiVersion: 'certrotator.cpaas.io/v1alpha1',
    kind: 'CertificateRotation',
    metadata: { name: 'none' },
    spec: { ...spec, ...changed },
  });
  const wrong: readonly [string, object][] = [
    ['a path in place of a certificate', { certificates: ['/etc/shadow'] }],
    ['a CA’s key', { certificates: ['ca.key'] }],
    ['no certificate', { certificates: [] }],
    ['no UID', { nodeUID: undefined }],
    ['a SAN', { sans: ['kubernetes'] }],
    ['a reason of its own', { reason: 'Because' }],
  ];
  const all = [];
  for (const [what, changed] of wrong)
    all.push(await attempt(me, `CREATE with ${what}`, ['create', '-f', '-'], object(changed)));
  const change = ['patch', 'certrot', 'nowhere', '--type=merge', '-p', '{"spec":{"nodeName":"n1"}}'];
  all.push(await attempt(me, 'PATCH the spec', change));
  said.push(tellRefusals(all));
  expect(all.map(reasonOf)).toEqual(all.map(() => 'schema of the CRD'));
});

test('a CSR by hand with our signer name is denied, even an administrator’s', async () => {
  const answer = await ask(me, admin, 'CSR: kubelet.crt of w1', {
    name: 'by-hand',
    id: 'kubelet.crt',
    rotation: 'nowhere',
  });
  said.push(tellRefusals([answer]));
  expect(reasonOf(answer), answer.said).toBe('Requester');
});

const secretOfCa = async () => {
  const secret = await admin.get<Data>('secret', 'kubernetes-ca', publicNamespace);
  if (secret === undefined) throw new Error('Secret kubernetes-ca is gone');
  return secret;
};
const fingerprint = 'certrotator.cpaas.io/ca-sha256.kubernetes';

test('a CA Secret with flipped bytes is said and captured again by itself', async () => {
  const before = await secretOfCa();
  const bytes = Buffer.from(before.data['kubernetes.sealed'] ?? '', 'base64');
  bytes[200] = (bytes[200] ?? 0) ^ 0xff;
  const flipped = bytes.toString('base64');
  await patched('secret', publicNamespace, 'kubernetes-ca', { data: { 'kubernetes.sealed': flipped } });
  await told('Node/n1', 'CaLost', ['CA kubernetes was changed by somebody', 'captured again']);
  const after = await waitFor(
    'the Secret to be written anew',
    async () => {
      const now = await secretOfCa();
      return now.data['kubernetes.sealed'] === flipped ? undefined : now;
    },
    { seconds: 60 },
  );
  expect(after.metadata.annotations?.[fingerprint]).toBe(before.metadata.annotations?.[fingerprint]);
  expect(after.data['kubernetes.crt']).toBe(before.data['kubernetes.crt']);
});

test('another cluster’s CA signs nothing: it is said, and this cluster’s is captured again by the record of it', async () => {
  const pem = readFileSync(bed.file('n1', '/etc/kubernetes/pki/ca.crt'));
  const own = createHash('sha256').update(new X509Certificate(pem).raw).digest('hex');
  const foreign = await foreignCa();
  const old = await factsOf(bed, 'w1', 'kubelet.crt');
  await patched('secret', publicNamespace, 'kubernetes-ca', foreign.patch);
  await told('Node/n1', 'CaLost', ['CA kubernetes belongs to another cluster']);
  await waitFor(
    'this cluster’s CA to be back in the Secret',
    async () => (await secretOfCa()).metadata.annotations?.[fingerprint] === own || undefined,
    { seconds: 90 },
  );
  nothingSigned();
  expect((await factsOf(bed, 'w1', 'kubelet.crt')).serial).toBe(old.serial);
});

test('two by hand for one node: one is renewed with this cluster’s CA, the other gives way', async () => {
  const old = await factsOf(bed, 'w1', 'kubelet.crt');
  await admin('annotate', 'node', 'w1', 'certrotator.cpaas.io/paused=true');
  const certificates = ['kubelet.crt'];
  await rotationOf(bed, { name: 'first', nodeName: 'w1', certificates });
  await phaseOf(bed, 'first', 'Pending', 60);
  await rotationOf(bed, { name: 'twice', nodeName: 'w1', certificates });
  const twice = await phaseOf(bed, 'twice', 'Superseded', 60);
  said.push(`CertificateRotation twice: Superseded ${twice.status?.reason}: ${twice.status?.message}`);
  expect(twice.status).toMatchObject({
    reason: 'AlreadyActive',
    message: 'first is the rotation of this node',
  });
  await admin('annotate', 'node', 'w1', 'certrotator.cpaas.io/paused-');
  const done = await phaseOf(bed, 'first', 'Succeeded', 180);
  said.push(`CertificateRotation first: ${done.status?.phase}: ${done.status?.message}`);
  const renewed = await factsOf(bed, 'w1', 'kubelet.crt');
  expect(renewed.serial).not.toBe(old.serial);
  expect(renewed.chains).toBe(true);
});

/** From the API server's audit log: the one request by hand was answered, and no certificate was given. */
function nothingSigned(): void {
  const written = writes(auditedSince(bed, mark)).filter(
    ({ objectRef }) => objectRef?.resource === 'certificatesigningrequests',
  );
  said.push(tellAudit(written));
  const answers = written.filter(({ objectRef }) => objectRef?.subresource !== undefined);
  expect(
    answers.map((event) => `${action(event)} ${event.objectRef?.name}`),
    tellAudit(written),
  ).toEqual(['update certificatesigningrequests/approval.certificates.k8s.io by-hand']);
}
