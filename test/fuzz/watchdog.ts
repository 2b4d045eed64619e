// A reader that never comes back hangs the thread that called it, and nobody learns from which input. So another thread
// looks on: what is being read lies in memory that both share.
import { Worker } from 'node:worker_threads';

const largest = 4 * 1024 * 1024;

export interface Watched {
  /** The number of the reading, 0 between two of them; how many bytes its text has. */
  readonly state: Int32Array;
  /** UTF-16: the reader's name, a line end, the input. */
  readonly text: Uint8Array;
  readonly patienceMs: number;
}

export class Watchdog {
  readonly #watched: Watched;
  #readings = 0;

  /** @param patienceMs by the clock: a thread waits for its turn on a busy machine */
  constructor(patienceMs: number) {
    const [state, text] = [new SharedArrayBuffer(8), new SharedArrayBuffer(largest)];
    this.#watched = { state: new Int32Array(state), text: new Uint8Array(text), patienceMs };
    const thread = new URL('./watchdog-thread.ts', import.meta.url);
    // Flags of its parent's own source (-e) would not fit it.
    new Worker(thread, { workerData: this.#watched, execArgv: [] }).unref();
  }

  /** The process ends, with this input named, when `read` does not. */
  watch(name: string, input: string, read: () => void): void {
    const { state, text } = this.#watched;
    state[1] = Buffer.from(text.buffer).write(`${name}\n${input}`, 'utf16le');
    Atomics.store(state, 0, (this.#readings += 1));
    try {
      read();
    } finally {
      Atomics.store(state, 0, 0);
    }
  }
}
