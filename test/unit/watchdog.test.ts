// The watchdog of the long fuzzing run, on a thread that really hangs.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import process from 'node:process';
import { expect, it } from 'vitest';

const watchdog = JSON.stringify(resolve(import.meta.dirname, '../fuzz/watchdog.ts'));

function runWith(
  patienceMs: number,
  body: string,
): { status: number | null; signal: NodeJS.Signals | null; stdout: string } {
  const code = `import { Watchdog } from ${watchdog}; const dog = new Watchdog(${patienceMs}); ${body}`;
  const { status, signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
    timeout: 25_000,
  });
  return { status, signal, stdout };
}

it('names the input from which a reader never comes back, and ends the run', () => {
  const input = 'a: "1"\n\uD800\n';
  const { signal, stdout } = runWith(
    400,
    `dog.watch('quick', 'x', () => {}); dog.watch('a reader', ${JSON.stringify(input)}, () => { for (;;); });`,
  );
  const [found = '', count] = stdout.split('\n');
  expect(JSON.parse(found.replace('FOUND ', ''))).toEqual({
    parser: 'a reader',
    why: 'it had not come back after 400 ms',
    input,
  });
  expect([count, signal]).toEqual(['0 passed, 1 failed', 'SIGKILL']);
});

it('says nothing of readers that come back, however long all of them take', () => {
  // Patience is by the clock, and a busy machine may hold up for long what comes back at once.
  const many = `const end = performance.now() + 3000; while (performance.now() < end) dog.watch('a', 'x', () => {});`;
  expect(runWith(2000, `${many} process.stdout.write('done')`)).toEqual({
    status: 0,
    signal: null,
    stdout: 'done',
  });
});
