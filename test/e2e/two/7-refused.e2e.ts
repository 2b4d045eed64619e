// A worker's kubelet credential, and an agent's token, ask for what they may not have (the KEK, the CA Secret's plain
// text, a certificate of another node, of an API server, for system:masters, a Pod with our mounts): refused every time,
// by whom is shown.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isAnyFormOf } from '../lib/canary.ts';
import { factsOf } from '../lib/certificates.ts';
import { outcome, waitFor } from '../lib/command.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import { ask, type SigningRequest } from '../lib/forgery.ts';
import { bearer, kubeletOf, type Identity } from '../lib/identities.ts';
import { kubectlOf } from '../lib/kubectl.ts';
import { honestRequest, lies, plainLies, type Lie } from '../lib/lies.ts';
import {
  allEnded,
  deploy,
  explain,
  phaseOf,
  privateNamespace,
  publicNamespace,
  repository,
  restsWithCas,
  rotationOf,
} from '../lib/product.ts';
import { attempt, reasonOf, tellRefusals, type Refusal } from '../lib/refusals.ts';
import { reach } from '../lib/reach.ts';
import { podOnNode, stopRequest } from '../lib/rotate-pod.ts';

const bed = bedOfTwo();
const admin = kubectlOf(bed);
const scratch = mkdtempSync(join(tmpdir(), 'refused-'));
const record: Refusal[] = [];
let kubelet: Identity;

/** Puts attempts on the record; those that no guard has stopped, in words. */
function letThrough(all: readonly Refusal[]): string {
  record.push(...all);
  console.log(tellRefusals(all));
  return tellRefusals(all.filter(({ by }) => by === undefined));
}

beforeAll(async () => {
  await bed.restore('base');
  await deploy(bed, { settle: '5s' });
  await restsWithCas(bed);
  kubelet = kubeletOf(bed, scratch, 'w1');
});

afterAll(() => {
  rmSync(scratch, { recursive: true });
  const guards = new Set(record.map(({ by }) => by ?? 'NOBODY'));
  const counts = [...guards].map((guard) => `${guard}: ${record.filter(({ by }) => by === guard).length}`);
  console.log(`${record.length} attempts; refused by ${counts.join(', ')}`);
});

test('the judge can say no: what a kubelet may do passes', async () => {
  const own = await attempt(kubelet, 'GET its own Node', ['get', 'node', 'w1']);
  expect(own.by, own.said).toBeUndefined();
  expect(own.said).toContain('w1');
});

test('a worker’s kubelet reaches nothing of the product', async () => {
  expect(letThrough(await reachAll(kubelet, 'kubelet'))).toBe('');
});

test('a worker’s kubelet gets nothing signed', async () => {
  await caught(kubelet, 'by-kubelet', 'w1-none-1', plainLies('Requester'));
  expect(record.length).toBeGreaterThan(0);
});

test('an agent’s token that is bound to no Pod reaches nothing and gets nothing signed', async () => {
  expect(letThrough(await reachAll(await unboundAgent(), 'agent'))).toBe('');
  await caught(await unboundAgent(), 'by-agent', 'w1-none-1', plainLies('RotationRunning'));
});

test('the token of a rotate Pod at work, taken from its node, gets nothing but what the rotation is for', async () => {
  const ids = ['kubelet.crt', 'kubelet-client-current.pem'];
  const rotation = await rotationOf(bed, { name: 'w1-held', nodeName: 'w1', certificates: ids });
  const { uid } = rotation.metadata;
  const held = await stopRequest(bed, 'w1');
  try {
    await phaseOf(bed, 'w1-held', 'Running', 60);
    const pod = await podOnNode(bed, 'w1', 'rotate');
    const stolen = bearer(bed, scratch, 'agent, of w1’s Pod', pod.token());
    expect(letThrough(await reachAll(stolen, 'agent'))).toBe('');
    await caught(stolen, 'by-stolen', 'w1-held', lies(bed, uid));
    await caught(kubelet, 'by-owner', 'w1-held', [honestRequest(bed, uid, 'Requester')]);
    await caught(await unboundAgent(), 'by-unbound', 'w1-held', [honestRequest(bed, uid, 'NodeMatches')]);
    await onlyOwnBoundToken(pod.name);
  } finally {
    await held.goOn();
  }
  const [ended] = (await allEnded(bed, ['w1'], 120)).filter(({ metadata }) => metadata.name === 'w1-held');
  expect(ended?.status?.phase, `${ended?.status?.message}\n${await explain(bed)}`).toBe('Succeeded');
});

async function unboundAgent(): Promise<Identity> {
  const token = await admin('-n', privateNamespace, 'create', 'token', 'cluster-cert-rotator-agent');
  return bearer(bed, scratch, 'agent, unbound', token.trim());
}

async function reachAll(as: Identity, who: 'kubelet' | 'agent'): Promise<readonly Refusal[]> {
  const all: Refusal[] = [];
  for (const [what, words, input] of await reach(bed, who)) all.push(await attempt(as, what, words, input));
  return all;
}

/** Whoever owns the node can have a token for the Pod that runs there: no other Pod's, and none bound to nothing. */
async function onlyOwnBoundToken(pod: string): Promise<void> {
  const account = ['-n', privateNamespace, 'create', 'token', 'cluster-cert-rotator-agent'];
  const own = await attempt(kubelet, 'TokenRequest for the Pod that runs there', [
    ...account,
    '--bound-object-kind=Pod',
    `--bound-object-name=${pod}`,
    `--bound-object-uid=${(await admin.get('pod', pod, privateNamespace))?.metadata.uid ?? ''}`,
  ]);
  expect(own.by, own.said).toBeUndefined();
  expect(letThrough([await attempt(kubelet, 'TokenRequest for no Pod, while one runs there', account)])).toBe(
    '',
  );
}

/** Asks one after another; each must be caught by the check that it is meant for. */
async function caught(as: Identity, prefix: string, rotation: string, asked: readonly Lie[]): Promise<void> {
  const all: Refusal[] = [];
  for (const [i, [what, , forgery]] of asked.entries()) {
    const whole = { name: `${prefix}-${i}`, id: 'kubelet.crt', rotation, ...forgery };
    all.push(await ask(as, admin, `CSR: ${what}`, whole));
  }
  expect(letThrough(all)).toBe('');
  expect(all.map(reasonOf)).toEqual(asked.map(([, check]) => check));
}

test('nothing was signed but what the rotation of w1 was for', async () => {
  const ofRotation = /^w1-held-[0-9a-f]{8}-[0-9a-f]{6}$/;
  const strange = (await signedRequests()).filter((name) => !ofRotation.test(name));
  expect(strange).toEqual([]);
  await waitFor(
    'the controller to remove the requests of a rotation that has ended',
    async () => (await signedRequests()).length === 0 || undefined,
    { seconds: 30 },
  );
  expect(await signedRequests()).toEqual([]);
  const now = await factsOf(bed, 'w1', 'kubelet.crt');
  expect(now.subject).toBe('CN=kubelet');
  expect(now.extensions['X509v3 Subject Alternative Name']).toBe(`DNS:w1, IP Address:${bed.address('w1')}`);
});

/** The names of all requests to our signer, and of all that an attempt made, that have a certificate. */
async function signedRequests(): Promise<readonly string[]> {
  return (await admin.list<SigningRequest>('csr'))
    .filter(({ status }) => Boolean(status?.certificate))
    .filter(
      ({ metadata, spec }) =>
        spec.signerName === 'certrotator.cpaas.io/node' || metadata.name.startsWith('by-'),
    )
    .map(({ metadata }) => metadata.name);
}

test('Secret kubernetes-ca shows no key to whoever may read it', async () => {
  const text = await admin('-n', publicNamespace, 'get', 'secret', 'kubernetes-ca', '-o', 'json');
  const secret: { data: Record<string, string> } = JSON.parse(text);
  const values = Object.values(secret.data).map((value) => Buffer.from(value, 'base64'));
  for (const name of ['ca.key', 'etcd/ca.key', 'front-proxy-ca.key']) {
    const pem = readFileSync(bed.file('n1', `/etc/kubernetes/pki/${name}`), 'utf8');
    expect(isAnyFormOf(pem, [Buffer.from(pem)]), 'the judge knows the key where it is').toBe(true);
    expect(isAnyFormOf(pem, [Buffer.from(text), ...values]), name).toBe(false);
  }
  expect(Object.keys(secret.data).filter((name) => name.endsWith('.sealed'))).toHaveLength(3);
});

test('the admission policy lets through what the program makes, and nothing that differs by one thing', async () => {
  const checked = await outcome(process.execPath, ['deploy/check/admission.ts'], {
    cwd: repository,
    env: { KUBECONFIG: bed.kubeconfig, PATH: `${bed.programs}:${process.env['PATH'] ?? ''}` },
  });
  const [, passed, failed] = /(\d+) passed, (\d+) failed/.exec(checked.stdout) ?? [];
  console.log(`deploy/check/admission.ts: ${passed} passed, ${failed} failed`);
  expect(checked.code, checked.stdout.replaceAll(/^ok .*\n/gm, '') + checked.stderr).toBe(0);
  expect(Number(passed)).toBeGreaterThan(150);
});
