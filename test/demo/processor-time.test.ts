// The measure of the demo's test: what is read, and that what a child of a child has used counts.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { processorSeconds, spentOf } from './processor-time.ts';

test('a name may look like the end of itself', () => {
  const stat = '42 (a) S 1 b) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 25 75 20 0 1 0 1000 0 0';
  expect(spentOf(stat)).toEqual({ pid: 42, parent: 7, seconds: 3 });
});

test('what a child of a child has used counts, at work or ended', async () => {
  const use = `
    const spent = () => process.cpuUsage().user + process.cpuUsage().system;
    while (spent() < 4e5);
    console.log('used');
    if (process.argv[1] === 'stays') setInterval(() => undefined, 1000);`;
  const child = spawn(
    'sh',
    ['-c', '"$0" --eval "$1"; "$0" --eval "$1" stays & wait', process.execPath, use],
    {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const { pid } = child;
  if (pid === undefined) throw new Error('sh is not there');
  onTestFinished(() => void process.kill(-pid, 'SIGKILL'));
  await once(child.stdout, 'data');
  await once(child.stdout, 'data');
  const seconds = processorSeconds(pid);
  expect(seconds).toBeGreaterThan(0.75);
  expect(seconds).toBeLessThan(2);
});
