// What a file system can refuse, on real mounts: a clear error for each, and nothing changed.
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { NodeRoot, Run } from './node-root.ts';
import { caOptions, leftovers, problemsOf, renewable } from './node-root.ts';
import type { Results } from './results.ts';

interface Trouble {
  readonly name: string;
  /** Shell lines in the node's root directory, before and after. */
  readonly make: string;
  readonly undo?: string;
  /** Files named beside the usual ones. */
  readonly files?: readonly string[];
  readonly says: RegExp;
  readonly status: readonly number[];
}

const kubeletPki = 'var/lib/kubelet/pki';
const overmount = (directory: string, options: string): string =>
  `cp -a ${directory} tmp/keep; mount -t tmpfs -o ${options} tmpfs ${directory}; cp -a tmp/keep/. ${directory}/; rm -r tmp/keep`;
const fill = (directory: string): string =>
  `dd if=/dev/zero of=${directory}/filler bs=1k 2>/dev/null || true`;

const troubles: readonly Trouble[] = [
  {
    name: 'no room beside the target',
    make: `${overmount(kubeletPki, 'size=64k,mode=755')}; ${fill(kubeletPki)}`,
    undo: `umount ${kubeletPki}`,
    says: /\/pki\/\.kubelet\.\w+\S* .*no room/,
    status: [1],
  },
  {
    name: 'no inodes beside the target',
    make: `${overmount(kubeletPki, 'size=1m,nr_inodes=3,mode=755')}; touch ${kubeletPki}/last 2>/dev/null || true`,
    undo: `umount ${kubeletPki}`,
    says: /\/pki\/\.kubelet\.\w+\S* .*no room/,
    status: [1],
  },
  {
    name: 'no room in the host directory',
    make: `mount -t tmpfs -o size=16k,mode=700 tmpfs var/lib/cluster-cert-rotator; ${fill('var/lib/cluster-cert-rotator')}`,
    undo: 'umount var/lib/cluster-cert-rotator',
    says: /cluster-cert-rotator.*no room/,
    status: [1, 2],
  },
  {
    name: 'a target on a read-only mount',
    make: `mount --bind ${kubeletPki} ${kubeletPki}; mount -o remount,bind,ro ${kubeletPki}`,
    undo: `umount ${kubeletPki}`,
    says: /kubelet.*read-only/,
    status: [1, 2],
  },
  {
    name: 'an immutable file',
    make: `chattr +i ${kubeletPki}/kubelet.crt`,
    undo: `chattr -i ${kubeletPki}/kubelet.crt`,
    says: /kubelet\.crt.*immutable/,
    status: [1, 2],
  },
  {
    name: 'an immutable directory',
    make: `chattr +i ${kubeletPki}`,
    undo: `chattr -i ${kubeletPki}`,
    says: /kubelet\.\w+.*immutable/,
    status: [1, 2],
  },
  {
    name: 'a FIFO',
    make: 'mkfifo etc/kubernetes/x.crt',
    files: ['/etc/kubernetes/x.crt'],
    says: /x\.crt is no regular file/,
    status: [2],
  },
  {
    name: 'a directory',
    make: '',
    files: ['/etc/kubernetes/pki'],
    says: /pki is no regular file/,
    status: [2],
  },
  { name: 'a device', make: '', files: ['/dev/null'], says: /null is no regular file/, status: [2] },
  {
    name: 'a sparse file of a GiB',
    make: 'truncate -s 1G etc/kubernetes/big.crt',
    files: ['/etc/kubernetes/big.crt'],
    says: /big\.crt is larger than \d+ bytes/,
    status: [2],
  },
  {
    name: 'a missing file',
    make: '',
    files: ['/etc/kubernetes/gone.crt'],
    says: /gone\.crt does not exist/,
    status: [2],
  },
  {
    name: 'a link that leads out',
    make: 'mkdir -p srv; cp etc/kubernetes/pki/apiserver.crt srv/; cp etc/kubernetes/pki/apiserver.key etc/kubernetes/out.key; ln -s /srv/apiserver.crt etc/kubernetes/out.crt',
    files: ['/etc/kubernetes/out.crt'],
    says: /out\.crt is a link to \/srv\/apiserver\.crt/,
    status: [2],
  },
  {
    name: 'a loop of links',
    make: 'ln -s loop.crt etc/kubernetes/loop.crt',
    files: ['/etc/kubernetes/loop.crt'],
    says: /loop\.crt is a loop of links/,
    status: [2],
  },
  {
    name: 'a hard link',
    make: `ln ${kubeletPki}/kubelet.crt ${kubeletPki}/twin.crt`,
    says: /kubelet\.crt has 2 names/,
    status: [2],
  },
  {
    name: 'a directory that others may write',
    make: `chmod 777 ${kubeletPki}`,
    says: /kubelet\.key: .*others/,
    status: [2],
  },
  {
    name: 'a CA among the files',
    make: '',
    files: ['/etc/kubernetes/pki/ca.crt'],
    says: /ca\.crt is a CA/,
    status: [2],
  },
  {
    name: 'a certificate of another CA',
    make: 'openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=other -addext basicConstraints=critical,CA:FALSE -keyout etc/kubernetes/o.key -out etc/kubernetes/o.crt',
    files: ['/etc/kubernetes/o.crt'],
    says: /o\.crt was signed by CN=other, not by CN=kubernetes/,
    status: [2],
  },
  {
    name: 'an encrypted CA key',
    make: 'cd etc/kubernetes/pki; openssl pkcs8 -topk8 -passout pass:x -in ca.key -out e.key; mv e.key ca.key',
    says: /ca\.key: the private key is encrypted/,
    status: [2],
  },
  {
    name: 'a CA key that is not the CA’s',
    make: 'cp etc/kubernetes/pki/apiserver.key etc/kubernetes/pki/ca.key',
    says: /ca\.key is not the key of/,
    status: [2],
  },
  {
    name: 'a key that does not fit',
    make: `cp etc/kubernetes/pki/apiserver.key ${kubeletPki}/kubelet.key`,
    says: /kubelet\.crt: the key does not fit the certificate/,
    status: [2],
  },
];

function shell(node: NodeRoot, script: string): void {
  const { status, stderr } = spawnSync('sh', ['-ec', script], { cwd: node.directory, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script}: ${stderr}`);
}

/** Nothing that was there may differ, and nothing of ours may be new. */
function changes(node: NodeRoot, before: ReadonlyMap<string, string>): string[] {
  const now = node.fingerprint();
  const changed = [...before].filter(
    ([path, text]) => now.get(path) !== text && !/\/lock$|rotator$/.test(path),
  );
  return [
    ...changed.map(([path]) => `${path} was changed`),
    ...leftovers(node, before).map((path) => `left over: ${path}`),
  ];
}

export function refusals(node: NodeRoot, results: Results): void {
  for (const trouble of troubles) results.check(trouble.name, () => refusal(node, trouble));
}

function refusal(node: NodeRoot, { make, undo = '', files = [], says, status }: Trouble): string[] {
  node.reset();
  shell(node, make);
  try {
    const before = node.fingerprint();
    const run = node.run([...caOptions, ...renewable, ...files]);
    const problems = changes(node, before);
    if (!status.includes(run.status ?? -1)) problems.push(`exit code ${run.status}`);
    if (!says.test(run.stderr)) problems.push(`it says: ${run.stderr}`);
    if (/\bat \w+ \(|Bun v/.test(run.stderr)) problems.push(`it shows its insides: ${run.stderr}`);
    return problems;
  } finally {
    shell(node, undo);
  }
}

/** The file is changed by somebody else while we wait in the first fsync, which comes after all was read. */
export async function changedMeanwhile(node: NodeRoot, results: Results): Promise<void> {
  node.reset();
  const file = node.path('/var/lib/kubelet/pki/kubelet.crt');
  const before = node.fingerprint();
  const strace = [
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    'trace=fsync',
    '-e',
    'inject=fsync:delay_enter=3000000:when=1',
  ];
  const command = ['chroot', node.directory, '/opt/cert-renew', ...caOptions, ...renewable];
  const child = spawn('strace', [...strace, ...command], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] },
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString('utf8')));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  await stagingMade(join(node.directory, 'var/lib/cluster-cert-rotator/staging'));
  fs.appendFileSync(file, '# by somebody else\n');
  const status = await ended;
  results.check('a file that is changed between reading and writing', () => {
    const problems = changes(node, before).filter(
      (text) => text !== '/var/lib/kubelet/pki/kubelet.crt was changed',
    );
    if (!fs.readFileSync(file, 'utf8').endsWith('# by somebody else\n'))
      problems.push('the other’s change was lost');
    if (status !== 1 && status !== 2) problems.push(`exit code ${status}`);
    if (!/kubelet\.crt was changed by somebody else/.test(stderr)) problems.push(`it says: ${stderr}`);
    return problems;
  });
}

async function stagingMade(directory: string): Promise<void> {
  for (let i = 0; i < 500 && !fs.existsSync(directory); i += 1) await wait(20);
}

interface Success {
  readonly name: string;
  readonly make?: string;
  readonly options: readonly string[];
  readonly judge: (run: Run, node: NodeRoot) => string[];
}

const onlyIf = (holds: boolean, problem: string): string[] => (holds ? [] : [problem]);
const backups = (node: NodeRoot): string[] =>
  fs.readdirSync(node.path('/var/lib/cluster-cert-rotator/backups'));

const successes: readonly Success[] = [
  {
    name: 'the manual’s command: one line a file, backups kept, restarts named',
    options: ['--days', '91'],
    judge: ({ stdout }, node) => [
      ...onlyIf((stdout.match(/: renewed, expires /g)?.length ?? 0) === 3, `output: ${stdout}`),
      ...onlyIf(/next: kubelet: restart it: systemctl restart kubelet/.test(stdout), `output: ${stdout}`),
      ...onlyIf(backups(node).length === 1, `backups: ${backups(node).join()}`),
    ],
  },
  {
    name: '--json is one object with every file',
    options: ['--json'],
    judge: ({ stdout }, node) => {
      const parsed: { files: { newSerial: string }[] } = JSON.parse(stdout);
      const serials = node.serials().map((serial) => serial.toLowerCase());
      return onlyIf(
        parsed.files.map(({ newSerial }) => newSerial).join() === serials.join(),
        `output: ${stdout}`,
      );
    },
  },
  {
    name: '--no-backup keeps no old files',
    options: ['--no-backup'],
    judge: (_, node) => onlyIf(backups(node).length === 0, `backups: ${backups(node).join()}`),
  },
  {
    name: '--backup-dir holds the old files',
    options: ['--backup-dir', '/root/old'],
    judge: (_, node) => onlyIf(fs.readdirSync(node.path('/root/old')).length > 0, 'no backup there'),
  },
  {
    name: '--new-key makes new keys, in the same form, pairs and kubeconfig alike',
    options: ['--new-key'],
    judge: ({ stdout }) => onlyIf((stdout.match(/, new key$/gm)?.length ?? 0) === 3, `output: ${stdout}`),
  },
  {
    name: '--days past the CA’s end is cut to it, and said',
    options: ['--days', '36500'],
    judge: ({ stdout }, node) => [
      ...onlyIf((stdout.match(/cut to the end of its CA/g)?.length ?? 0) === 3, `output: ${stdout}`),
      ...onlyIf(
        new Set(['/etc/kubernetes/pki/ca.crt', ...renewable].map((file) => node.certificate(file).validTo))
          .size === 1,
        'another end than the CA’s',
      ),
    ],
  },
  {
    name: 'an earlier end than before is done and said',
    options: ['--days', '1'],
    judge: ({ stdout }) =>
      onlyIf((stdout.match(/EARLIER than before/g)?.length ?? 0) === 3, `output: ${stdout}`),
  },
  {
    name: 'files planted in the working directory do not matter',
    make: `echo 'preload = ["./evil.js"]' > bunfig.toml; echo 'require("fs").writeFileSync("/etc/evil", "")' > evil.js; echo BUN_OPTIONS=--preload=./evil.js > .env`,
    options: [],
    judge: (_, node) => onlyIf(!fs.existsSync(node.path('/etc/evil')), 'planted code was run'),
  },
  {
    name: 'a link inside the roots stays a link',
    make: `mv ${kubeletPki}/kubelet.crt ${kubeletPki}/real.crt; ln -s real.crt ${kubeletPki}/kubelet.crt`,
    options: [],
    judge: (_, node) =>
      onlyIf(fs.readlinkSync(node.path(`/${kubeletPki}/kubelet.crt`)) === 'real.crt', 'no link any more'),
  },
];

export function successfulRuns(node: NodeRoot, results: Results): void {
  for (const { name, make = '', options, judge } of successes) {
    results.check(name, () => {
      node.reset();
      shell(node, make);
      const before = node.fingerprint();
      const run = node.run([...options, ...caOptions, ...renewable]);
      const unchangedBefore = new Map(
        [...before].filter(([path]) => make === '' || !path.startsWith(`/${kubeletPki}`)),
      );
      const problems = onlyIf(run.status === 0, `exit code ${run.status}: ${run.stderr}`);
      return [...problems, ...problemsOf(node, unchangedBefore), ...judge(run, node)];
    });
  }
  results.check('--dry-run says what would be done and changes nothing', () => {
    node.reset();
    const before = node.fingerprint();
    const { status, stdout } = node.run(['--dry-run', ...caOptions, ...renewable]);
    return [
      ...onlyIf(status === 0 && /would be renewed/.test(stdout), `${status}: ${stdout}`),
      ...changes(node, before),
    ];
  });
}
