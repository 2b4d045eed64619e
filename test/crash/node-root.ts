// A small node to die on: a directory tree with a kubeadm-like PKI made by openssl, in which the executable runs by
// chroot. Judged from outside, by node:crypto and openssl, never by the project's own readers.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import * as fs from 'node:fs';
import { join } from 'node:path';

export interface Run {
  readonly status: number | null;
  /** What killed it; strace ends as what it traces does. */
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the test's files are, by path inside the node. */
export const pairs = [
  { cert: '/etc/kubernetes/pki/apiserver.crt', key: '/etc/kubernetes/pki/apiserver.key' },
  { cert: '/var/lib/kubelet/pki/kubelet.crt', key: '/var/lib/kubelet/pki/kubelet.key' },
] as const;
export const kubeconfig = '/etc/kubernetes/admin.conf';
export const renewable = [...pairs.map(({ cert }) => cert), kubeconfig];
const pki = '/etc/kubernetes/pki';
export const caOptions = ['--ca-cert', `${pki}/ca.crt`, '--ca-key', `${pki}/ca.key`] as const;
const executable = '/opt/cert-renew';
const staged = '/var/lib/cluster-cert-rotator/bin/cert-renew';

/** Nothing else of the environment reaches the executable. */
const searchPath = '/usr/sbin:/usr/bin:/sbin:/bin';

function sh(command: string, cwd: string): void {
  execFileSync('sh', ['-ec', command], { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Builds the tree once; `reset` brings it back. Needs root, in a mount namespace of its own. */
export class NodeRoot {
  readonly directory: string;
  readonly #template: string;

  constructor(directory: string, built: string) {
    this.directory = join(directory, 'root');
    this.#template = join(directory, 'template');
    fs.mkdirSync(this.directory, { recursive: true, mode: 0o755 });
    this.#makeSystem(built);
    this.#makeTemplate();
    this.reset();
  }

  path(inside: string): string {
    return join(this.directory, inside);
  }

  /** Libraries of the executable, /proc, /dev, and the executable where it is called and where it is staged. */
  #makeSystem(built: string): void {
    for (const each of ['opt', 'proc', 'dev', 'tmp', 'run/systemd/system'])
      fs.mkdirSync(this.path(each), { recursive: true });
    const libraries = execFileSync('ldd', [built], { encoding: 'utf8' }).match(/\/[^ )]+/g) ?? [];
    for (const library of libraries) {
      fs.mkdirSync(join(this.path(library), '..'), { recursive: true });
      fs.copyFileSync(library, this.path(library));
    }
    // A copy, so that a build beside this test changes nothing under it.
    fs.copyFileSync(built, this.path(executable), fs.constants.COPYFILE_FICLONE);
    sh(`mount -t proc proc '${this.path('/proc')}' && mount --bind /dev '${this.path('/dev')}'`, '/');
  }

  #makeTemplate(): void {
    const at = (inside: string): string => join(this.#template, inside);
    const directories = [
      pki,
      '/var/lib/kubelet/pki',
      '/etc/systemd/system/multi-user.target.wants',
      '/var/lib/cluster-cert-rotator/bin',
    ];
    for (const each of directories) fs.mkdirSync(at(each), { recursive: true, mode: 0o755 });
    fs.chmodSync(at('/var/lib/cluster-cert-rotator'), 0o700);
    fs.writeFileSync(at('/etc/machine-id'), `${'ab12'.repeat(8)}\n`);
    // It asks no API server, so nobody waits for one.
    fs.writeFileSync(
      at('/etc/systemd/system/kubelet.service'),
      '[Service]\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml\n',
    );
    makePki(at);
  }

  /** The node as it was before anything ran. */
  reset(): void {
    for (const each of ['etc', 'var', 'root']) fs.rmSync(this.path(each), { recursive: true, force: true });
    sh(`cp -a '${this.#template}/.' '${this.directory}/'`, '/');
    fs.linkSync(this.path(executable), this.path(staged));
  }

  /** Runs the executable in the node; `around` goes before it (strace), `options` are of chroot(8). */
  run(arguments_: readonly string[], around: readonly string[] = [], options: readonly string[] = []): Run {
    return this.start([executable, ...arguments_], around, options);
  }

  /** Runs any program of the node. */
  start(program: readonly string[], around: readonly string[] = [], options: readonly string[] = []): Run {
    const command = [...around, 'chroot', ...options, this.directory, ...program];
    const [first = '', ...rest] = command;
    const { status, signal, stdout, stderr, error } = spawnSync(first, rest, {
      encoding: 'utf8',
      env: { PATH: searchPath },
      timeout: 60_000,
    });
    if (error !== undefined) throw error;
    return { status, signal, stdout, stderr };
  }

  renew(...options: readonly string[]): Run {
    return this.run(['--days', '77', ...caOptions, ...options, ...renewable]);
  }

  /** Serial of each renewable file. */
  serials(): string[] {
    return renewable.map((file) => this.certificate(file).serialNumber);
  }

  certificate(file: string): X509Certificate {
    const text = fs.readFileSync(this.path(file), 'utf8');
    return new X509Certificate(
      text.includes('BEGIN CERTIFICATE') ? text : fieldOf(text, 'client-certificate-data'),
    );
  }

  /** sha256, mode and owner of every file and link under the directories that matter. */
  fingerprint(): Map<string, string> {
    const found = new Map<string, string>();
    for (const each of ['etc', 'var'])
      walk(this.path(each), (path) => found.set(path.slice(this.directory.length), describe(path)));
    return found;
  }
}

const fieldOf = (kubeconfigText: string, name: string): string =>
  Buffer.from(new RegExp(`${name}: *(\\S+)`).exec(kubeconfigText)?.[1] ?? '', 'base64').toString('utf8');

function walk(directory: string, see: (path: string) => void): void {
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    see(path);
    if (entry.isDirectory()) walk(path, see);
  }
}

function describe(path: string): string {
  const stat = fs.lstatSync(path);
  const owner = `${(stat.mode & 0o7777).toString(8)} ${stat.uid}:${stat.gid}`;
  if (stat.isSymbolicLink()) return `${owner} -> ${fs.readlinkSync(path)}`;
  if (!stat.isFile() || stat.size > 10_000_000) return owner;
  return `${owner} ${createHash('sha256').update(fs.readFileSync(path)).digest('hex')}`;
}

function makePki(at: (inside: string) => string): void {
  const cwd = at(pki);
  const ec = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
  sh(`openssl req -x509 ${ec} -keyout ca.key -out ca.crt -subj /CN=kubernetes -days 3650`, cwd);
  const leaf = (name: string, subject: string, extensions: string): void => {
    fs.writeFileSync(join(cwd, 'x.ext'), extensions);
    sh(
      `openssl req ${ec} -new -keyout ${name}.key -out x.csr -subj ${subject}
       openssl x509 -req -in x.csr -CA ca.crt -CAkey ca.key -days 20 -extfile x.ext -out ${name}.crt
       chmod 600 ${name}.key; rm x.csr x.ext`,
      cwd,
    );
  };
  leaf('apiserver', '/CN=kube-apiserver', 'subjectAltName=DNS:n1,IP:10.0.0.1\nextendedKeyUsage=serverAuth');
  leaf('kubelet', '/O=system:nodes/CN=system:node:n1', 'subjectAltName=DNS:n1\nextendedKeyUsage=serverAuth');
  leaf('admin', '/O=kubeadm:cluster-admins/CN=kubernetes-admin', 'extendedKeyUsage=clientAuth');
  sh(
    'mv kubelet.crt kubelet.key ../../../var/lib/kubelet/pki/ && chown 7:9 apiserver.crt apiserver.key',
    cwd,
  );
  const base64 = (name: string): string => fs.readFileSync(join(cwd, name)).toString('base64');
  const text = `# kept\napiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers:\n- name: kubernetes-admin\n  user:\n    client-certificate-data: ${base64('admin.crt')}\n    client-key-data: ${base64('admin.key')}\n`;
  fs.writeFileSync(at(kubeconfig), text, { mode: 0o600 });
  sh('rm admin.crt admin.key', cwd);
}

/** Mode and owner out of `describe`. */
const owner = (text: string | undefined): string => (text ?? 'missing').split(' ').slice(0, 2).join(' ');

/** What is wrong with the node as it stands, in words; empty when all is well. `before`: fingerprint of the first state. */
export function problemsOf(node: NodeRoot, before: ReadonlyMap<string, string>): string[] {
  const problems: string[] = [];
  const ca = new X509Certificate(fs.readFileSync(node.path(`${pki}/ca.crt`)));
  for (const file of renewable) {
    const certificate = node.certificate(file);
    if (!certificate.verify(ca.publicKey)) problems.push(`${file} is not signed by the CA`);
    if (certificate.issuer !== ca.subject) problems.push(`${file} has another issuer`);
    if (!certificate.checkPrivateKey(createPrivateKey(keyOf(node, file))))
      problems.push(`${file} and its key do not fit`);
  }
  const now = node.fingerprint();
  for (const [path, old] of before) {
    const current = now.get(path);
    const changes = [...renewable, ...pairs.map(({ key }) => key)].includes(path);
    if (changes ? owner(current) !== owner(old) : current !== old)
      problems.push(`${path}: ${old} became ${current}`);
  }
  return problems;
}

function keyOf(node: NodeRoot, file: string): string {
  const pair = pairs.find(({ cert }) => cert === file);
  if (pair !== undefined) return fs.readFileSync(node.path(pair.key), 'utf8');
  return fieldOf(fs.readFileSync(node.path(file), 'utf8'), 'client-key-data');
}

/** Files that are there now and were not before, without the product's own backups, lock and directories. */
export function leftovers(node: NodeRoot, before: ReadonlyMap<string, string>): string[] {
  const ours = /^\/var\/lib\/cluster-cert-rotator(\/(lock|backups(\/[^/]+(\/[^/]+)?)?|journal|staging))?$/;
  return [...node.fingerprint().keys()].filter((path) => !before.has(path) && !ours.test(path));
}
