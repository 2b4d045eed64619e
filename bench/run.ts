// How long cert-renew takes, beside kubeadm of the same Kubernetes and beside openssl doing only the keys and signatures,
// in one run, by turns. Prints a table, writes bench/results.json, and fails when a bar does not hold. See README.md.
//   node bench/run.ts [ROUNDS]      (as root, after `make build`; K8S=v1.34.4)
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { compileWithBun } from '../scripts/bun-compile.ts';
import { authorities, configPath, makeCluster } from '../test/crash/kubeadm.ts';
import { NodeRoot } from '../test/crash/node-root.ts';
import { kubernetesPrograms, kubernetesVersion } from '../test/kubernetes.ts';

const root = resolve(import.meta.dirname, '..');
const built = join(root, 'dist/cert-renew');
const keysProgram = join(root, 'dist/bench-keys');
const kubeadm = join(kubernetesPrograms(), 'kubeadm');
const marker = 'BENCH_IN_NAMESPACE';
const rounds = Number(process.argv[2] ?? 25);
const staged = '/var/lib/cluster-cert-rotator/bin/cert-renew';
const pki = '/etc/kubernetes/pki';
const residentLimitKiB = 80 * 1024;

/** Of the seven that lie in the PKI's directories, by CA: one call of cert-renew each. */
const seven = authorities.map(({ file, leaves }) => ({
  file,
  leaves: Object.entries(leaves).filter(([, path]) => path.endsWith('.crt')),
}));

/** Shell lines; they are timed inside of the shell, so that its own start does not count. */
type Works = Readonly<Record<string, string>>;

function worksOf(node: NodeRoot): Works {
  const at = (path: string): string => node.path(path);
  const renew = (file: string, ...words: readonly string[]): string =>
    `chroot ${node.directory} ${staged} --ca-cert ${file}.crt --ca-key ${file}.key --days 365 ${words.join(' ')}`;
  const kubeadmRenew = (name: string): string =>
    `chroot ${node.directory} /opt/kubeadm certs renew ${name} --config=${configPath}`;
  const sign = (file: string, key: string): string =>
    `openssl req -new -key ${key} -subj /CN=x | openssl x509 -req -days 365 -CA ${at(file)}.crt -CAkey ${at(file)}.key -out ${at('/tmp/x.crt')}`;
  const each = (line: (file: string, name: string) => string): string =>
    seven.flatMap(({ file, leaves }) => leaves.map(([name]) => line(file, name))).join('\n');
  const newKey = at('/tmp/x.key');
  const calls = seven.map(({ file, leaves }) => renew(file, '--new-key', ...leaves.map(([, path]) => path)));
  return {
    'one cert-renew': renew(`${pki}/ca`, `${pki}/apiserver.crt`),
    'one kubeadm': kubeadmRenew('apiserver'),
    'one openssl': sign(`${pki}/ca`, at(`${pki}/apiserver.key`)),
    'seven cert-renew': calls.join('\n'),
    'seven kubeadm': each((_, name) => kubeadmRenew(name)),
    'seven openssl': each((file) => `openssl genrsa -out ${newKey} 2048\n${sign(file, newKey)}`),
    'seven keys': seven.map(({ leaves }) => `${keysProgram} ${leaves.length}`).join('\n'),
  };
}

/** Milliseconds. */
function time(lines: string): number {
  const script = `set -e -o pipefail\ns=$EPOCHREALTIME\n{\n${lines}\n} > /dev/null 2>&1\necho $s $EPOCHREALTIME`;
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
  const { status, stdout } = spawnSync('bash', ['-c', script], { encoding: 'utf8', env });
  if (status !== 0) throw new Error(`it failed with ${status}: ${lines}`);
  const [from = 0, to = 0] = stdout.split(' ').map(Number);
  return (to - from) * 1000;
}

/** Medians by work; by turns, so that a busy moment of the machine is everybody's. */
function measure(works: Works, rounds: number): Map<string, number> {
  const names = Object.keys(works);
  const times = new Map(names.map((name): [string, number[]] => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [name, lines] of Object.entries(works)) {
      // How long a key takes is luck: what a bar is about needs a hundred turns, or its median is luck too.
      const turns = name.endsWith('openssl') ? 1 : 4;
      const taken = Array.from({ length: turns }, () => time(lines));
      // The first round warms what both read.
      if (round > 0) times.get(name)?.push(...taken);
    }
  }
  return new Map([...times].map(([name, all]) => [name, median(all)]));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (
    ((sorted[Math.floor((sorted.length - 1) / 2)] ?? 0) + (sorted[Math.ceil((sorted.length - 1) / 2)] ?? 0)) /
    2
  );
}

/** The most that a renewal with new keys ever holds, in KiB (getrusage, through time(1)). */
function residentKiB(node: NodeRoot): number {
  const { file, leaves } = seven.reduce((most, each) =>
    each.leaves.length > most.leaves.length ? each : most,
  );
  const words = [
    '--ca-cert',
    `${file}.crt`,
    '--ca-key',
    `${file}.key`,
    '--new-key',
    ...leaves.map(([, path]) => path),
  ];
  const { stderr } = spawnSync('time', ['-f', '%M', 'chroot', node.directory, staged, ...words], {
    encoding: 'utf8',
  });
  return Number(stderr.trim().split('\n').at(-1));
}

interface Bar {
  readonly name: string;
  readonly figure: number;
  readonly limit: number;
}

function barsOf(times: ReadonlyMap<string, number>, resident: number): Bar[] {
  const ratio = (a: string, b: string): number => (times.get(a) ?? Number.NaN) / (times.get(b) ?? Number.NaN);
  return [
    {
      name: 'one certificate, key kept, to kubeadm',
      figure: ratio('one cert-renew', 'one kubeadm'),
      limit: 1 / 3,
    },
    {
      name: 'seven with new keys, to kubeadm',
      figure: ratio('seven cert-renew', 'seven kubeadm'),
      limit: 2 / 3,
    },
    {
      name: 'seven with new keys, to the keys alone',
      figure: ratio('seven cert-renew', 'seven keys'),
      limit: 1.3,
    },
    { name: 'resident memory, MiB', figure: resident / 1024, limit: residentLimitKiB / 1024 },
  ];
}

const wide = 42;

function table(times: ReadonlyMap<string, number>): string {
  const columns = ['cert-renew', 'kubeadm', 'openssl', 'keys'];
  const cell = (name: string): string => {
    const ms = times.get(name);
    return (ms === undefined ? '–' : `${ms.toFixed(0)} ms`).padStart(12);
  };
  const row = (title: string, work: string): string =>
    `${title.padEnd(wide)}${columns.map((column) => cell(`${work} ${column}`)).join('')}\n`;
  return [
    `${''.padEnd(wide)}${columns.map((each) => each.padStart(12)).join('')}\n`,
    row('one certificate, its key kept', 'one'),
    row('the seven of pki, new RSA-2048 keys', 'seven'),
  ].join('');
}

function verdict(bars: readonly Bar[]): string {
  const lines = bars.map(({ name, figure, limit }) => {
    const holds = figure <= limit ? 'holds' : 'DOES NOT HOLD';
    return `${name.padEnd(wide)}${figure.toFixed(2).padStart(12)}   at most ${limit.toFixed(2)}: ${holds}\n`;
  });
  return lines.join('');
}

/** In memory what is compared is the programs; on the disk it is also how long this machine takes for an fsync. */
function compare<T>(place: 'memory' | 'disk', work: (node: NodeRoot) => T): T {
  const directory = mkdtempSync('/var/tmp/bench-');
  try {
    if (place === 'memory')
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'mode=755,size=1g', 'tmpfs', directory]);
    const node = new NodeRoot(directory, built);
    makeCluster(node, kubeadm, 'RSA-2048');
    copyFileSync(kubeadm, node.path('/opt/kubeadm'));
    return work(node);
  } finally {
    spawnSync('sh', [
      '-c',
      `grep -o '${directory}[^ ]*' /proc/self/mounts | sort -r | xargs -r -n1 umount -l`,
    ]);
    rmSync(directory, { recursive: true, force: true });
  }
}

function main(): number {
  compileWithBun(join(import.meta.dirname, 'keys.mjs'), keysProgram, 'x64', root);
  const inMemory = compare('memory', (node) => ({
    times: measure(worksOf(node), rounds),
    resident: residentKiB(node),
  }));
  const byTheWay = Math.ceil(rounds / 5);
  const onDisk = compare('disk', (node) => measure(worksOf(node), byTheWay));
  const bars = barsOf(inMemory.times, inMemory.resident);
  const holds = bars.every(({ figure, limit }) => figure <= limit);
  process.stdout.write(
    `\nKubernetes ${kubernetesVersion}, medians of ${rounds} rounds, the node's files in memory\n\n${table(inMemory.times)}` +
      `\nthe same with the files on this machine's disk, which kubeadm does not wait for: medians of ${byTheWay}\n\n` +
      `${table(onDisk)}\n${verdict(bars)}`,
  );
  const machine = { cpus: cpus().length, model: cpus()[0]?.model ?? 'unknown' };
  const medians = { inMemory: rounded(inMemory.times), onDisk: rounded(onDisk) };
  const result = {
    date: new Date().toISOString(),
    kubernetes: kubernetesVersion,
    machine,
    rounds,
    medians,
    bars,
    holds,
  };
  writeFileSync(join(import.meta.dirname, 'results.json'), `${JSON.stringify(result, null, 2)}\n`);
  return holds ? 0 : 1;
}

const rounded = (times: ReadonlyMap<string, number>): Record<string, number> =>
  Object.fromEntries([...times].map(([name, ms]) => [name, Number(ms.toFixed(1))]));

if (process.env[marker] === 'yes') process.exitCode = main();
else {
  if (process.getuid?.() !== 0) throw new Error('the comparison needs root: it mounts');
  for (const needed of [built, kubeadm])
    if (!existsSync(needed)) throw new Error(`${needed} is not there: make build, test/bed/build.sh`);
  execFileSync(join(root, 'scripts/debian.sh'), ['install', 'openssl', 'time'], { stdio: 'inherit' });
  const words = [
    '--mount',
    '--propagation',
    'private',
    process.execPath,
    import.meta.filename,
    String(rounds),
  ];
  process.exitCode =
    spawnSync('unshare', words, { stdio: 'inherit', env: { ...process.env, [marker]: 'yes' } }).status ?? 1;
}
