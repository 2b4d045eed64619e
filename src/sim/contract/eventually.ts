// What comes into force some time after it was written: the real server reads roles, kinds and policies from caches of its own.
import { setTimeout as pause } from 'node:timers/promises';

/** Asks until it holds, every 50 ms. Errors: it did not within so many seconds; `otherwise` says what that means. */
export async function eventually(
  holds: () => Promise<boolean>,
  { seconds, otherwise }: { readonly seconds: number; readonly otherwise: string },
): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(otherwise);
    await pause(50);
  }
}
