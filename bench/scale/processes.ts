// Processes that are started here, and only those.
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

export async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
  });
  child.kill(signal);
  await ended;
}

/** MiB that a process holds, and the most that it has held (proc_pid_status(5)). */
export function memoryOf(pid: number | undefined): { readonly now: number; readonly most: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const read = (name: string): number => {
    const kibibytes = Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'mu').exec(text)?.[1]);
    return Math.round((kibibytes / 1024) * 10) / 10;
  };
  return { now: read('VmRSS'), most: read('VmHWM') };
}
