// The compiled executable on a node made for dying: every kill point, and every refusal of a real file system.
//   node test/crash/run.ts [files] [program] [kubeadm] [kill-same-keys] [kill-new-keys]      (default: all; as root, after `make build`)
// All mounts lie in a mount namespace of its own, which ends with this process.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { killEverywhere } from './kill.ts';
import { judgedByKubeadm } from './kubeadm.ts';
import { changedMeanwhile, refusals, successfulRuns, twoAtOnce } from './mounts.ts';
import { NodeRoot } from './node-root.ts';
import { wholeOrFailed } from './post.ts';
import { asAProgram } from './program.ts';
import { Results } from './results.ts';

const marker = 'CRASH_TEST_IN_NAMESPACE';
const root = resolve(import.meta.dirname, '../..');
const built = join(root, 'dist/cert-renew');
const packages = 'strace attr e2fsprogs util-linux openssl binutils qemu-user-static libc6-arm64-cross'.split(
  ' ',
);
const scratch = '/var/tmp';
const wanted = process.argv.slice(2);

interface Count {
  readonly passed: number;
  readonly failed: number;
}

async function main(): Promise<number> {
  const directory = mkdtempSync(join(scratch, `crash-${process.pid}-`));
  try {
    const node = new NodeRoot(directory, built);
    const results = new Results();
    if (wanted.includes('files')) {
      successfulRuns(node, results);
      refusals(node, results);
      await changedMeanwhile(node, results);
      await twoAtOnce(node, results);
      wholeOrFailed(node, results);
    }
    if (wanted.includes('program')) asAProgram(node, results, join(root, 'dist'));
    if (wanted.includes('kubeadm')) judgedByKubeadm(node, results);
    const log = join(directory, 'strace.log');
    if (wanted.includes('kill-same-keys')) killEverywhere(node, results, false, log);
    if (wanted.includes('kill-new-keys')) killEverywhere(node, results, true, log);
    return results.close();
  } finally {
    remove(directory);
  }
}

/** What a killed run left: its mounts went with it, its directory did not. */
function removeLeftovers(): void {
  for (const name of readdirSync(scratch)) {
    const [, pid] = /^crash-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) remove(join(scratch, name));
  }
}

function remove(directory: string): void {
  const unmount = `grep -o '${directory}[^ ]*' /proc/self/mounts | sort -r | xargs -r -n1 umount -l`;
  // A run that was killed may have left files immutable. One file system: never into a /dev that is still mounted there.
  spawnSync('sh', [
    '-c',
    `${unmount}; chattr -R -f -i '${directory}'; rm -rf --one-file-system '${directory}'`,
  ]);
}

/** Runs parts in a mount namespace of their own; their count is taken out of what they print. */
async function inNamespace(parts: readonly string[]): Promise<Count> {
  const command = ['--mount', '--propagation', 'private', process.execPath, import.meta.filename, ...parts];
  const child = spawn('unshare', command, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, [marker]: 'yes' },
  });
  let count: Count | undefined;
  for await (const line of createInterface(child.stdout)) {
    const [, passed, failed] = /^(\d+) passed, (\d+) failed$/.exec(line) ?? [];
    if (passed === undefined) process.stdout.write(`${line}\n`);
    else count = { passed: Number(passed), failed: Number(failed) };
  }
  if (child.exitCode === null) await once(child, 'close');
  // One that dies before its count, or after it without a failed check, has failed all the same.
  const { passed, failed } = count ?? { passed: 0, failed: 1 };
  return { passed, failed: child.exitCode === 0 ? failed : Math.max(failed, 1) };
}

/** Two at a time: each of the long parts waits for its disk as much as for its processor. */
async function everything(): Promise<number> {
  const lanes =
    wanted.length > 0 ? [wanted] : [['files', 'program', 'kubeadm', 'kill-same-keys'], ['kill-new-keys']];
  const counts = await Promise.all(lanes.map(inNamespace));
  const sum = (of: keyof Count): number => counts.reduce((all, count) => all + count[of], 0);
  process.stdout.write(`${sum('passed')} passed, ${sum('failed')} failed\n`);
  return sum('failed') === 0 && sum('passed') > 0 ? 0 : 1;
}

if (process.getuid?.() !== 0)
  throw new Error('the crash test needs root: it mounts and makes files immutable');
if (process.env[marker] === 'yes') process.exitCode = await main();
else {
  execFileSync(join(root, 'scripts/debian.sh'), ['install', ...packages], { stdio: 'inherit' });
  if (!existsSync(built)) throw new Error(`${built} is not there; run make build first`);
  removeLeftovers();
  process.exitCode = await everything();
}
