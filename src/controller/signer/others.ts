// Requests that are not judged: those of strangers, and those whose rotation is over.
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import { CertError, describeError } from '../../errors.ts';
import type { KubeClient } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import { signerName, terminalPhases, type CertificateRotation } from '../../kube/types.ts';
import { byAgent } from './checks.ts';
import { isFinished, requestedRotation } from './requests.ts';
import { deny, type Handled } from './write.ts';

interface Round {
  readonly client: KubeClient;
  readonly now: Date;
  readonly requests: readonly CertificateSigningRequest[];
  readonly rotations: readonly CertificateRotation[];
}

export function ours(requests: readonly CertificateSigningRequest[]): readonly CertificateSigningRequest[] {
  return requests.filter(({ spec }) => spec.signerName === signerName);
}

export function isByAgent(csr: CertificateSigningRequest): boolean {
  return byAgent(csr) === undefined;
}

/** So many are denied in one round: agents that wait must not wait for all that a stranger can make. */
const mostDenials = 50;

/**
 * Denies what others ask of our signer, one write each: no Event, one line of the log for all. Every kubelet may make
 * requests, as many as it likes; Kubernetes collects denied ones after an hour.
 */
export async function denyStrangers({ client, now, requests }: Round): Promise<readonly Handled[]> {
  const strangers = ours(requests).filter((csr) => !isByAgent(csr) && !isFinished(csr));
  let denied = 0;
  let failed: string | undefined;
  for (const csr of strangers.slice(0, mostDenials)) {
    try {
      const message = byAgent(csr) ?? '';
      const { outcome } = await deny(csr, { verdict: 'deny', reason: 'Requester', message }, { client, now });
      if (outcome === 'denied') denied += 1;
    } catch (error) {
      if (error instanceof CertError && error.code === 'Aborted') throw error;
      failed ??= describeError(error);
    }
  }
  const [first] = strangers;
  if (first === undefined) return [];
  const name = first.metadata?.name ?? '';
  const message = `Requester: ${denied} of ${strangers.length} requests of others, the first by ${first.spec.username ?? 'nobody'}`;
  return failed === undefined
    ? [{ name, outcome: 'denied', message }]
    : [{ name, outcome: 'error', message: `${message}: ${failed}` }];
}

export function rotationOf(
  csr: CertificateSigningRequest,
  rotations: readonly CertificateRotation[],
): CertificateRotation | undefined {
  return rotations.find(({ metadata }) => metadata.name === requestedRotation(csr));
}

/**
 * The agents' requests whose rotation has ended or is gone: they are removed with it. What was made by hand, or by an
 * agent for a rotation that never was, stays with its Denied condition until Kubernetes itself collects it after an hour:
 * nothing else would tell of it.
 */
export function leftovers(
  requests: readonly CertificateSigningRequest[],
  rotations: readonly CertificateRotation[],
): readonly CertificateSigningRequest[] {
  return ours(requests).filter((csr) => {
    if (!isByAgent(csr) || !isFinished(csr)) return false;
    const phase = rotationOf(csr, rotations)?.status?.phase;
    return phase === undefined ? Boolean(csr.status?.certificate) : terminalPhases.has(phase);
  });
}

export async function removeLeftovers({ client, requests, rotations }: Round): Promise<Handled[]> {
  const removed: Handled[] = [];
  for (const { metadata } of leftovers(requests, rotations)) {
    const name = metadata?.name ?? '';
    try {
      const ref = { name };
      const written = await client.delete(resources.certificateSigningRequests, ref, {
        uid: metadata?.uid ?? '',
      });
      if (written.ok) removed.push({ name, outcome: 'removed', message: 'its rotation has ended' });
    } catch (error) {
      if (error instanceof CertError && error.code === 'Aborted') throw error;
      removed.push({ name, outcome: 'error', message: describeError(error) });
    }
  }
  return removed;
}
