// When a process of a node was started, from this machine's own /proc, which shows the processes of all nodes.
import * as fs from 'node:fs';

const ticksPerSecond = 100;

/**
 * Milliseconds since 1970, of the process of that name whose command line has a flag with the node's address; undefined
 * when there is none.
 */
export function startOfProcess(procRoot: string, name: string, address: string): number | undefined {
  for (const pid of fs.readdirSync(procRoot).filter((each) => /^\d+$/u.test(each))) {
    try {
      const words = fs.readFileSync(`${procRoot}/${pid}/cmdline`, 'utf8').split('\0');
      if (words[0] !== name || !words.some((word) => word.endsWith(`=${address}`))) continue;
      const stat = fs.readFileSync(`${procRoot}/${pid}/stat`, 'utf8');
      const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
      const uptime = Number(fs.readFileSync(`${procRoot}/uptime`, 'utf8').split(' ')[0]);
      return Date.now() - (uptime - ticks / ticksPerSecond) * 1000;
    } catch {
      // It may end while we look at it.
    }
  }
  return undefined;
}
