// The beds that the cases share. Each case starts from a saved state and leaves the bed as it likes. BED_TWO and BED_FOUR
// give other names, so that two runs can stand side by side on one machine.
import { openBed, type Bed } from './bed.ts';

/**
 * One control plane in kubeadm's layout, one worker in ACP's. The worker's kubelet leaves its client certificate alone
 * (rotateCertificates off), the control plane's renews its own: both kinds are met. Saved as `base` (fresh, images loaded),
 * `due` (20 days left everywhere) and, once the first case has run, `renewed`.
 */
export function bedOfTwo(): Bed {
  return openBed(process.env['BED_TWO'] ?? 'two', {
    controlPlanes: 1,
    workers: 1,
    env: { ROTATE_CLIENT_w1: 'false' },
  });
}

/** Three control planes behind a load balancer that asks /readyz, with R22's delay, and WORKERS workers, else one. */
export function bedOfFour(): Bed {
  return openBed(process.env['BED_FOUR'] ?? 'four', {
    controlPlanes: 3,
    workers: Number(process.env['WORKERS'] ?? 1),
    env: { APISERVER_ARGS: 'shutdown-delay-duration=10s', ROTATE_CLIENT: 'false' },
  });
}
