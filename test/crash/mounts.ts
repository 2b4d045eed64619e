// What an operator can mistype and a file system refuse, on real mounts: a clear error for each, and nothing changed.
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { NodeRoot, Run } from './node-root.ts';
import type { Trouble } from './bad-input.ts';
import { badFiles } from './bad-files.ts';
import { caFromTo, dated, kubeletPki, troubles, usual } from './bad-input.ts';
import { caOptions, leftovers, problemsOf, renewable } from './node-root.ts';
import type { Results } from './results.ts';

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
  for (const trouble of [...troubles, ...badFiles]) results.check(trouble.name, () => refusal(node, trouble));
}

function refusal(node: NodeRoot, trouble: Trouble): string[] {
  const { make = '', undo = '', says, reports, status = 2, words = usual, user } = trouble;
  node.reset();
  shell(node, make);
  try {
    const before = node.fingerprint();
    const run = node.run(words(), [], user === undefined ? [] : [`--userspec=${user}`]);
    const answer = reports === true ? reportOf : answerOf;
    return [...changes(node, before), ...answer(run, says, status)];
  } finally {
    shell(node, undo);
  }
}

const reportOf = (run: Run, says: RegExp, status: number): string[] => [
  ...onlyIf(run.status === status, `exit code ${run.status}: ${run.stderr}`),
  ...onlyIf(says.test(run.stdout), `it reports: ${run.stdout}`),
];

/** What to do follows a semicolon; that all is as it was is none of it. */
const advises = /; \w/;
const restored = '; all files are as they were';

/** One line: which file, what is wrong, what to do. */
function answerOf(run: Run, says: RegExp, status: number): string[] {
  return [
    ...onlyIf(run.status === status, `exit code ${run.status}`),
    ...onlyIf(says.test(run.stderr), `it says: ${run.stderr}`),
    ...onlyIf(/^cert-renew: [^\n]+\n$/.test(run.stderr), `it is not one line: ${run.stderr}`),
    ...onlyIf(advises.test(run.stderr.replace(restored, '')), `it says not what to do: ${run.stderr}`),
    ...onlyIf(!/\bat \w+ \(|Bun v/.test(run.stderr), `it shows its insides: ${run.stderr}`),
    ...onlyIf(run.stdout === '', `on standard output: ${run.stdout}`),
  ];
}

/** Another one holds the lock: this one waits, and then it goes on or says so. */
export async function twoAtOnce(node: NodeRoot, results: Results): Promise<void> {
  node.reset();
  const lock = node.path('/var/lib/cluster-cert-rotator/lock');
  fs.writeFileSync(lock, '');
  const before = node.fingerprint();
  const holder = spawn('flock', ['--exclusive', lock, 'cat'], { stdio: ['pipe', 'ignore', 'inherit'] });
  await untilLocked(lock);
  results.check('another cert-renew at work: refused when the wait is over', () => {
    const run = node.run(['--lock-timeout', '1s', ...usual()]);
    const says =
      /cluster-cert-rotator\/lock is locked: another rotation works on this node; wait for its end/;
    return [...changes(node, before), ...answerOf(run, says, 2)];
  });
  holder.stdin.end();
  await new Promise((resolve) => holder.on('close', resolve));
  const ended = await Promise.all([1, 2].map(() => ending(node)));
  results.check('two cert-renew at once: one after the other, both done', () => [
    ...onlyIf(ended.join() === '0,0', `they ended with ${ended.join()}`),
    ...problemsOf(node, before),
    ...onlyIf(backups(node).length === 2, `backups: ${backups(node).join()}`),
  ]);
}

/** `flock` says when the lock is not to be had. */
async function untilLocked(lock: string): Promise<void> {
  for (let i = 0; i < 500; i += 1) {
    if (spawnSync('flock', ['--exclusive', '--nonblock', lock, 'true']).status !== 0) return;
    await wait(20);
  }
  throw new Error(`${lock} was not locked`);
}

async function ending(node: NodeRoot): Promise<number | null> {
  const command = [node.directory, '/opt/cert-renew', ...usual()];
  const child = spawn('chroot', command, { stdio: 'ignore', env: { PATH: process.env['PATH'] } });
  return await new Promise((resolve) => child.on('close', resolve));
}

/** The file is changed by somebody else while we wait in the first fsync, that of the journal's directory: all was read before. */
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
  await made(join(node.directory, 'var/lib/cluster-cert-rotator/journal'));
  fs.appendFileSync(file, '# by somebody else\n');
  const status = await ended;
  results.check('a file that is changed between reading and writing', () => {
    const problems = changes(node, before).filter(
      (text) => text !== '/var/lib/kubelet/pki/kubelet.crt was changed',
    );
    if (!fs.readFileSync(file, 'utf8').endsWith('# by somebody else\n'))
      problems.push('the other’s change was lost');
    if (status !== 1) problems.push(`exit code ${status}`);
    if (!/kubelet\.crt was changed by somebody else/.test(stderr)) problems.push(`it says: ${stderr}`);
    return problems;
  });
}

async function made(directory: string): Promise<void> {
  for (let i = 0; i < 500 && !fs.existsSync(directory); i += 1) await wait(20);
}

interface Success {
  readonly name: string;
  readonly make?: string;
  readonly options?: readonly string[];
  /** Named beside the usual files; they may change. */
  readonly files?: readonly string[];
  readonly judge: (run: Run, node: NodeRoot) => string[];
}

const onlyIf = (holds: boolean, problem: string): string[] => (holds ? [] : [problem]);
const backups = (node: NodeRoot): string[] =>
  fs.readdirSync(node.path('/var/lib/cluster-cert-rotator/backups'));

const schedulerPod = `apiVersion: v1
kind: Pod
metadata: {name: kube-scheduler, namespace: kube-system, labels: {component: kube-scheduler}}
spec: {containers: [{name: kube-scheduler, command: [kube-scheduler, --kubeconfig=/etc/kubernetes/own.conf]}]}
`.replaceAll('\n', String.raw`\n`);

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
    judge: (_, node) => onlyIf(!fs.existsSync(node.path('/etc/evil')), 'planted code was run'),
  },
  {
    name: 'a certificate that has expired is renewed from its own identity',
    make: dated(
      {
        name: 'apiserver',
        by: 'ca',
        subject: '/CN=kube-apiserver',
        extensions: ['subjectAltName=DNS:old,IP:10.9.9.9'],
      },
      '-400 days',
      '-35 days',
    ),
    judge: (_, node) => {
      const { subject, subjectAltName } = node.certificate('/etc/kubernetes/pki/apiserver.crt');
      const identity = `${subject} ${subjectAltName}`;
      return onlyIf(identity === 'CN=kube-apiserver DNS:old, IP Address:10.9.9.9', `it is ${identity}`);
    },
  },
  {
    name: 'a CA that ends within the day: done until then, and said',
    make: caFromTo('-10 days', '+20 hours'),
    judge: ({ stdout }) => [
      ...onlyIf((stdout.match(/cut to the end of its CA/g)?.length ?? 0) === 3, `output: ${stdout}`),
      ...onlyIf(/note: the CA .*ca\.crt itself ends in (19|20) hours.*replace the CA/.test(stdout), stdout),
    ],
  },
  {
    name: 'the key in the certificate’s own file',
    make: 'cd etc/kubernetes; cat pki/apiserver.key pki/apiserver.crt > both.pem; chmod 600 both.pem',
    files: ['/etc/kubernetes/both.pem'],
    judge: ({ stdout }, node) => {
      const key = fs.readFileSync(node.path('/etc/kubernetes/pki/apiserver.key'), 'utf8');
      const both = fs.readFileSync(node.path('/etc/kubernetes/both.pem'), 'utf8');
      return [
        ...onlyIf(both.startsWith(key) && both.includes('BEGIN CERT'), `the file is ${both.length} bytes`),
        ...onlyIf(/both\.pem: renewed, .*same key/.test(stdout), `output: ${stdout}`),
      ];
    },
  },
  {
    name: 'line ends of another system stay',
    make: String.raw`sed -i 's/$/\r/' etc/kubernetes/pki/apiserver.crt`,
    judge: (_, node) => {
      const lines = fs.readFileSync(node.path('/etc/kubernetes/pki/apiserver.crt'), 'latin1').split('\n');
      return onlyIf(
        lines.slice(0, -1).every((line) => line.endsWith('\r')),
        'a line ends otherwise',
      );
    },
  },
  {
    name: 'the same file twice, once through a link, is renewed once',
    make: 'cd etc/kubernetes/pki; ln -s apiserver.crt twin.crt; ln -s apiserver.key twin.key',
    files: ['/etc/kubernetes/pki/twin.crt', '/etc/kubernetes/pki/apiserver.crt'],
    judge: ({ stdout }) => onlyIf(stdout.match(/: renewed/g)?.length === 3, `output: ${stdout}`),
  },
  {
    name: 'who reads a file of another name is known from the node’s manifest',
    make: `cd etc/kubernetes; cp admin.conf own.conf; mkdir manifests; printf '${schedulerPod}' > manifests/s.yaml`,
    files: ['/etc/kubernetes/own.conf'],
    judge: ({ stdout }) =>
      onlyIf(/^next: kube-scheduler: restart it: (crictl|ctr|pidof) /m.test(stdout), `output: ${stdout}`),
  },
  {
    name: 'owner, mode and extended attributes stay',
    make: `cd ${kubeletPki}; chown 7:8 kubelet.crt; chmod 640 kubelet.crt; for each in kubelet.crt kubelet.key; do setfattr -n user.note -v kept $each; done`,
    options: ['--new-key'],
    judge: (_, node) =>
      ['kubelet.crt', 'kubelet.key'].flatMap((name) => {
        const path = node.path(`/${kubeletPki}/${name}`);
        const { uid, gid, mode } = fs.statSync(path);
        const owner = `${uid}:${gid} ${(mode & 0o7777).toString(8)}`;
        const note = spawnSync('getfattr', ['--only-values', '-n', 'user.note', path], { encoding: 'utf8' });
        return [
          ...onlyIf(note.stdout === 'kept', `${name}: its attribute is ${note.stdout}${note.stderr}`),
          ...onlyIf(owner === (name === 'kubelet.crt' ? '7:8 640' : '0:0 600'), `${name}: ${owner}`),
        ];
      }),
  },
  {
    name: 'a link inside the roots stays a link',
    make: `mv ${kubeletPki}/kubelet.crt ${kubeletPki}/real.crt; ln -s real.crt ${kubeletPki}/kubelet.crt`,
    judge: (_, node) =>
      onlyIf(fs.readlinkSync(node.path(`/${kubeletPki}/kubelet.crt`)) === 'real.crt', 'no link any more'),
  },
];

export function successfulRuns(node: NodeRoot, results: Results): void {
  for (const { name, make = '', options = [], files = [], judge } of successes) {
    results.check(name, () => {
      node.reset();
      shell(node, make);
      const before = node.fingerprint();
      const run = node.run([...options, ...usual(...files)]);
      const unchangedBefore = new Map(
        [...before].filter(
          ([path]) => !files.includes(path) && (make === '' || !path.startsWith(`/${kubeletPki}`)),
        ),
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
