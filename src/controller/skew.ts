// How far our own clock and the API server's are apart (B10). The API server's Date header has whole seconds and was
// written somewhere between sending and receiving: only what lies outside of that is a difference.
import type { ClockSample } from '../kube/connection.ts';

/** Milliseconds by which the server's clock is ahead of ours (negative: behind), as far as one answer can prove it. */
export function skewOf(sample: ClockSample): number {
  const earliest = sample.server.getTime();
  const latest = earliest + 999;
  if (latest < sample.sent) return latest - sample.sent;
  if (earliest > sample.received) return earliest - sample.received;
  return 0;
}

/**
 * Why nothing is signed by our clock; undefined: it is near enough. Not by how much it is off: that changes with every
 * answer, and whatever waits for the clock would be written, or told, anew.
 */
export function clockProblem(skew: number, limit: number): string | undefined {
  if (Math.abs(skew) <= limit) return undefined;
  return `the clocks of controller and API server differ by more than ${Math.round(limit / 1000)} s`;
}

/** Keeps the skew of the newest answer. Several API servers behind one address: the worst of the last few counts. */
export class ClockWatch {
  readonly #last: number[] = [];
  readonly #remembered = 20;

  note(sample: ClockSample): void {
    this.#last.push(skewOf(sample));
    if (this.#last.length > this.#remembered) this.#last.shift();
  }

  /** Milliseconds; undefined before the first answer. */
  worst(): number | undefined {
    return this.#last.toSorted((a, b) => Math.abs(b) - Math.abs(a))[0];
  }
}
