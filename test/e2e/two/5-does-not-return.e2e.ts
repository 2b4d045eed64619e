// kube-apiserver does not come back on its new certificate: its command is wrapped, before the product is deployed, by a
// program that ends unless apiserver.crt is the old file (R23). The node goes back by itself, and there is no loop.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { served, factsOf } from '../lib/certificates.ts';
import { waitFor } from '../lib/command.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import { goProgram } from '../lib/go-program.ts';
import { kubectlOf } from '../lib/kubectl.ts';
import { deploy, ended, explain, inPhase, rotations, tellRotations, type Rotation } from '../lib/product.ts';

const bed = bedOfTwo();
const kubectl = kubectlOf(bed);
const manifest = '/etc/kubernetes/manifests/kube-apiserver.yaml';
const certificate = '/etc/kubernetes/pki/apiserver.crt';
const files = [
  certificate,
  '/etc/kubernetes/pki/apiserver.key',
  '/etc/kubernetes/pki/apiserver-etcd-client.crt',
  '/etc/kubernetes/pki/apiserver-kubelet-client.crt',
  '/etc/kubernetes/pki/front-proxy-client.crt',
  manifest,
];
const hash = (path: string) =>
  createHash('sha256')
    .update(readFileSync(bed.file('n1', path)))
    .digest('hex');
let before: readonly string[] = [];
let rotation: Rotation;

/** kubeadm's manifest with the guard before the command. */
function guarded(text: string): string {
  const replaced = text
    .replace(
      /^( *)- kube-apiserver$/m,
      `$1- /opt/guard/guard\n$1- ${certificate}\n$1- ${hash(certificate)}\n$1- kube-apiserver`,
    )
    .replace(
      /^( *)volumeMounts:$/m,
      '$1volumeMounts:\n$1- {name: guard, mountPath: /opt/guard, readOnly: true}',
    )
    .replace(
      /^( *)volumes:$/m,
      '$1volumes:\n$1- {name: guard, hostPath: {path: /opt/guard, type: Directory}}',
    );
  if (replaced.split('guard').length < 6) throw new Error('the manifest is not as kubeadm writes it');
  return replaced;
}

async function putGuard(): Promise<void> {
  mkdirSync(bed.file('n1', '/opt/guard'), { recursive: true });
  copyFileSync(await goProgram('guard'), bed.file('n1', '/opt/guard/guard'));
  const path = bed.file('n1', manifest);
  writeFileSync(path, guarded(readFileSync(path, 'utf8')));
  await waitFor(
    'the API server behind its guard',
    async () => {
      const text = await kubectl('-n', 'kube-system', 'get', 'pod', 'kube-apiserver-n1', '-o', 'json');
      return text.includes('/opt/guard/guard') && /"ready": true/.test(text) ? true : undefined;
    },
    { seconds: 180 },
  );
}

beforeAll(async () => {
  await bed.restore('due');
  await putGuard();
  before = files.map(hash);
  await deploy(bed, { componentTimeout: '60s' });
  try {
    rotation = await ended(bed, 'n1', 480);
  } catch (error) {
    console.log(await explain(bed));
    throw error;
  }
  console.log(tellRotations(await rotations(bed)));
});

test('the old files and the old manifest are back', () => {
  expect(files.map(hash)).toEqual(before);
});

test('the API server serves its old certificate, and is ready', async () => {
  const old = await factsOf(bed, 'n1', 'apiserver.crt');
  expect((await served(bed.address('n1'), 6443)).serial).toBe(old.serial);
  expect(await kubectl.raw('/readyz')).toBe('ok');
});

test('the object says RolledBack, what did not come back, and which step failed', () => {
  expect(rotation.status?.phase).toBe('RolledBack');
  expect(rotation.status?.reason).toBe('ComponentDidNotReturn');
  expect(rotation.status?.message).toMatch(/kube-apiserver.*the old files are back/);
  const failed = rotation.status?.steps?.filter(({ result }) => result === 'failed').map(({ name }) => name);
  expect(failed).toEqual(['kube-apiserver: prove']);
});

test('what was proved before it stays: etcd serves its new certificates, and they alone are proved', async () => {
  const proved = rotation.status?.certificates?.filter(({ proof }) => proof !== undefined) ?? [];
  expect(proved.map(({ id }) => id).toSorted()).toEqual([
    'etcd/healthcheck-client.crt',
    'etcd/peer.crt',
    'etcd/server.crt',
  ]);
  const server = proved.find(({ id }) => id === 'etcd/server.crt');
  expect((await served(bed.address('n1'), 2379)).serial).toBe(server?.newSerial);
});

test('an operator is told on the node', async () => {
  const events = await kubectl(
    'get',
    'events',
    '-n',
    'default',
    '-o',
    'json',
    '--field-selector',
    'involvedObject.name=n1,type=Warning',
  );
  expect(events).toMatch(/RolledBack: .*kube-apiserver/);
});

test('there is no loop: the next attempt is planned, not before the breaker and the backoff allow it', async () => {
  const next = await inPhase(bed, 'n1', 'Scheduled', 120);
  const waits = Date.parse(next.status?.dueAt ?? '') - Date.parse(rotation.status?.finishedAt ?? '');
  expect(waits).toBeGreaterThan(50 * 60_000);
});
