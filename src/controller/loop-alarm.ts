// What makes the loop turn: changes that come in, however many, make one pass; without any the tick does.
export class Alarm {
  #rung = false;
  #wake: (() => void) | undefined;

  readonly ring = (): void => {
    this.#rung = true;
    this.#wake?.();
  };

  /** Returns when it rings (or has rung since the last time), after `most` milliseconds, or when `signal` aborts. */
  async next(most: number, signal: AbortSignal): Promise<void> {
    if (!this.#rung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const end = (): void => {
          clearTimeout(timer);
          // The signal lives as long as a term: a listener left behind with every turn would pile up for weeks.
          signal.removeEventListener('abort', end);
          resolve();
        };
        const timer = setTimeout(end, most);
        this.#wake = end;
        signal.addEventListener('abort', end, { once: true });
      });
      this.#wake = undefined;
    }
    this.#rung = false;
  }
}
