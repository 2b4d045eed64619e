// Processor time that a program has used, with all that it has started: what it needs, whoever else uses the machine.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** Of a second, in what proc_pid_stat(5) says: USER_HZ, the same on every Linux. */
const ticks = 100;

interface Spent {
  readonly pid: number;
  readonly parent: number;
  /** Its own, and that of its children that have ended. */
  readonly seconds: number;
}

/** @param stat text of /proc/<pid>/stat, where the name in brackets may hold anything */
export function spentOf(stat: string): Spent {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  // Its state is the third field of all, the parent the fourth; the times are the fourteenth to the seventeenth.
  const sum = fields.slice(11, 15).reduce((all, one) => all + one, 0);
  return { pid: Number.parseInt(stat, 10), parent: fields[1] ?? 0, seconds: sum / ticks };
}

function allSpent(): readonly Spent[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return [spentOf(readFileSync(`/proc/${name}/stat`, 'utf8'))];
    } catch {
      // It has ended since.
      return [];
    }
  });
}

/** Seconds, up to now, of a process and all below it; undefined: it has ended. */
export function processorSeconds(root: number): number | undefined {
  const all = allSpent();
  const own = all.find(({ pid }) => pid === root);
  const byParent = Map.groupBy(all, ({ parent }) => parent);
  const below = (pid: number): number =>
    (byParent.get(pid) ?? []).reduce((sum, one) => sum + one.seconds + below(one.pid), 0);
  return own && own.seconds + below(root);
}

const used = 'const { user, system } = process.cpuUsage(); (user + system) / 1e6';

/** Seconds of processor time that Node needs to start, some times over: what this machine's are worth just now. */
export const startsOfNode = (): readonly number[] =>
  Array.from({ length: 9 }, () =>
    Number(execFileSync(process.execPath, ['--print', used], { encoding: 'utf8' })),
  );

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
