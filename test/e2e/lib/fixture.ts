// The beds of the cases, one a lane (run.ts). Each case starts from a saved state and leaves the bed as it likes. BED_TWO
// and BED_FOUR give other names, up to 5 letters, so that two runs can stand side by side on one machine.
import process from 'node:process';
import { openBed, type Bed } from './bed.ts';

/** Vitest counts its workers from 1, and gives the number of one that has ended to the next. */
const ownLane = (): number => Number(process.env['VITEST_POOL_ID'] ?? 1);

/** Whether the cases of a folder run on 3 + 1: `four`, `soak-four`. */
export const isOfFour = (folder = ''): boolean => folder.endsWith('four');

export const bedOf = (folder: string | undefined, lane: number): Bed =>
  isOfFour(folder) ? bedOfFour(lane) : bedOfTwo(lane);

/**
 * One control plane in kubeadm's layout, one worker in ACP's. The worker's kubelet leaves its client certificate alone
 * (rotateCertificates off), the control plane's renews its own: both kinds are met. Saved as `base` (fresh, images loaded)
 * and `due` (20 days left everywhere).
 */
export function bedOfTwo(lane = ownLane()): Bed {
  return openBed(`${process.env['BED_TWO'] ?? 'two'}${lane}`, {
    controlPlanes: 1,
    workers: 1,
    env: { ROTATE_CLIENT_w1: 'false' },
  });
}

/** Three control planes behind a load balancer that asks /readyz, with R22's delay, and WORKERS workers, else one. */
export function bedOfFour(lane = ownLane()): Bed {
  return openBed(`${process.env['BED_FOUR'] ?? 'four'}${lane}`, {
    controlPlanes: 3,
    workers: Number(process.env['WORKERS'] ?? 1),
    env: { APISERVER_ARGS: 'shutdown-delay-duration=10s', ROTATE_CLIENT: 'false' },
  });
}
