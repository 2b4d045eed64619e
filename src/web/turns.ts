// So many at once, the others one after another: each client that takes its time holds megabytes of the kernel's buffers.
import { CertError } from '../errors.ts';

export class Turns {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Waits for a turn; it must be given back once. Errors: Aborted when `signal` comes first. */
  async take(signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) throw aborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait(signal);
    return () => this.#giveBack();
  }

  async #wait(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const begin = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.delete(begin);
        reject(aborted());
      };
      this.#waiting.add(begin);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #giveBack(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

function aborted(): CertError {
  return new CertError('Aborted', 'its turn did not come in time');
}
