// Processes of the node from its /proc: when a component was started, and which files it sees.
import * as fs from 'node:fs';
import { basename } from 'node:path';
import { errnoOf, onFile } from './errno.ts';
import { nodeFiles } from './node-files.ts';

export interface ProcessInfo {
  readonly pid: number;
  readonly startedAt: Date;
  readonly commandLine: readonly string[];
}

export interface Processes {
  /** Processes whose program (first word of the command line, without directory) has this name. */
  find(program: string): ProcessInfo[];
  /** A file as the process sees it (its own mounts). Needs CAP_SYS_PTRACE in a Pod. Errors: NotFound, Io. */
  readFile(pid: number, path: string): Uint8Array;
}

/** Ticks of /proc/<pid>/stat in a second: USER_HZ, 100 on every Linux (proc_pid_stat(5)). */
const ticksPerSecond = 100;

/** @param procRoot where the node's /proc is seen */
export function nodeProcesses(procRoot = '/proc', now: () => Date = () => new Date()): Processes {
  return {
    find: (program) =>
      fs
        .readdirSync(procRoot)
        .filter((name) => /^\d+$/.test(name))
        .flatMap((name) => readProcess(procRoot, Number(name), program, now)),
    readFile: (pid, path) =>
      onFile(path, () => {
        const files = nodeFiles(`${procRoot}/${pid}/root`);
        return files.read(files.realpath(path));
      }),
  };
}

function readProcess(procRoot: string, pid: number, program: string, now: () => Date): ProcessInfo[] {
  try {
    const commandLine = fs
      .readFileSync(`${procRoot}/${pid}/cmdline`, 'utf8')
      .split('\0')
      .filter((word) => word !== '');
    if (basename(commandLine[0] ?? '') !== program) return [];
    const stat = fs.readFileSync(`${procRoot}/${pid}/stat`, 'utf8');
    const uptime = Number(fs.readFileSync(`${procRoot}/uptime`, 'utf8').split(' ')[0]);
    return [{ pid, commandLine, startedAt: startOf(stat, uptime, now()) }];
  } catch (error) {
    // A process may end while we look at it.
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return [];
    throw error;
  }
}

/**
 * Moment of a process's start. Counted back from now by the uptime, since the boot time of /proc/stat has whole
 * seconds only.
 */
export function startOf(stat: string, uptimeSeconds: number, now: Date): Date {
  // The second field, the name in parentheses, may hold anything: fields are counted after its last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTicks = Number(fields[19]); // field 22, starttime
  return new Date(now.getTime() - Math.round((uptimeSeconds - startTicks / ticksPerSecond) * 1000));
}
