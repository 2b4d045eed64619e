// The manual's two commands, word for word, on a control plane and on a worker: what comes is what the cluster's own
// checksums name, an error is a script that fails, and a Service of this name that is somebody else's stays as it is.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { factsOf, factsOfBed } from '../lib/certificates.ts';
import { waitFor } from '../lib/command.ts';
import { bedOfTwo } from '../lib/fixture.ts';
import { kubectlOf, type KubeObject } from '../lib/kubectl.ts';
import { deploy, publicNamespace, repository } from '../lib/product.ts';
import { eventAbout } from '../lib/settled.ts';

const bed = bedOfTwo();
const kubectl = kubectlOf(bed);

/** From the manual, S8. */
const commands = {
  'cert-renew': `curl "$(kubectl get services -n cpaas-system frontend -o jsonpath='{.spec.clusterIP}'):8080/cluster-cert-rotator/download/cert-renew" -o ./cert-renew && chmod +x ./cert-renew`,
  'renew-all.sh': `curl "$(kubectl get services -n cpaas-system frontend -o jsonpath='{.spec.clusterIP}'):8080/cluster-cert-rotator/download/renew-all.sh" -o ./renew-all.sh`,
} as const;
const address = `"$(kubectl get services -n cpaas-system frontend -o jsonpath='{.spec.clusterIP}'):8080/cluster-cert-rotator/download/`;

/** Whose kubeconfig there is on a node: root's own, or the kubelet's, which may read Services. */
const kubeconfigs: Readonly<Record<string, string>> = {
  n1: '/root/.kube/config',
  w1: '/etc/kubernetes/kubelet.conf',
};

/** By bash, in a directory of the node that is there for this alone. */
async function on(node: string, script: string) {
  const inside = `export KUBECONFIG=${kubeconfigs[node]}; mkdir -p /root/downloads && cd /root/downloads; ${script}`;
  return await bed.tryExec(node, ['bash', '-c', inside]);
}

const stagedDirectory = '/var/lib/cluster-cert-rotator/bin';

interface ConfigMap extends KubeObject {
  readonly data: Readonly<Record<string, string>>;
}

interface Service extends KubeObject {
  readonly spec: { readonly selector: object; readonly ports: readonly object[] };
}

async function checksums(): Promise<ConfigMap> {
  const found = await kubectl.get<ConfigMap>('configmap', 'cert-renew-checksums', publicNamespace);
  if (found === undefined) throw new Error('there is no ConfigMap cert-renew-checksums');
  return found;
}

/** As the API's TLS gives them, to `sha256sum --check` in the directory of the downloads. */
async function check(node: string, architecture: string, directory = '.') {
  const text = (await checksums()).data[architecture] ?? '';
  return await on(node, `cd ${directory} && sha256sum --check --strict <<'SUMS'\n${text}SUMS`);
}

const frontend = async () => await kubectl.get<Service>('service', 'frontend', publicNamespace);

async function becomes(state: string): Promise<void> {
  await waitFor(
    `the Service to be ${state}`,
    async () =>
      (await checksums()).metadata.annotations?.['certrotator.cpaas.io/frontend'] === state || undefined,
    { seconds: 120 },
  );
}

beforeAll(async () => {
  await bed.restore('base');
  await deploy(bed);
  await becomes('Ready');
  await waitFor(
    'the tool to lie on the control plane in advance',
    async () =>
      (await bed.tryExec('n1', ['test', '-e', `${stagedDirectory}/SHA256SUMS`])).code === 0 || undefined,
    { seconds: 120 },
  );
  for (const node of ['n1', 'w1'])
    await waitFor(
      `kube-proxy of ${node} to know of the web Pods`,
      async () => (await on(node, `curl -sf ${address}SHA256SUMS" -o sums`)).code === 0 || undefined,
      { seconds: 60 },
    );
});

describe.each(['n1', 'w1'])('on %s', (node) => {
  test('the manual’s two commands give files that are what the cluster’s checksums name', async () => {
    for (const command of Object.values(commands)) expect(await on(node, command)).toMatchObject({ code: 0 });
    expect((await check(node, 'amd64')).stdout).toBe('cert-renew: OK\nrenew-all.sh: OK\n');
  });

  test('the tool runs, and renew-all.sh runs the tool beside it', async () => {
    expect((await on(node, './cert-renew version')).stdout).toMatch(/^cert-renew \d/);
    const { stdout, stderr } = await on(node, 'sh renew-all.sh --dry-run');
    expect(stdout + stderr).toContain('kubelet-client-current.pem');
  });

  test('a name that is mistyped gives a script that says so and fails', async () => {
    const { code, stderr } = await on(
      node,
      `curl -s ${address}cert-renw" -o ./mistyped && chmod +x ./mistyped; ./mistyped`,
    );
    expect(code).toBe(1);
    expect(stderr).toContain('nothing was downloaded (HTTP 404)');
  });
});

/** A path of the dashboard, by its Service and its name, from the control plane; trusting what its Secret says alone. */
async function dashboard(path: string) {
  const [service, namespace] = ['cluster-cert-rotator', publicNamespace];
  const lines = [
    `ip=$(kubectl get service -n ${namespace} ${service} -o jsonpath='{.spec.clusterIP}')`,
    `kubectl get secret -n ${namespace} ${service}-web-tls -o jsonpath='{.data.ca\\.crt}' | base64 -d > dashboard-ca.crt`,
    `curl -s --fail-with-body --cacert dashboard-ca.crt --resolve "${service}.${namespace}.svc:8443:$ip" -D headers ` +
      `"https://${service}.${namespace}.svc:8443${path}"; code=$?; cat headers >&2; exit $code`,
  ];
  return await on('n1', lines.join('\n'));
}

test('the dashboard is there by its Service, with a certificate of its own, and shows this cluster to who has no token', async () => {
  const page = await dashboard('/');
  expect(page.code, page.stderr).toBe(0);
  expect(page.stdout).toContain('<title>cluster-cert-rotator</title>');
  expect(page.stderr).toMatch(/^content-security-policy: default-src 'none'/im);
  const overview = await waitFor(
    'the dashboard to have read both nodes',
    async () => {
      const { stdout } = await dashboard('/api/v1/overview');
      return stdout.includes('"certificates"') ? stdout : undefined;
    },
    { seconds: 60 },
  );
  expect(JSON.parse(overview)).toMatchObject({ summary: { counts: { nodes: 2 } } });
  expect((await dashboard('/api/v1/nodes/n1')).stdout).toContain('etcd/server.crt');
  expect((await dashboard('/api/v1/me')).code).toBe(22);
});

test('the tool for the other architecture is that, and its checksums are its own', async () => {
  const { code } = await on('w1', `curl -s ${address}cert-renew?arch=arm64" -o ./cert-renew`);
  expect(code).toBe(0);
  expect((await check('w1', 'arm64')).stdout).toBe('cert-renew: OK\nrenew-all.sh: OK\n');
  // e_machine of an ELF file: AArch64 is 183
  expect((await on('w1', 'od -An -tu2 -j18 -N2 cert-renew')).stdout.trim()).toBe('183');
});

test('what was built is what the ConfigMap names', async () => {
  const { data } = await checksums();
  const built = readFileSync(join(repository, 'dist/SHA256SUMS'), 'utf8');
  for (const [name, text] of Object.entries({
    'cert-renew': data['amd64'],
    'cert-renew-arm64': data['arm64'],
  })) {
    expect(built).toContain(`${text?.slice(0, 64)}  ${name}\n`);
  }
});

test('on control planes the tool, renew-all.sh and their checksums lie in advance; on workers nothing does', async () => {
  expect((await on('n1', `cd ${stagedDirectory} && sha256sum --check --strict SHA256SUMS`)).stdout).toBe(
    'cert-renew: OK\nrenew-all.sh: OK\n',
  );
  expect((await check('n1', 'amd64', stagedDirectory)).stdout).toBe('cert-renew: OK\nrenew-all.sh: OK\n');
  expect((await bed.tryExec('w1', ['test', '-e', stagedDirectory])).code).toBe(1);
});

test('three hundred slow clients at once keep nobody from the checksums, and no Pod falls over', async () => {
  const slow = on(
    'w1',
    `curl -sZ --parallel-max 300 --limit-rate 20k --max-time 15 -o /dev/null ${address}cert-renew?n=[1-300]"`,
  );
  const answers: (number | null)[] = [];
  for (let i = 0; i < 5; i += 1) {
    answers.push((await on('n1', `sleep 2; curl -sf --max-time 5 ${address}SHA256SUMS" -o sums`)).code);
  }
  await slow;
  expect(answers).toEqual([0, 0, 0, 0, 0]);
  const pods = ['get', 'pods', '-l', 'app.kubernetes.io/component=web'];
  const count = 'jsonpath={.items[*].status.containerStatuses[*].restartCount}';
  const restarts = await kubectl('-n', publicNamespace, ...pods, '-o', count);
  expect(restarts).toBe('0 0');
});

test('a Service frontend of somebody else stays as it is; an Event on it says so; ours comes back when it has gone (R19)', async () => {
  const theirs = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'frontend', namespace: publicNamespace, labels: { app: 'theirs' } },
    spec: { selector: { app: 'theirs' }, ports: [{ name: 'web', port: 8080 }] },
  };
  await waitFor(
    'their Service to come in the place of ours, which may be made again at this very moment',
    async () => {
      await kubectl('-n', publicNamespace, 'delete', 'service', 'frontend', '--ignore-not-found');
      const made = await kubectl.try(['create', '-f', '-'], { input: JSON.stringify(theirs) });
      return made.code === 0 || undefined;
    },
    { seconds: 30 },
  );
  const before = await frontend();
  expect(before?.spec.selector).toEqual({ app: 'theirs' });
  await becomes('NotOurs');
  expect(await frontend()).toEqual(before);
  await eventAbout(bed, 'Service/frontend', 'FrontendNotOurs', ["is somebody else's and stays as it is"]);
  await kubectl('-n', publicNamespace, 'delete', 'service', 'frontend');
  await becomes('Ready');
  expect((await frontend())?.metadata.labels).toMatchObject({
    'app.kubernetes.io/managed-by': 'cluster-cert-rotator',
  });
  await waitFor(
    'kube-proxy to know of it',
    async () => (await on('w1', commands['renew-all.sh'])).code === 0 || undefined,
    { seconds: 60 },
  );
  expect((await check('w1', 'arm64')).stdout).toContain('renew-all.sh: OK');
});

describe('by hand, on the control plane', () => {
  const apiserver = '/etc/kubernetes/pki/apiserver.crt';

  test('the manual’s command renews a file, and restore puts the old one back', async () => {
    const { serial: before } = await factsOf(bed, 'n1', 'apiserver.crt');
    const renewed = await on(
      'n1',
      `./cert-renew --ca-cert /etc/kubernetes/pki/ca.crt --ca-key /etc/kubernetes/pki/ca.key --days 200 ${apiserver}`,
    );
    expect(renewed.code, renewed.stderr).toBe(0);
    expect(renewed.stdout).toMatch(/apiserver\.crt: renewed, expires .* same key/);
    const now = await factsOf(bed, 'n1', 'apiserver.crt');
    expect([now.serial === before, now.keyFits, now.chains]).toEqual([false, true, true]);
    const backup = /^old files: (\S+)$/m.exec(renewed.stdout)?.[1] ?? '';
    const restored = await on('n1', `./cert-renew restore ${backup}`);
    expect(restored.code, restored.stderr).toBe(0);
    expect((await factsOf(bed, 'n1', 'apiserver.crt')).serial).toBe(before);
  });

  test('renew-all.sh renews everything, and the live components serve it', async () => {
    const before = await factsOfBed(bed);
    const done = await on('n1', 'sh renew-all.sh');
    expect(done.code, `${done.stdout}\n${done.stderr}`).toBe(0);
    expect(done.stdout).toContain('Done: the certificates of this node are renewed.');
    const after = await factsOfBed(bed);
    const same = after.filter(({ node, id, serial: now }) =>
      before.some((each) => each.node === node && each.id === id && each.serial === now),
    );
    // kubeadm leaves the kubelet its own: nobody else signs that (R3)
    const kept = ['n1 kubelet.crt', 'w1 kubelet.crt', 'w1 kubelet-client-current.pem'];
    expect(same.map(({ node, id }) => `${node} ${id}`)).toEqual(kept);
    const broken = after.filter(({ node, id, keyFits, chains }) => {
      const isKept = kept.includes(`${node} ${id}`);
      return !isKept && !(keyFits && chains);
    });
    expect(broken).toEqual([]);
    const checked = await on('n1', './cert-renew check');
    expect(checked.code, checked.stdout).toBe(0);
  });
});
