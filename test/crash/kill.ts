// The compiled executable, killed at every mutating system call of a renewal by strace's signal injection. After each
// death the node is judged three times: as it lies (each file whole), after `cert-renew resume` (what the boot runs: all
// old or all new, pairs fit), and after the same command again (all renewed, nothing left over).
import { readFileSync } from 'node:fs';
import type { NodeRoot } from './node-root.ts';
import { caOptions, leftovers, problemsOf, renewable } from './node-root.ts';
import type { Results } from './results.ts';

const mutating =
  'rename renameat renameat2 unlink unlinkat rmdir mkdir mkdirat symlink symlinkat link linkat chmod fchmod fchmodat ' +
  'chown fchown lchown fchownat setxattr lsetxattr fsetxattr write pwrite64 writev ftruncate fallocate fsync fdatasync';

const command = (newKey: boolean): string[] => [
  '--days',
  '77',
  ...caOptions,
  ...(newKey ? ['--new-key'] : []),
  ...renewable,
];

/** Stops at the named calls only, by a filter in the kernel: all others run at full speed. */
const strace = (log: string, calls: string): string[] => [
  'strace',
  '-f',
  '--seccomp-bpf',
  '-qq',
  '-o',
  log,
  '-e',
  `trace=${calls}`,
];

/** Name and number of each mutating call of an undisturbed run. */
function countCalls(node: NodeRoot, newKey: boolean, log: string): Map<string, number> {
  node.reset();
  const run = node.run(command(newKey), strace(log, mutating.replaceAll(' ', ',')));
  if (run.status !== 0) throw new Error(`the undisturbed run failed: ${run.stderr}`);
  const counts = new Map<string, number>();
  for (const [, name = ''] of readFileSync(log, 'utf8').matchAll(/^\d+ +(\w+)\(/gm))
    counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Kills at every call; `newKey` has two renames a pair, the case that needs the journal. */
export function killEverywhere(node: NodeRoot, results: Results, newKey: boolean, log: string): void {
  for (const [name, count] of countCalls(node, newKey, log)) {
    process.stdout.write(`${newKey ? 'new keys' : 'same keys'}: ${name}, ${count} times\n`);
    for (let number = 1; number <= count; number += 1) {
      results.check(`${newKey ? 'new keys' : 'same keys'}: killed at ${name} ${number} of ${count}`, () =>
        killOnce(node, newKey, `${name}:signal=KILL:when=${number}`, log),
      );
    }
  }
}

function killOnce(node: NodeRoot, newKey: boolean, injection: string, log: string): string[] {
  node.reset();
  const before = node.fingerprint();
  const old = node.serials();
  const call = injection.split(':')[0] ?? '';
  node.run(command(newKey), [...strace(log, call), '-e', `inject=${injection}`]);
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
