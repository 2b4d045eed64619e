// Vitest's global setup of every run on beds. Nothing is made here: each lane makes its own bed when a case comes to it.
import process from 'node:process';
import { bedOf, isOfFour } from './fixture.ts';

const variable = 'E2E_STARTED_AT';

/** Milliseconds since 1970: beds that were saved before are of another run. */
export const runStartedAt = (): number => Number(process.env[variable] ?? 0);

export function setup(): void {
  process.env[variable] = String(Date.now());
}

/** KEEP_BEDS=1 leaves the beds, to look at what a case has made of them. */
export async function teardown(): Promise<void> {
  if (process.env['KEEP_BEDS'] !== undefined) return;
  for (let lane = 1; lane <= lanes(); lane++) await bedOf(process.env['E2E'], lane).down();
}

/** Beds side by side. A case waits far more than it computes: one of 1 + 1 used 54 CPU seconds of its 228. */
export const lanes = (): number => Number(process.env['E2E_LANES'] ?? (isOfFour(process.env['E2E']) ? 1 : 3));
