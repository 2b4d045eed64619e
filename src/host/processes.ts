// Processes of the node from its /proc: when a component was started, and which files it sees.
import * as fs from 'node:fs';
import { basename } from 'node:path';
import { errnoOf, onFile } from './errno.ts';
import { nodeFiles } from './node-files.ts';

/** A moment of one boot (CLOCK_BOOTTIME): no change of the node's clock moves it. */
export interface BootMoment {
  readonly bootId: string;
  readonly milliseconds: number;
}

export interface ProcessInfo {
  readonly pid: number;
  /** For people: it moves with the clock. */
  readonly startedAt: Date;
  /** Since the boot. */
  readonly startedMs: number;
  readonly commandLine: readonly string[];
  /** By its cgroup, of a Pod of the kubelet; true also where that cannot be told. */
  readonly isOfPod: boolean;
}

export interface Processes {
  /** Processes whose program (first word of the command line, without directory) has this name. */
  find(program: string): ProcessInfo[];
  /** Undefined where there is no /proc (a rescue system). */
  now(): BootMoment | undefined;
  /** A file as the process sees it (its own mounts). Needs CAP_SYS_PTRACE in a Pod. Errors: NotFound, Io. */
  readFile(pid: number, path: string): Uint8Array;
}

/** Ticks of /proc/<pid>/stat in a second: USER_HZ, 100 on every Linux (proc_pid_stat(5)). */
const ticksPerSecond = 100;

/** @param procRoot where the node's /proc is seen */
export function nodeProcesses(procRoot = '/proc', now: () => Date = () => new Date()): Processes {
  return {
    find: (program) => pidsOf(procRoot).flatMap((name) => readProcess(procRoot, Number(name), program, now)),
    now: () => bootMoment(procRoot),
    readFile: (pid, path) =>
      onFile(path, () => {
        const files = nodeFiles(`${procRoot}/${pid}/root`);
        return files.read(files.realpath(path));
      }),
  };
}

/** None where there is no /proc: a rescue system runs nothing of the node. */
function pidsOf(procRoot: string): string[] {
  try {
    return fs.readdirSync(procRoot).filter((name) => /^\d+$/.test(name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function bootMoment(procRoot: string): BootMoment | undefined {
  try {
    const bootId = fs.readFileSync(`${procRoot}/sys/kernel/random/boot_id`, 'utf8').trim();
    return { bootId, milliseconds: Math.round(uptimeOf(procRoot) * 1000) };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Seconds since the boot, with two decimals. */
const uptimeOf = (procRoot: string): number =>
  Number(fs.readFileSync(`${procRoot}/uptime`, 'utf8').split(' ')[0]);

function readProcess(procRoot: string, pid: number, program: string, now: () => Date): ProcessInfo[] {
  try {
    const commandLine = fs
      .readFileSync(`${procRoot}/${pid}/cmdline`, 'utf8')
      .split('\0')
      .filter((word) => word !== '');
    if (basename(commandLine[0] ?? '') !== program) return [];
    const stat = fs.readFileSync(`${procRoot}/${pid}/stat`, 'utf8');
    const uptime = uptimeOf(procRoot);
    const startedAt = startOf(stat, uptime, now());
    const startedMs = startTicks(stat) * (1000 / ticksPerSecond);
    return [{ pid, commandLine, startedAt, startedMs, isOfPod: isOfPod(procRoot, pid) }];
  } catch (error) {
    // A process may end while we look at it.
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ESRCH') return [];
    throw error;
  }
}

/** The kubelet puts every Pod below its own `kubepods`, `kubepods.slice` or `kubelet-kubepods.slice`. */
function isOfPod(procRoot: string, pid: number): boolean {
  try {
    const cgroups = fs.readFileSync(`${procRoot}/${pid}/cgroup`, 'utf8');
    return cgroups === '' || cgroups.includes('kubepods');
  } catch {
    return true;
  }
}

/**
 * Moment of a process's start. Counted back from now by the uptime, since the boot time of /proc/stat has whole
 * seconds only.
 */
export function startOf(stat: string, uptimeSeconds: number, now: Date): Date {
  return new Date(now.getTime() - Math.round((uptimeSeconds - startTicks(stat) / ticksPerSecond) * 1000));
}

function startTicks(stat: string): number {
  // The second field, the name in parentheses, may hold anything: fields are counted after its last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[19]); // field 22, starttime
}
