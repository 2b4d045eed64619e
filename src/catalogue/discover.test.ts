import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { discover, type Discovery } from './discover.ts';
import { certificateIds, type CertificateId } from './ids.ts';
import { notesBeside } from './missed.ts';
import { unseenIn, unseenNotes } from './unseen-notes.ts';
import type { Reading, Snapshot } from './snapshot.ts';
import { restartNotes } from './restart-notes.ts';
import { entryOf, table } from './table.ts';

type Files = Readonly<
  Record<string, string | Exclude<Reading, { kind: 'text' }> | { readonly link: string }>
>;

/** Reads what is wanted out of a table of files, until nothing is wanted, as the gatherer does. */
function discoverIn(files: Files): Discovery {
  const snapshot: Snapshot = { files: new Map(), directories: new Map() };
  for (let round = 0; round < 20; round++) {
    const discovery = discover(snapshot);
    const { wants } = discovery;
    if (wants.files.length === 0 && wants.directories.length === 0) return discovery;
    const read = new Map(snapshot.files);
    const listed = new Map(snapshot.directories);
    for (const path of wants.files) read.set(path, readingOf(files, path));
    for (const path of wants.directories) listed.set(path, namesIn(files, path));
    Object.assign(snapshot, { files: read, directories: listed });
  }
  throw new Error('discover wants more and more');
}

function readingOf(files: Files, path: string): Reading {
  const content = Object.hasOwn(files, path) ? files[path] : undefined;
  if (content === undefined) return { kind: 'absent' };
  if (typeof content === 'string') return { kind: 'text', text: content, realPath: path };
  if (!('link' in content)) return content;
  const target = readingOf(files, content.link);
  return target.kind === 'text' ? { ...target, realPath: content.link } : target;
}

function namesIn(files: Files, directory: string): string[] | undefined {
  const names = Object.keys(files).flatMap((path) =>
    path.startsWith(`${directory}/`) ? [path.slice(directory.length + 1).split('/')[0] ?? ''] : [],
  );
  return names.length === 0 ? undefined : [...new Set(names)];
}

const b64 = (text: string): string => Buffer.from(text).toString('base64');
const kubeconfig = (user: string, credential?: string): string => `apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443"}}]
contexts: [{name: x, context: {cluster: c, user: "${user}"}}]
current-context: x
users:
- name: ${user}
  user: ${credential ?? `{client-certificate-data: ${b64('certificate')}, client-key-data: ${b64('key')}}`}
`;
const currentPem =
  '{client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem, client-key: /var/lib/kubelet/pki/kubelet-client-current.pem}';

const pod = (name: string, command: readonly string[], mounts: string = ''): string => `apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: kube-system}
spec:
  containers:
  - name: ${name}
    command: ${JSON.stringify([name, ...command])}
${mounts}`;

const dropIn = `[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS
`;
const kubeletConfig = (more: string = 'staticPodPath: /etc/kubernetes/manifests\n'): string =>
  `kind: KubeletConfiguration\nauthentication: {x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}}\nrotateCertificates: true\n${more}`;

const worker: Files = {
  '/usr/lib/systemd/system/kubelet.service': '[Service]\nExecStart=/usr/bin/kubelet\n',
  '/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf': dropIn,
  '/var/lib/kubelet/kubeadm-flags.env': 'KUBELET_KUBEADM_ARGS="--node-ip=10.0.0.1"\n',
  '/var/lib/kubelet/config.yaml': kubeletConfig(),
  '/etc/kubernetes/kubelet.conf': kubeconfig('system:node:n1', currentPem),
};
const pki = '/etc/kubernetes/pki';
const etcdPod = pod('etcd', [
  `--cert-file=${pki}/etcd/server.crt`,
  `--key-file=${pki}/etcd/server.key`,
  `--peer-cert-file=${pki}/etcd/peer.crt`,
  `--peer-key-file=${pki}/etcd/peer.key`,
  `--trusted-ca-file=${pki}/etcd/ca.crt`,
  '--listen-client-urls=https://127.0.0.1:2379,https://10.0.0.1:2379',
  '--listen-peer-urls=https://10.0.0.1:2380',
  '--listen-metrics-urls=http://127.0.0.1:2381',
]);
const apiserverPod = pod('kube-apiserver', [
  '--advertise-address=10.0.0.1',
  `--client-ca-file=${pki}/ca.crt`,
  `--etcd-cafile=${pki}/etcd/ca.crt`,
  `--etcd-certfile=${pki}/apiserver-etcd-client.crt`,
  `--etcd-keyfile=${pki}/apiserver-etcd-client.key`,
  `--kubelet-client-certificate=${pki}/apiserver-kubelet-client.crt`,
  `--kubelet-client-key=${pki}/apiserver-kubelet-client.key`,
  `--proxy-client-cert-file=${pki}/front-proxy-client.crt`,
  `--proxy-client-key-file=${pki}/front-proxy-client.key`,
  `--requestheader-client-ca-file=${pki}/front-proxy-ca.crt`,
  '--secure-port=6443',
  `--tls-cert-file=${pki}/apiserver.crt`,
  `--tls-private-key-file=${pki}/apiserver.key`,
]);
const withServers = (servers: string): string =>
  apiserverPod.replace('"--secure-port=6443"', `"--secure-port=6443","--etcd-servers=${servers}"`);
const controlPlane: Files = {
  ...worker,
  '/etc/kubernetes/manifests/etcd.yaml': etcdPod,
  '/etc/kubernetes/manifests/kube-apiserver.yaml': apiserverPod,
  '/etc/kubernetes/manifests/kube-controller-manager.yaml': pod('kube-controller-manager', [
    '--kubeconfig=/etc/kubernetes/controller-manager.conf',
    `--cluster-signing-cert-file=${pki}/ca.crt`,
    `--cluster-signing-key-file=${pki}/ca.key`,
  ]),
  '/etc/kubernetes/manifests/kube-scheduler.yaml': pod('kube-scheduler', [
    '--kubeconfig=/etc/kubernetes/scheduler.conf',
  ]),
  '/etc/kubernetes/admin.conf': kubeconfig('kubernetes-admin'),
  '/etc/kubernetes/super-admin.conf': kubeconfig('kubernetes-super-admin'),
  '/etc/kubernetes/controller-manager.conf': kubeconfig('system:kube-controller-manager'),
  '/etc/kubernetes/scheduler.conf': kubeconfig('system:kube-scheduler'),
  '/root/.kube/config': kubeconfig('kubernetes-admin'),
};

const idsOf = (files: Files): CertificateId[] => discoverIn(files).targets.map(({ id }) => id);
const locationOf = (files: Files, id: CertificateId) =>
  discoverIn(files).targets.find((target) => target.id === id)?.location;
const omit = (files: Files, ...paths: readonly string[]): Files =>
  Object.fromEntries(Object.entries(files).filter(([path]) => !paths.includes(path)));

describe('the table', () => {
  it('has every certificate once', () => {
    expect(table.map(({ id }) => id).toSorted()).toEqual([...certificateIds].toSorted());
    expect(entryOf('kubelet.crt')).toMatchObject({ profile: 'kubelet', component: 'kubelet' });
  });
});

describe('a kubeadm control plane', () => {
  it('has every certificate of the table, in the order of a rotation', () => {
    expect(idsOf(controlPlane)).toEqual(table.map(({ id }) => id));
    expect(discoverIn(controlPlane).notes).toEqual([]);
  });

  it('says where each lies', () => {
    expect(locationOf(controlPlane, 'apiserver.crt')).toEqual({
      form: 'pair',
      certPath: `${pki}/apiserver.crt`,
      keyPath: `${pki}/apiserver.key`,
    });
    expect(locationOf(controlPlane, 'etcd/healthcheck-client.crt')).toMatchObject({
      certPath: `${pki}/etcd/healthcheck-client.crt`,
    });
    expect(locationOf(controlPlane, 'admin.conf')).toEqual({
      form: 'kubeconfig',
      path: '/etc/kubernetes/admin.conf',
      user: 'kubernetes-admin',
    });
    expect(locationOf(controlPlane, 'kubelet.crt')).toMatchObject({
      certPath: '/var/lib/kubelet/pki/kubelet.crt',
    });
    expect(locationOf(controlPlane, 'kubelet-client-current.pem')).toEqual({
      form: 'combined',
      path: '/var/lib/kubelet/pki/kubelet-client-current.pem',
    });
  });

  it('says where its authorities lie', () => {
    expect(discoverIn(controlPlane).cas).toEqual([
      { id: 'kubernetes', certPath: `${pki}/ca.crt`, keyPath: `${pki}/ca.key` },
      { id: 'etcd', certPath: `${pki}/etcd/ca.crt`, keyPath: `${pki}/etcd/ca.key` },
      { id: 'front-proxy', certPath: `${pki}/front-proxy-ca.crt`, keyPath: `${pki}/front-proxy-ca.key` },
    ]);
  });

  it('says what a proof needs', () => {
    const { facts } = discoverIn(controlPlane);
    expect(facts).toMatchObject({
      apiserver: { host: '10.0.0.1', port: 6443 },
      etcdClient: { host: '10.0.0.1', port: 2379 },
      etcdPeer: { host: '10.0.0.1', port: 2380 },
      etcdMetrics: { host: '127.0.0.1', port: 2381 },
      kubelet: { host: '127.0.0.1', port: 10_250 },
      etcdCaPath: `${pki}/etcd/ca.crt`,
      kubeletKubeconfig: '/etc/kubernetes/kubelet.conf',
    });
    expect(facts.etcdClients?.[0]?.certPath).toBe(`${pki}/etcd/healthcheck-client.crt`);
    expect(facts.manifests['kube-scheduler']).toBe('/etc/kubernetes/manifests/kube-scheduler.yaml');
  });

  it('with /root/.kube/config as a link to admin.conf has one target for both', () => {
    const linked = { ...controlPlane, '/root/.kube/config': { link: '/etc/kubernetes/admin.conf' } };
    expect(idsOf(linked)).not.toContain('/root/.kube/config');
    expect(discoverIn(linked).notes).toEqual(['/root/.kube/config is the same file as admin.conf']);
  });

  it('with an etcd elsewhere has only its client’s certificate', () => {
    const external = {
      ...omit(controlPlane, '/etc/kubernetes/manifests/etcd.yaml'),
      '/etc/kubernetes/manifests/kube-apiserver.yaml': apiserverPod.replaceAll(
        `${pki}/etcd/ca.crt`,
        '/srv/etcd-ca.crt',
      ),
    };
    expect(idsOf(external).filter((id) => id.includes('etcd'))).toEqual(['apiserver-etcd-client.crt']);
    expect(discoverIn(external).cas).toContainEqual({
      id: 'etcd',
      certPath: '/srv/etcd-ca.crt',
      keyPath: '/srv/etcd-ca.key',
    });
    expect(discoverIn(external).facts.etcdClient).toBeUndefined();
  });

  it('is found through mounts that are elsewhere on the host', () => {
    const mounted = `    volumeMounts: [{name: p, mountPath: ${pki}}]\n  volumes: [{name: p, hostPath: {path: /srv/pki}}]\n`;
    const files = {
      ...controlPlane,
      '/etc/kubernetes/manifests/kube-apiserver.yaml': `${apiserverPod}${mounted}`,
    };
    expect(locationOf(files, 'apiserver.crt')).toMatchObject({ certPath: '/srv/pki/apiserver.crt' });
  });

  it('with a manifest that cannot be read falls back to kubeadm’s places and says so', () => {
    const files = {
      ...controlPlane,
      '/etc/kubernetes/manifests/kube-apiserver.yaml': `${apiserverPod}kind: Pod\n`,
    };
    expect(idsOf(files)).toEqual(idsOf(controlPlane));
    expect(discoverIn(files).notes).toEqual([expect.stringContaining('manifests/kube-apiserver.yaml:')]);
  });

  it('with a backup beside a manifest believes the last name, as the kubelet does, and says so', () => {
    const files = {
      ...controlPlane,
      '/etc/kubernetes/manifests/kube-apiserver.yaml.bak': apiserverPod.replace(
        `${pki}/apiserver.crt`,
        '/old.crt',
      ),
      '/etc/kubernetes/manifests/.hidden.yaml': apiserverPod.replace(`${pki}/apiserver.crt`, '/hidden.crt'),
    };
    expect(locationOf(files, 'apiserver.crt')).toMatchObject({ certPath: '/old.crt' });
    expect(discoverIn(files).notes).toEqual([expect.stringContaining('both hold a kube-apiserver')]);
  });

  it('whose kubeconfig cannot be parsed keeps the others', () => {
    const files = { ...controlPlane, '/etc/kubernetes/admin.conf': 'users: [' };
    expect(idsOf(files)).toEqual(idsOf(controlPlane).filter((id) => id !== 'admin.conf'));
    expect(discoverIn(files).notes[0]).toContain('/etc/kubernetes/admin.conf');
  });

  it('without a unit that can be seen is read by kubeadm’s defaults', () => {
    const files = omit(
      controlPlane,
      '/usr/lib/systemd/system/kubelet.service',
      '/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf',
    );
    expect(idsOf(files)).toEqual(idsOf(controlPlane));
    expect(discoverIn(files).notes).toEqual([expect.stringContaining('systemd unit was not found')]);
  });

  it.each([['/usr/local/bin/start-kubelet'], ["/bin/sh -c '/usr/local/bin/start-kubelet'"]])(
    'whose unit runs %s is read by kubeadm’s defaults, and that is said',
    (program) => {
      const place = '/etc/systemd/system/kubelet.service.d/20-wrapper.conf';
      const files = { ...controlPlane, [place]: `[Service]\nExecStart=\nExecStart=${program}\n` };
      expect(idsOf(files)).toEqual(idsOf(controlPlane));
      expect(discoverIn(files).notes).toEqual([
        'the kubelet’s systemd unit names none of its flags; kubeadm’s defaults are assumed',
      ]);
    },
  );
});

describe('what a restart of the API server costs its clients (R22)', () => {
  const manifest = '/etc/kubernetes/manifests/kube-apiserver.yaml';
  const withDelay = (delay: string): Files => ({
    ...controlPlane,
    [manifest]: apiserverPod.replace(
      '"--secure-port=6443"',
      `"--secure-port=6443","--shutdown-delay-duration=${delay}"`,
    ),
  });

  it('is said when it stops at once', () => {
    expect(discoverIn(controlPlane).restartNotes).toEqual([restartNotes.noDelay]);
    for (const delay of ['0', '0s', '0h0m0s'])
      expect(discoverIn(withDelay(delay)).restartNotes, delay).toEqual([restartNotes.noDelay]);
  });

  it('is nothing to say when it stops slowly and nobody stands before it', () => {
    for (const delay of ['10s', '1m0s', '500ms'])
      expect(discoverIn(withDelay(delay)).restartNotes, delay).toEqual([]);
  });

  it.each(['https://10.0.0.100:6443', 'https://api.example.org', 'https://10.0.0.1:8443'])(
    'is not to be seen where the kubeconfigs name %s: a balancer may check TCP alone',
    (server) => {
      const admin = kubeconfig('kubernetes-admin').replace('https://10.0.0.1:6443', server);
      const files = { ...withDelay('10s'), '/etc/kubernetes/admin.conf': admin };
      expect(discoverIn(files).restartNotes).toEqual([restartNotes.balancer]);
    },
  );

  it('is no matter of a worker, nor of a manifest that cannot be read', () => {
    expect(discoverIn(worker).restartNotes).toEqual([]);
    expect(discoverIn({ ...controlPlane, [manifest]: '{' }).restartNotes).toEqual([]);
  });
});

describe('a worker', () => {
  it('has its kubelet’s two certificates and the cluster’s CA', () => {
    expect(idsOf(worker)).toEqual(['kubelet.crt', 'kubelet-client-current.pem']);
    expect(discoverIn(worker).cas).toEqual([
      { id: 'kubernetes', certPath: `${pki}/ca.crt`, keyPath: `${pki}/ca.key` },
    ]);
  });

  it('of an installation that names kubelet.crt and has no static Pods is read from the configuration', () => {
    const files = {
      ...worker,
      '/var/lib/kubelet/config.yaml': kubeletConfig(
        `staticPodPath: null\ntlsCertFile: ${pki}/kubelet.crt\ntlsPrivateKeyFile: ${pki}/kubelet.key\n`,
      ),
      '/etc/kubernetes/manifests/kube-apiserver.yaml': apiserverPod,
    };
    expect(idsOf(files)).toEqual(['kubelet.crt', 'kubelet-client-current.pem']);
    expect(locationOf(files, 'kubelet.crt')).toEqual({
      form: 'pair',
      certPath: `${pki}/kubelet.crt`,
      keyPath: `${pki}/kubelet.key`,
    });
  });

  it('whose flags say otherwise is read from the flags', () => {
    const files = {
      ...worker,
      '/etc/systemd/system/kubelet.service.d/20-extra.conf':
        '[Service]\nEnvironment="KUBELET_KUBEADM_ARGS=--v=2"\n',
      '/var/lib/kubelet/kubeadm-flags.env': 'KUBELET_KUBEADM_ARGS="--cert-dir=/srv/kubelet"\n',
      '/etc/kubernetes/kubelet.conf': kubeconfig('default-auth', '{token: abc}'),
      '/srv/kubelet/kubelet-client-current.pem': 'pem',
    };
    expect(locationOf(files, 'kubelet.crt')).toMatchObject({ certPath: '/srv/kubelet/kubelet.crt' });
    expect(locationOf(files, 'kubelet-client-current.pem')).toEqual({
      form: 'combined',
      path: '/srv/kubelet/kubelet-client-current.pem',
    });
  });

  it('whose kubelet.conf holds the data itself has it there', () => {
    const files = { ...worker, '/etc/kubernetes/kubelet.conf': kubeconfig('system:node:n1') };
    expect(locationOf(files, 'kubelet-client-current.pem')).toEqual({
      form: 'kubeconfig',
      path: '/etc/kubernetes/kubelet.conf',
      user: 'system:node:n1',
    });
  });

  it('with serverTLSBootstrap keeps its serving certificate where the kubelet puts it', () => {
    const files = { ...worker, '/var/lib/kubelet/config.yaml': kubeletConfig('serverTLSBootstrap: true\n') };
    expect(locationOf(files, 'kubelet.crt')).toEqual({
      form: 'combined',
      path: '/var/lib/kubelet/pki/kubelet-server-current.pem',
    });
    expect(discoverIn(files).kubelet.serverTLSBootstrap).toBe(true);
  });

  it('with a copy of admin.conf has it reported, not managed', () => {
    const files = { ...worker, '/etc/kubernetes/admin.conf': kubeconfig('kubernetes-admin') };
    expect(idsOf(files)).toEqual(['kubelet.crt', 'kubelet-client-current.pem']);
    expect(discoverIn(files).notes).toEqual([
      expect.stringContaining('/etc/kubernetes/admin.conf is a copy'),
    ]);
  });

  it.each([
    ['unreachable', { kind: 'unreachable' } as const, 'outside the directories'],
    ['unreadable', { kind: 'problem', message: 'EIO' } as const, 'EIO'],
  ])('whose configuration is %s has a note', (_, reading, words) => {
    const files = { ...worker, '/var/lib/kubelet/config.yaml': reading };
    expect(discoverIn(files).notes).toEqual([expect.stringContaining(words)]);
  });
});

describe('a kubelet that needs no client certificate', () => {
  const place = '/etc/systemd/system/kubelet.service.d/20-etcd-service-manager.conf';
  const host: Files = {
    ...omit(worker, '/etc/kubernetes/kubelet.conf'),
    [place]: '[Service]\nExecStart=\nExecStart=/usr/bin/kubelet $KUBELET_CONFIG_ARGS\nRestart=always\n',
    '/etc/kubernetes/manifests/etcd.yaml': etcdPod,
  };

  it('since it only keeps an etcd has none', () => {
    const { targets, facts, notes } = discoverIn(host);
    expect(targets.map(({ id }) => id)).toEqual([
      'etcd/server.crt',
      'etcd/peer.crt',
      'etcd/healthcheck-client.crt',
      'kubelet.crt',
    ]);
    expect(facts.kubeletKubeconfig).toBeUndefined();
    expect(notes).toEqual([]);
  });

  it.each(['{token: abc}', '{exec: {command: login}}'])('since it logs in by %s has none', (user) => {
    const files = { ...worker, '/etc/kubernetes/kubelet.conf': kubeconfig('n1', user) };
    expect(idsOf(files)).toEqual(['kubelet.crt']);
  });

  it.each([
    [
      'whose flags cannot be seen',
      omit(host, place, '/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf'),
    ],
    ['that is told a kubeconfig', omit(host, place)],
    ['beside whose flags there is a kubelet.conf', { ...worker, [place]: host[place] ?? '' }],
  ])('is none %s', (_, files) => {
    expect(idsOf(files)).toContain('kubelet-client-current.pem');
    expect(discoverIn(files).facts.kubeletKubeconfig).toBe('/etc/kubernetes/kubelet.conf');
  });
});

describe('a kubeconfig of a component that runs here', () => {
  const path = '/etc/kubernetes/scheduler.conf';
  it.each([
    ['absent', undefined],
    ['unreadable', 'users: ['],
    ['unreadable', { kind: 'problem', message: 'EIO' } as const],
    ['unreadable', kubeconfig('x').slice(0, kubeconfig('x').indexOf('users:'))],
    ['unreadable', 'users: []'],
    ['unreadable', kubeconfig('x', `{client-certificate-data: ${b64('certificate')}}`)],
    ['unreadable', kubeconfig('x', `{client-certificate-data: ${b64('certificate')}, client-key: /x.key}`)],
    ['unreadable', kubeconfig('x', `{client-certificate-data: ${b64('certificate')}, token: x}`)],
    ['unreadable', kubeconfig('x', '{token: x}').replace('user: "x"', 'user: "y"')],
    ['no-certificate', kubeconfig('x', '{token: x}')],
    ['no-certificate', 'users: [{name: x, user: {exec: {command: login}}}]'],
  ])('that is %s is missed', (lack, content) => {
    const files = content === undefined ? omit(controlPlane, path) : { ...controlPlane, [path]: content };
    expect(discoverIn(files).missed).toMatchObject([{ id: 'scheduler.conf', path, lack }]);
  });

  it('is missed nowhere else, nor where it shares its file with another', () => {
    const shared = pod('kube-scheduler', ['--kubeconfig=/etc/kubernetes/admin.conf']);
    const files = { ...omit(controlPlane, path), '/etc/kubernetes/manifests/kube-scheduler.yaml': shared };
    for (const each of [worker, controlPlane, files]) expect(discoverIn(each).missed).toEqual([]);
  });
});

describe('a component whose manifest is not where the kubelet looks', () => {
  const manifests = '/etc/kubernetes/manifests';
  const manifest = (component: string): string => `${manifests}/${component}.yaml`;
  const all = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];
  const laidDown: Files = {
    ...controlPlane,
    ...Object.fromEntries(
      ['apiserver.crt', 'apiserver.key', 'etcd/server.crt', 'etcd/server.key'].map((name) => [
        `${pki}/${name}`,
        'pem',
      ]),
    ),
  };
  const stacked: Files = {
    ...laidDown,
    [manifest('kube-apiserver')]: withServers('https://127.0.0.1:2379'),
  };
  const missedIn = (files: Files) =>
    discoverIn(files).missed.map(({ id, path, lack }) => [id, path, lack] as const);
  const apiserver = ['apiserver.crt', `${pki}/apiserver.crt`, 'no-manifest'];
  const etcd = ['etcd/server.crt', `${pki}/etcd/server.crt`, 'no-manifest'];

  it('is missed, and says why; the others are found as ever', () => {
    const files = omit(stacked, manifest('kube-apiserver'));
    const { targets, missed, notes } = discoverIn(files);
    expect(missedIn(files)).toEqual([apiserver]);
    expect(missed[0]?.reason).toMatch(
      /^no manifest of kube-apiserver lies in \/etc\/kubernetes\/manifests, though \/etc\/kubernetes\/pki\/apiserver\.crt and its key lie on this node: put the manifest back, or /u,
    );
    expect(notes).toEqual([]);
    expect(targets.map(({ id }) => id)).toEqual([
      'etcd/server.crt',
      'etcd/peer.crt',
      'etcd/healthcheck-client.crt',
      'controller-manager.conf',
      'scheduler.conf',
      'kubelet.crt',
      'kubelet-client-current.pem',
    ]);
  });

  it('is missed with all others', () => {
    const files = omit(stacked, ...all.map(manifest));
    expect(missedIn(files)).toEqual([
      etcd,
      apiserver,
      ['controller-manager.conf', '/etc/kubernetes/controller-manager.conf', 'no-manifest'],
      ['scheduler.conf', '/etc/kubernetes/scheduler.conf', 'no-manifest'],
    ]);
    expect(idsOf(files)).toEqual(['kubelet.crt', 'kubelet-client-current.pem']);
    expect(unseenNotes(discoverIn(files).missed)).toHaveLength(4);
  });

  it('is nobody’s where they all have theirs, nor where nothing of it was laid down', () => {
    for (const files of [stacked, laidDown, worker, omit(controlPlane, ...all.map(manifest).slice(0, 2))])
      expect(missedIn(files)).toEqual([]);
  });

  it('is missed where the kubelet looks elsewhere', () => {
    const elsewhere = kubeletConfig('staticPodPath: /srv/pods\n');
    const files: Files = { ...stacked, '/var/lib/kubelet/config.yaml': elsewhere };
    expect(missedIn(files)).toHaveLength(4);
    expect(discoverIn(files).missed[0]?.reason).toContain('no manifest of etcd lies in /srv/pods');
    const moved = Object.fromEntries(
      Object.entries(stacked).map(([path, text]) => [path.replace(manifests, '/srv/pods'), text]),
    );
    expect(missedIn({ ...moved, '/var/lib/kubelet/config.yaml': elsewhere })).toEqual([]);
    const none = { ...stacked, '/var/lib/kubelet/config.yaml': kubeletConfig('staticPodPath: null\n') };
    expect(discoverIn(none).missed[1]?.reason).toMatch(
      /^the kubelet is told of no directory \(staticPodPath\) with a manifest of kube-apiserver, though /u,
    );
  });

  it.each([
    ['https://127.0.0.1:2379', [etcd]],
    ['https://[::1]:2379', [etcd]],
    ['https://10.0.0.2:2379,https://10.0.0.1:2379', [etcd]],
    ['https://10.0.0.2:2379,https://10.0.0.3:2379', []],
    ['https://etcd.example.org:2379', []],
  ])('is etcd where the API server asks %s', (servers, expected) => {
    const files = { ...omit(stacked, manifest('etcd')), [manifest('kube-apiserver')]: withServers(servers) };
    expect(missedIn(files)).toEqual(expected);
  });

  it('is an etcd that has no API server beside it', () => {
    const host = omit(laidDown, ...all.map(manifest), `${pki}/apiserver.key`);
    expect(
      missedIn(omit(host, '/etc/kubernetes/controller-manager.conf', '/etc/kubernetes/scheduler.conf')),
    ).toEqual([etcd]);
  });

  it('is not said to be gone where its manifest is there and cannot be read', () => {
    const path = manifest('kube-apiserver');
    const broken = { ...stacked, [path]: `${apiserverPod}kind: Pod\n` };
    expect(missedIn(broken)).toEqual([]);
    const hidden = { ...stacked, [path]: { kind: 'problem', message: 'EACCES' } as const };
    expect(missedIn(hidden)).toEqual([['apiserver.crt', `${pki}/apiserver.crt`, 'unreadable-manifest']]);
    expect(discoverIn(hidden).notes).toEqual([`${path} cannot be read: EACCES`]);
    expect(notesBeside(discoverIn(hidden))).toEqual([]);
  });

  it('is there where it goes by its file’s name alone', () => {
    const path = manifest('kube-apiserver');
    const wrapped = apiserverPod
      .replace('name: kube-apiserver\n    command', 'name: main\n    command')
      .replace('["kube-apiserver",', '["/bin/sh","-c","exec kube-apiserver \\"$@\\"","--",');
    const { missed, facts, notes } = discoverIn({ ...stacked, [path]: wrapped });
    expect([missed, facts.manifests['kube-apiserver']]).toEqual([[], path]);
    expect(notes).toEqual([
      expect.stringContaining(`${path}: none of its containers is named kube-apiserver`),
    ]);
    expect(idsOf({ ...stacked, [path]: wrapped })).toContain('apiserver.crt');
    // A file of that name beside the one that does run it is none.
    const beside = { ...omit(stacked, path), [manifest('api')]: apiserverPod, [path]: pod('other', []) };
    expect(discoverIn(beside).facts.manifests['kube-apiserver']).toBe(manifest('api'));
    expect(discoverIn(beside).notes).toEqual([]);
  });

  it('is not said to be gone where the kubelet’s flags, and so its directory, are only assumed', () => {
    const unit = '/usr/lib/systemd/system/kubelet.service';
    const wrapper: Files = {
      ...omit(stacked, manifest('etcd'), `${unit}.d/10-kubeadm.conf`),
      [unit]: '[Service]\nExecStart=/usr/local/bin/start-kubelet.sh\n',
    };
    expect(missedIn(wrapper)).toEqual([['etcd/server.crt', `${pki}/etcd/server.crt`, 'manifest-unknown']]);
    const [missed] = discoverIn(wrapper).missed;
    expect(missed?.reason).toMatch(
      /^no manifest of etcd lies in \S+, though .*; that the kubelet looks there is only assumed, /u,
    );
    expect(missed?.reason).not.toContain('put it back');
  });

  it('is not said to be gone where the directory cannot be seen', () => {
    const files = omit(stacked, ...all.map(manifest));
    for (const reading of [
      { kind: 'unreachable' } as const,
      { kind: 'problem', message: 'EACCES' } as const,
    ]) {
      const discovery = discoverIn({ ...files, [manifests]: reading });
      expect(discovery.missed.map(({ lack }) => lack)).toEqual(Array(4).fill('unreadable-manifest'));
      expect(unseenNotes(discovery.missed)).toEqual([
        `not seen, so not renewed: ${all.join(', ')}; ${discovery.missed[0]?.reason}`,
      ]);
    }
  });

  it('is left to the unit of systemd that is enabled for it, which a note says', () => {
    const wants = '/etc/systemd/system/multi-user.target.wants/etcd.service';
    const files = { ...omit(stacked, manifest('etcd')), [wants]: { kind: 'unreachable' } } as const;
    const notes = unseenNotes(discoverIn(files).missed);
    expect(notes).toEqual([
      `etcd has no manifest here, and etcd.service is enabled: ${pki}/etcd/server.crt is not managed, and renewed by whoever runs it so`,
    ]);
    expect(unseenIn('control-plane', notes)).toEqual([]);
  });

  it('is missed where its unit only lies there, or cannot be seen', () => {
    const directories = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];
    const files: Files = {
      ...omit(stacked, manifest('etcd')),
      [`${directories[0]}/etcd.service`]: '[Service]\nExecStart=/usr/bin/etcd\n',
      [`${directories[2]}/etcd.service`]: { kind: 'unreachable' },
    };
    expect(unseenIn('control-plane', unseenNotes(discoverIn(files).missed))).toEqual(['etcd']);
  });
});

describe('the notes of what is not seen', () => {
  const path = '/etc/kubernetes/scheduler.conf';
  const missed = { id: 'scheduler.conf', path, reason: `${path} does not exist` } as const;

  it('name components, which are read back from them', () => {
    const etcd = { id: 'etcd/server.crt', path: '/e.crt', lack: 'no-manifest', reason: 'gone; so' } as const;
    const notes = unseenNotes([{ ...missed, lack: 'absent' }, etcd]);
    expect(notes).toEqual([
      'not seen, so not renewed: kube-scheduler; /etc/kubernetes/scheduler.conf does not exist; put it back (cert-renew restore), or make it anew: kubeadm init phase kubeconfig scheduler',
      'not seen, so not renewed: etcd; gone; so',
    ]);
    expect(unseenIn('control-plane', notes)).toEqual(['etcd', 'kube-scheduler']);
  });

  it('advise nothing against a kubeconfig that may be well, nor kubeadm’s call where it would make another', () => {
    const reason = 'so';
    const elsewhere = { id: 'scheduler.conf', path: '/srv/s.conf', reason } as const;
    const notes = unseenNotes([
      { ...elsewhere, lack: 'unreachable' },
      { ...elsewhere, lack: 'absent' },
    ]);
    expect(notes).toEqual([
      'not seen, so not renewed: kube-scheduler; so',
      'not seen, so not renewed: kube-scheduler; so; put it back (cert-renew restore)',
    ]);
  });

  it('say nothing of a component that logs in without a certificate', () => {
    expect(unseenNotes([{ ...missed, lack: 'no-certificate' }])).toEqual([]);
  });

  it('name none of a worker, whatever lies on it, nor where there are none', () => {
    const notes = unseenNotes([{ ...missed, lack: 'absent' }]);
    expect(unseenIn('worker', notes)).toEqual([]);
    expect(unseenIn('control-plane')).toEqual([]);
  });

  it('name none where the node wrote something else', () => {
    expect(
      unseenIn('control-plane', ['etcd', 'not seen, so not renewed: <b>, none, kubelet; etcd', 'etcd; etcd']),
    ).toEqual([]);
  });
});

describe('any node', () => {
  it('ends in a discovery, whatever its files hold', () => {
    const paths = Object.keys(controlPlane);
    const files = fc.dictionary(
      fc.constantFrom(...paths),
      fc.oneof(fc.string(), fc.constantFrom(...Object.values(controlPlane))),
    );
    fc.assert(
      fc.property(files, (some) => {
        const discovery = discoverIn({ ...controlPlane, ...some });
        expect(discovery.targets.length).toBeGreaterThan(0);
      }),
      { numRuns: 200 },
    );
  });
});
