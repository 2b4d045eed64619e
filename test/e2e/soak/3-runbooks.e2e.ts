// The runbooks that CI does not follow, each on a cluster that has just this trouble: the page's own commands end it.
import { afterAll, beforeEach, expect, test } from 'vitest';
import { factsOfBed } from '../lib/certificates.ts';
import { key, notRenewed, notServed } from '../lib/checks.ts';
import { waitFor } from '../lib/command.ts';
import { layProductsTool, losePower, waitAlive } from '../lib/dead.ts';
import { writeEvidence } from '../lib/evidence.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import { followRunbook, tellDone } from '../lib/runbook.ts';

const bed = bedOfTwo();
const followed: { page: string; seconds: number; commands: string[] }[] = [];
const pages = [
  'worker-expired.md',
  'bootstrap-loop.md',
  'ca-expired.md',
  'half-done.md',
  'lost-admin-conf.md',
] as const;

beforeEach(async () => {
  await bed.restore('base');
  layProductsTool(bed);
});

/** What is wrong afterwards. */
async function follow(page: (typeof pages)[number]): Promise<readonly string[]> {
  const since = new Date();
  const done = await followRunbook(bed, page);
  await waitAlive(bed, since, 120);
  const after = await factsOfBed(bed);
  // kubeadm's own kubelet.crt is nobody's
  const ours = after.filter(({ node, id }) => node !== 'n1' || id !== 'kubelet.crt');
  const faults = ours
    .filter(({ keyFits, chains }) => !keyFits || !chains)
    .map((fact) => `${key(fact)} does not fit or chain`);
  const seconds = Math.round(done.reduce((sum, one) => sum + one.seconds, 0));
  followed.push({ page, seconds, commands: done.map(tellDone) });
  console.log(done.map(tellDone).join('\n'));
  return [...faults, ...(await notServed(bed, after))];
}

/** The kubelet of w1 is started again over a client certificate that has expired. */
async function expireWorker(prepare?: () => Promise<unknown>): Promise<void> {
  await bed.reissue({ daysLeft: -10, node: 'w1', restart: false });
  await prepare?.();
  await bed.exec('w1', 'systemctl', 'restart', 'kubelet');
}

async function kubeletSays(words: RegExp): Promise<void> {
  await waitFor(
    `the kubelet of w1 to say ${String(words)}`,
    async () =>
      words.test(await bed.exec('w1', 'journalctl', '-b', '-o', 'cat', '-u', 'kubelet')) || undefined,
    { seconds: 60 },
  );
}

test('a worker whose kubelet’s certificate expired', async () => {
  await expireWorker();
  await kubeletSays(/unable to load bootstrap kubeconfig/);
  expect(await follow('worker-expired.md')).toEqual([]);
});

/** As kubeadm join writes it; the token expired long ago. */
const bootstrapKubeconfig = `cat > /etc/kubernetes/bootstrap-kubelet.conf <<Y
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "$(sed -n 's/^ *server: //p' /etc/kubernetes/kubelet.conf)", certificate-authority: /etc/kubernetes/pki/ca.crt}}]
users: [{name: u, user: {token: abcdef.0123456789abcdef}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
Y`;

test('the client certificate expired, the kubelet in its bootstrap loop', async () => {
  await expireWorker(async () => await bed.exec('w1', 'bash', '-c', bootstrapKubeconfig));
  await kubeletSays(/Failed to connect to apiserver/);
  expect((await bed.exec('w1', 'systemctl', 'is-active', 'kubelet')).trim()).toBe('active');
  expect(await follow('bootstrap-loop.md')).toEqual([]);
});

test('all CAs expired, and with them everything', async () => {
  const before = await factsOfBed(bed);
  await bed.reissue({ daysLeft: -10, ids: ['ca.crt', 'front-proxy-ca.crt', 'etcd/ca.crt'] });
  await bed.reissue({ daysLeft: -10, restart: false });
  await losePower(bed);
  expect(await follow('ca-expired.md')).toEqual([]);
  const after = await factsOfBed(bed);
  expect(notRenewed(before, after).filter((fault) => !fault.startsWith('n1 kubelet.crt'))).toEqual([]);
});

test('half done by hand: a foreign key, a renewal without a restart, one that was forgotten', async () => {
  await bed.exec('n1', 'kubeadm', 'certs', 'renew', 'controller-manager.conf');
  await bed.reissue({ daysLeft: -10, node: 'n1', ids: ['front-proxy-client.crt'], restart: false });
  await bed.exec(
    'n1',
    'bash',
    '-c',
    'openssl genrsa -traditional 2048 2> /dev/null > /root/foreign.key; cat /root/foreign.key > /etc/kubernetes/pki/apiserver.key',
  );
  expect(await follow('half-done.md')).toEqual([]);
});

test('admin.conf is lost, and root’s copy with it', async () => {
  await bed.exec('n1', 'rm', '/etc/kubernetes/admin.conf', '/root/.kube/config');
  expect(await follow('lost-admin-conf.md')).toEqual([]);
});

afterAll(() => {
  if (followed.length === pages.length) writeEvidence('runbooks', 'make soak', followed);
});
