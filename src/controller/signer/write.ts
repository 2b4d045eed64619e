// How a verdict gets onto a request. Every write carries the resourceVersion that was judged.
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from 'kubernetes-types/certificates/v1.js';
import type { KubeClient, Written } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import type { Judgement } from './judge.ts';
import { hasCondition } from './requests.ts';
import { rfc3339 } from '../../pki/time.ts';

/** What became of one request. `error`: the API or the issuing failed; it is tried again. */
export interface Handled {
  readonly name: string;
  readonly outcome: 'signed' | 'denied' | 'waits' | 'error' | 'removed';
  readonly message: string;
}

export interface Carried {
  readonly outcome: Handled['outcome'];
  readonly message: string;
  readonly signed?: CertificateSigningRequest;
}

export async function deny(
  csr: CertificateSigningRequest,
  { reason, message }: Judgement & { verdict: 'deny' },
  { client, now }: { readonly client: KubeClient; readonly now: Date },
): Promise<Carried> {
  // A request that somebody has approved cannot be denied any more; it fails, and nothing is signed either way.
  const approved = hasCondition(csr, 'Approved');
  const marked = withCondition(csr, approved ? 'Failed' : 'Denied', reason, message, now);
  const written = await client.replace(
    resources.certificateSigningRequests,
    marked,
    approved ? 'status' : 'approval',
  );
  return outcome(written, 'denied', `${reason}: ${message}`);
}

export function outcome(written: Written<unknown>, done: 'signed' | 'denied', message: string): Carried {
  return written.ok ? { outcome: done, message } : { outcome: 'waits', message: written.message };
}

export function withCondition(
  csr: CertificateSigningRequest,
  type: 'Approved' | 'Denied' | 'Failed',
  reason: string,
  message: string,
  now: Date,
): CertificateSigningRequest {
  const time = rfc3339(now);
  const condition: CertificateSigningRequestCondition = {
    type,
    status: 'True',
    reason,
    message: message.slice(0, 1000),
    lastUpdateTime: time,
    lastTransitionTime: time,
  };
  return { ...csr, status: { ...csr.status, conditions: [...(csr.status?.conditions ?? []), condition] } };
}
