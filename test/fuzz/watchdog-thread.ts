// The thread of watchdog.ts. Its own streams would wait for the thread that hangs, and so would its exit.
import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { Watched } from './watchdog.ts';

const { state, text, patienceMs }: Watched = workerData;
let reading = 0;
let since = performance.now();

setInterval(() => {
  const now = Atomics.load(state, 0);
  if (now === 0 || now !== reading) {
    reading = now;
    since = performance.now();
    return;
  }
  if (performance.now() - since < patienceMs) return;
  const [, parser = '', input = ''] = /^(.*?)\n([^]*)$/u.exec(textOf(state[1] ?? 0)) ?? [];
  const finding = { parser, why: `it had not come back after ${patienceMs} ms`, input };
  writeSync(1, `FOUND ${JSON.stringify(finding)}\n0 passed, 1 failed\n`);
  process.kill(process.pid, 'SIGKILL');
}, patienceMs / 10);

const textOf = (bytes: number): string => Buffer.from(text.slice(0, bytes)).toString('utf16le');
