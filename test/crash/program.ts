// The executable as a program among others: how soon it starts, what it loads, which files and sockets it touches, and
// that the one for arm64 does the same. kubectl's plugin, built in the same way, starts on both.
import { execFileSync, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import type { NodeRoot, Run } from './node-root.ts';
import { caOptions, problemsOf, renewable } from './node-root.ts';
import type { Results } from './results.ts';

/** design §6: what the nodes have. */
const startLimitMs = 15;
const newestGlibc = [2, 17] as const;
const libraries =
  /^(libc\.so\.6|libm\.so\.6|libpthread\.so\.0|libdl\.so\.2|ld-linux-(x86-64|aarch64)\.so\.[12])$/;

const renewal = ['--days', '77', ...caOptions, ...renewable] as const;
const onlyIf = (holds: boolean, problem: string): string[] => (holds ? [] : [problem]);

/** @param dist where the build put both architectures */
export function asAProgram(node: NodeRoot, results: Results, dist: string): void {
  results.check(`starts in ${startLimitMs} ms`, () => startsSoon(join(dist, 'cert-renew')));
  for (const name of ['cert-renew', 'cert-renew-arm64'])
    results.check(`${name}: old C libraries, and no others`, () => linking(join(dist, name)));
  results.check('says what SHA256SUMS says of it', () => checksums(node, dist));
  results.check('names itself as it can be called', () => ownCalls(node));
  for (const call of calls) {
    const [name] = call.words;
    results.check(`${name}: no file of the working directory matters`, () => planted(node, call));
    results.check(`${name}: no network`, () => network(node, call));
    results.check(`${name}: writes where it must only`, () => writes(node, call));
  }
  results.check('arm64, under qemu: says its version, and renews', () => onArm(node, dist));
  for (const plugin of plugins)
    results.check(`${plugin.name}: says what it is, and what it can`, () => asAPlugin(plugin, dist));
}

interface Call {
  readonly words: readonly [string, ...string[]];
  readonly status: number;
  /** What it writes, or asks: nothing; its own servers; the files that it renews. */
  readonly does: 'nothing' | 'asks-itself' | 'renews';
}

/** No manifest of this node says that its API server is one, and `check` and `all` say so. */
const calls: readonly Call[] = [
  { words: ['--help'], status: 0, does: 'nothing' },
  { words: ['version', '--json'], status: 0, does: 'nothing' },
  { words: ['check'], status: 2, does: 'asks-itself' },
  { words: ['all', '--dry-run'], status: 4, does: 'asks-itself' },
  { words: ['restore'], status: 0, does: 'nothing' },
  { words: renewal, status: 0, does: 'renews' },
  { words: ['--new-key', ...renewal], status: 0, does: 'renews' },
];

/** The quickest of many is what the program needs, or what it takes of a processor where the machine is never free. */
function startsSoon(executable: string): string[] {
  const times = Array.from({ length: 60 }, () => {
    const startedAt = performance.now();
    const { status } = spawnSync(executable, ['--help'], { stdio: 'ignore', env: {} });
    return status === 0 ? performance.now() - startedAt : Number.POSITIVE_INFINITY;
  }).toSorted((a, b) => a - b);
  const [best = Number.POSITIVE_INFINITY] = times;
  const median = times[times.length / 2] ?? 0;
  const loop = `TIMEFORMAT='%U %S'; time for i in {1..60}; do '${executable}' --help > /dev/null; done`;
  const { stderr } = spawnSync('/bin/bash', ['-c', loop], { encoding: 'utf8' });
  const processor =
    stderr
      .trim()
      .split(' ')
      .reduce((sum, seconds) => sum + Number(seconds) * 1000, 0) / 60;
  const said = `${best.toFixed(1)} ms at best, ${median.toFixed(1)} in the median, ${processor.toFixed(1)} of a processor`;
  process.stdout.write(`--help: ${said}\n`);
  return onlyIf(Math.min(best, processor) <= startLimitMs, said);
}

function linking(executable: string): string[] {
  const readelf = (...options: readonly string[]): string =>
    execFileSync('readelf', [...options, executable], { encoding: 'utf8', maxBuffer: 1 << 26 });
  const needed = [...readelf('-dW').matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name = '']) => name);
  const versions = [...readelf('-VW').matchAll(/Name: GLIBC_(\d+)\.(\d+)/g)].map(([text, major, minor]) => ({
    text,
    tooNew: Number(major) > newestGlibc[0] || Number(minor) > newestGlibc[1],
  }));
  return [
    ...onlyIf(
      needed.length > 0 && versions.length > 0,
      `${needed.length} libraries, ${versions.length} versions`,
    ),
    ...needed.filter((name) => !libraries.test(name)).map((name) => `it needs ${name}`),
    ...versions.filter(({ tooNew }) => tooNew).map(({ text }) => `it needs ${text}`),
  ];
}

function checksums(node: NodeRoot, dist: string): string[] {
  const { sha256 }: { sha256: string } = JSON.parse(node.run(['version', '--json']).stdout);
  const line = `${sha256}  cert-renew\n`;
  return onlyIf(
    fs.readFileSync(join(dist, 'SHA256SUMS'), 'utf8').includes(line),
    `SHA256SUMS has no ${line}`,
  );
}

/** By its path, but where PATH leads to it. */
function ownCalls(node: NodeRoot): string[] {
  node.reset();
  const says = (): string => {
    const { next }: { next: readonly string[] } = JSON.parse(node.run(['check', '--json']).stdout);
    return next.find((line) => line.endsWith(' all')) ?? `nothing but ${next.join('; ')}`;
  };
  const [before, link] = [says(), node.path('/usr/bin/cert-renew')];
  fs.mkdirSync(join(link, '..'), { recursive: true });
  fs.symlinkSync('/opt/cert-renew', link);
  const after = says();
  fs.rmSync(link);
  return [
    ...onlyIf(before === '/opt/cert-renew all', `it says ${before}`),
    ...onlyIf(after === 'cert-renew all', `with a link in PATH it says ${after}`),
  ];
}

/** What Bun, Node or npm would take from a working directory, each to run ours or to break the program. */
const bait: Readonly<Record<string, string>> = {
  'evil.js': 'require("fs").writeFileSync("/etc/evil", ""); process.exit(99);',
  'bunfig.toml': 'preload = ["./evil.js"]\n[run]\npreload = ["./evil.js"]\n',
  '.env': 'BUN_OPTIONS=--preload=./evil.js\nNODE_OPTIONS=--require=./evil.js\nBUN_CONFIG_PRELOAD=./evil.js\n',
  '.env.local': 'BUN_OPTIONS=--preload=./evil.js\n',
  '.env.production': 'BUN_OPTIONS=--preload=./evil.js\n',
  '.npmrc': 'node-options=--require=./evil.js\n',
  'package.json': '{"name": 7, "main": "evil.js", "imports": {"#x": "./evil.js"}, "type": "commonjs", ',
  'tsconfig.json': '{"compilerOptions": {"paths": {"*": ["./evil.js"]}}, "extends": "./gone.json", ',
  'jsconfig.json': '{',
  'index.js': 'require("./evil.js")',
  'cert-renew.mjs': 'require("./evil.js")',
  ...Object.fromEntries(
    ['yaml', 'commander', 'valibot', 'bun:ffi', 'node:fs', 'fs', 'crypto'].map((name) => [
      `node_modules/${name}/index.js`,
      'require("/evil.js")',
    ]),
  ),
};

function planted(node: NodeRoot, { words, status }: Call): string[] {
  node.reset();
  const clean = node.run([...words, '--help']);
  for (const [name, text] of Object.entries(bait)) {
    fs.mkdirSync(join(node.path(name), '..'), { recursive: true });
    fs.writeFileSync(node.path(name), text);
  }
  try {
    const run = node.run(words);
    const baited = node.run([...words, '--help']);
    return [
      ...onlyIf(run.status === status && run.stderr === '', `exit code ${run.status}: ${run.stderr}`),
      ...onlyIf(baited.stdout === clean.stdout, `it says something else: ${baited.stdout}`),
      ...onlyIf(!fs.existsSync(node.path('/etc/evil')), 'planted code was run'),
    ];
  } finally {
    for (const name of [...Object.keys(bait), 'node_modules'])
      fs.rmSync(node.path(name), { recursive: true, force: true });
  }
}

/** System calls of these kinds, as strace writes them; run on a fresh node. */
function traced(node: NodeRoot, kinds: string, words: readonly string[]): { run: Run; lines: string[] } {
  node.reset();
  const log = `${node.directory}.trace`;
  const run = node.run(words, ['strace', '-f', '-qq', '-s', '300', '-o', log, '-e', `trace=${kinds}`]);
  return {
    run,
    lines: fs
      .readFileSync(log, 'utf8')
      .split('\n')
      .filter((line) => line !== ''),
  };
}

/** Its own servers by loopback, and its own addresses by netlink; without an address it is a socket of those. */
const toItself = /AF_NETLINK|sin_addr=inet_addr\("127\.|"::1"|\bsocket\(AF_INET6?,|, NULL, 0\)/;

function network(node: NodeRoot, { words, status, does }: Call): string[] {
  const { run, lines } = traced(node, '%network', words);
  const outside = lines
    .filter((line) => /\b(socket|connect|bind|sendto|sendmsg)\(/.test(line) && !/AF_UNIX|AF_LOCAL/.test(line))
    .filter((line) => does !== 'asks-itself' || !toItself.test(line));
  return [...onlyIf(run.status === status, run.stderr), ...outside.map((line) => `it calls ${line}`)];
}

const writing =
  'open,openat,creat,mkdir,mkdirat,mknod,mknodat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,rmdir,truncate,memfd_create,chmod,fchmodat,chown,lchown,fchownat,setxattr,lsetxattr';
/** The product's own directory, those of the named files, and the unit for the boot. */
const ownPlaces =
  /"(\/var\/lib\/cluster-cert-rotator[/"]|\/etc\/kubernetes\/|\/var\/lib\/kubelet\/pki[/"]|\/etc\/systemd\/system\/(multi-user\.target\.wants\/)?\.?cluster-cert-rotator-recover)/;

function writes(node: NodeRoot, { words, status, does }: Call): string[] {
  const { run, lines } = traced(node, writing, words);
  const changing = lines
    .map((line) => line.replace(/^\d+ +/, ''))
    .filter(
      (line) => !/^(open|openat)\(/.test(line) || /O_CREAT|O_TMPFILE|O_TRUNC|O_WRONLY|O_RDWR/.test(line),
    )
    .filter((line) => !/= -1 E/.test(line) && /^\w+\(/.test(line))
    // Its own memory and terminal are no files that stay.
    .filter((line) => !/"\/(dev\/(null|tty)|proc\/self\/)/.test(line));
  return [
    ...onlyIf(run.status === status, run.stderr),
    ...changing
      .filter((line) => does !== 'renews' || !ownPlaces.test(line))
      .map((line) => `it calls ${line}`),
  ];
}

const emulator = '/opt/qemu-aarch64';
const emulatorHere = '/usr/bin/qemu-aarch64-static';
/** Where Debian's package has them, and where they are looked for on such a node. */
const foreignLibraries = '/usr/aarch64-linux-gnu/lib';
const theirPlace = '/lib/aarch64-linux-gnu';
const theirLoader = 'ld-linux-aarch64.so.1';

/** Emulated in user mode: its system calls are this kernel's. */
function onArm(node: NodeRoot, dist: string): string[] {
  node.reset();
  fs.copyFileSync(emulatorHere, node.path(emulator));
  fs.copyFileSync(join(dist, 'cert-renew-arm64'), node.path('/opt/cert-renew-arm64'));
  fs.cpSync(foreignLibraries, node.path(theirPlace), { recursive: true, dereference: true });
  fs.copyFileSync(join(foreignLibraries, theirLoader), node.path(`/lib/${theirLoader}`));
  const arm = (...words: readonly string[]): Run => node.start([emulator, '/opt/cert-renew-arm64', ...words]);
  const version = arm('version', '--json');
  const { platform, sha256 }: { platform: string; sha256: string } = JSON.parse(version.stdout);
  const line = `${sha256}  cert-renew-arm64\n`;
  const before = node.fingerprint();
  const old = node.serials();
  const renewed = arm(...renewal);
  return [
    ...onlyIf(platform === 'linux-arm64', `its platform is ${platform}`),
    ...onlyIf(fs.readFileSync(join(dist, 'SHA256SUMS'), 'utf8').includes(line), `SHA256SUMS has no ${line}`),
    ...onlyIf(renewed.status === 0, `exit code ${renewed.status}: ${renewed.stderr}`),
    ...onlyIf(
      node.serials().every((serial, i) => serial !== old[i]),
      'not all were renewed',
    ),
    ...problemsOf(node, before),
  ];
}

interface Plugin {
  readonly name: string;
  readonly platform: string;
  /** What starts it. */
  readonly around: readonly string[];
}

const plugins: readonly Plugin[] = [
  { name: 'kubectl-certrot', platform: 'linux-x64', around: [] },
  {
    name: 'kubectl-certrot-arm64',
    platform: 'linux-arm64',
    around: [emulatorHere, '-L', join(foreignLibraries, '..')],
  },
  { name: 'kubectl-certrot.mjs', platform: 'linux-x64', around: [process.execPath] },
];

/** kubectl's plugin runs on desks, and needs nothing of a node. */
function asAPlugin({ name, platform, around }: Plugin, dist: string): string[] {
  const said = [['version', '--json'], ['--help']].map((words) => {
    const [first = '', ...rest] = [...around, join(dist, name), ...words];
    return spawnSync(first, rest, { encoding: 'utf8', env: {} });
  });
  const [version, help] = said.map(({ stdout }) => stdout);
  return [
    ...said.flatMap(({ status, stderr }) => onlyIf(status === 0, `exit code ${status}: ${stderr}`)),
    ...onlyIf(version?.includes(`"platform":"${platform}"`) === true, `its version is ${version}`),
    ...onlyIf(help?.includes('kubectl certrot') === true, `its help is ${help}`),
  ];
}
