// The compiled executable, killed at every mutating system call of a renewal by strace's signal injection. After each
// death the node is judged three times: as it lies (each file whole), after `cert-renew resume` (what the boot runs: all
// old or all new, pairs fit), and after the same command again (all renewed, nothing left over).
import { readFileSync } from 'node:fs';
import type { NodeRoot } from './node-root.ts';
import { caOptions, leftovers, problemsOf, renewable } from './node-root.ts';
import type { Results } from './results.ts';

const mutating =
  'rename renameat renameat2 unlink unlinkat rmdir mkdir mkdirat symlink symlinkat link linkat chmod fchmod fchmodat ' +
  'chown fchown lchown fchownat setxattr lsetxattr fsetxattr utimensat mknod mknodat open openat creat ' +
  'write pwrite64 writev copy_file_range sendfile truncate ftruncate fallocate fsync fdatasync';
/** These change something only when they make or empty a file. */
const opening = /^(open|openat)$/;
const makes = /O_CREAT|O_TRUNC/;

const command = (newKey: boolean): string[] => [
  '--days',
  '77',
  ...caOptions,
  ...(newKey ? ['--new-key'] : []),
  ...renewable,
];

const traced = (log: string, calls: string): string[] => [
  'strace',
  '-f',
  '-qq',
  '-o',
  log,
  '-e',
  `trace=${calls}`,
];

/** No `--seccomp-bpf`: under that filter strace (6.1) says nothing and delivers no signal. */
const killedAt = (log: string, call: string, number: number): string[] => [
  ...traced(log, call),
  '-e',
  `inject=${call}:signal=KILL:when=${number}`,
];

/**
 * By name of a call: which of its uses in an undisturbed run are mutating, counted from 1, as strace counts: each thread for
 * itself. Files are the first thread's alone; those that make keys wake it by writes whose number differs from run to run.
 */
function mutatingCalls(node: NodeRoot, newKey: boolean, log: string): Map<string, number[]> {
  node.reset();
  const run = node.run(command(newKey), traced(log, mutating.replaceAll(' ', ',')));
  if (run.status !== 0) throw new Error(`the undisturbed run failed: ${run.stderr}`);
  const seen = new Map<string, number>();
  const found = new Map<string, number[]>();
  const calls = [...readFileSync(log, 'utf8').matchAll(/^(\d+) +(\w+)\((.*)$/gm)];
  for (const [, thread, name = '', rest = ''] of calls) {
    if (thread !== calls[0]?.[1]) continue;
    const number = (seen.get(name) ?? 0) + 1;
    seen.set(name, number);
    if (!opening.test(name) || makes.test(rest)) found.set(name, [...(found.get(name) ?? []), number]);
  }
  return found;
}

/** Kills at every call; `newKey` has two renames a pair, the case that needs the journal. */
export function killEverywhere(node: NodeRoot, results: Results, newKey: boolean, log: string): void {
  const keys = newKey ? 'new keys' : 'same keys';
  for (const [name, numbers] of mutatingCalls(node, newKey, log)) {
    process.stdout.write(`${keys}: ${name}, ${numbers.length} times\n`);
    for (const [index, number] of numbers.entries()) {
      results.check(`${keys}: killed at ${name} ${index + 1} of ${numbers.length}`, () =>
        killOnce(node, newKey, killedAt(log, name, number)),
      );
    }
  }
}

function killOnce(node: NodeRoot, newKey: boolean, killer: readonly string[]): string[] {
  node.reset();
  const before = node.fingerprint();
  const old = node.serials();
  const { signal, status } = node.run(command(newKey), killer);
  if (signal !== 'SIGKILL') return [`it was not killed, it ended with ${status}`];
  // Reading them is the judgement: a torn file does not parse.
  node.serials();
  const resumed = node.run(['resume']);
  const serials = node.serials();
  const changed = serials.filter((serial, i) => serial !== old[i]).length;
  const problems = problemsOf(node, before).map((text) => `after resume: ${text}`);
  if (resumed.status !== 0) problems.push(`resume ended with ${resumed.status}: ${resumed.stderr}`);
  if (changed !== 0 && changed !== serials.length)
    problems.push(`after resume ${changed} of ${serials.length} are new`);
  const again = node.run(command(newKey));
  if (again.status !== 0) problems.push(`the same command again ended with ${again.status}: ${again.stderr}`);
  if (node.serials().some((serial, i) => serial === old[i]))
    problems.push('not all were renewed by the second run');
  problems.push(...problemsOf(node, before), ...leftovers(node, before).map((path) => `left over: ${path}`));
  return problems;
}
