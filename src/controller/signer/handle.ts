// Approves, signs and denies the requests of our signer. Every write carries the resourceVersion that was judged, so
// two leaders cannot both sign; what is half done is finished by the next call.
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from 'kubernetes-types/certificates/v1.js';
import type { Node } from 'kubernetes-types/core/v1.js';
import { CertError, describeError } from '../../errors.ts';
import type { KubeClient, Written } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import { privateNamespace, signerName, terminalPhases, type CertificateRotation } from '../../kube/types.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { pem } from '../../pki/pem.ts';
import type { Configuration } from '../configuration.ts';
import type { Vault } from '../vault/vault.ts';
import type { NewEvent } from '../world.ts';
import type { GatheredEndpoints } from './endpoints.ts';
import { requester, type SigningFacts } from './facts.ts';
import { issue } from './issue.ts';
import { judge, type Judgement } from './judge.ts';
import { extra, hasCondition, isFinished, requestedRotation } from './requests.ts';

export interface SigningRound {
  readonly client: KubeClient;
  readonly now: Date;
  /** All requests that exist, of any signer. */
  readonly requests: readonly CertificateSigningRequest[];
  readonly rotations: readonly CertificateRotation[];
  readonly nodes: readonly Node[];
  readonly vault: Vault;
  readonly configuration: Configuration;
  readonly skew: number | undefined;
  readonly nodeInExtras: boolean;
  /** Asked for once a round, and only when there is something to judge. */
  readonly endpoints: () => Promise<GatheredEndpoints>;
}

/** What became of one request. `error`: the API or the issuing failed; it is tried again. */
export interface Handled {
  readonly name: string;
  readonly outcome: 'signed' | 'denied' | 'waits' | 'error' | 'removed';
  readonly message: string;
}

export interface RoundResult {
  readonly handled: readonly Handled[];
  readonly events: readonly NewEvent[];
}

/** One round over all requests. One that goes wrong never stops the others. */
export async function handleRequests(round: SigningRound): Promise<RoundResult> {
  const handled: Handled[] = [];
  const events: NewEvent[] = [];
  let endpoints: GatheredEndpoints | undefined;
  const signed = ours(round.requests).filter(({ status }) => Boolean(status?.certificate));

  // One after the other: what was signed a moment ago counts for the next one.
  for (const csr of ours(round.requests).filter((one) => !isFinished(one))) {
    const name = csr.metadata?.name ?? '';
    try {
      endpoints ??= await round.endpoints();
      const judgement = judge(csr, await factsFor(csr, round, signed, endpoints));
      const result = await carryOut(csr, judgement, round);
      if (result.signed !== undefined) signed.push(result.signed);
      handled.push({ name, outcome: result.outcome, message: result.message });
      events.push(...eventsOf(csr, judgement, result.outcome, round));
    } catch (error) {
      if (error instanceof CertError && error.code === 'Aborted') throw error;
      handled.push({ name, outcome: 'error', message: describeError(error) });
    }
  }
  handled.push(...(await removeLeftovers(round)));
  return { handled, events };
}

function ours(requests: readonly CertificateSigningRequest[]): readonly CertificateSigningRequest[] {
  return requests.filter(({ spec }) => spec.signerName === signerName);
}

async function factsFor(
  csr: CertificateSigningRequest,
  round: SigningRound,
  signed: readonly CertificateSigningRequest[],
  { endpoints, apiserverSans }: GatheredEndpoints,
): Promise<SigningFacts> {
  const podName = extra(csr, 'pod-name');
  const isAgent = csr.spec.username === requester;
  const pod =
    isAgent && podName !== undefined
      ? await round.client.get(resources.pods, { name: podName, namespace: privateNamespace })
      : undefined;
  const rotationName = requestedRotation(csr);
  // Read freshly: a cache may still show the phase before Running, and a denial is final.
  const rotation =
    isAgent && rotationName !== undefined
      ? await round.client.get(resources.certificateRotations, { name: rotationName })
      : undefined;
  return {
    ...round,
    rotation,
    pod,
    signed,
    endpoints,
    apiserverSans: apiserverSans.get(rotation?.spec.nodeName ?? '') ?? [],
  };
}

interface Carried {
  readonly outcome: Handled['outcome'];
  readonly message: string;
  readonly signed?: CertificateSigningRequest;
}

async function carryOut(
  csr: CertificateSigningRequest,
  judgement: Judgement,
  round: SigningRound,
): Promise<Carried> {
  if (judgement.verdict === 'wait') return { outcome: 'waits', message: judgement.message };
  if (judgement.verdict === 'deny') return deny(csr, judgement, round);
  return sign(csr, judgement, round);
}

async function deny(
  csr: CertificateSigningRequest,
  { reason, message }: Judgement & { verdict: 'deny' },
  { client, now }: SigningRound,
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

async function sign(
  csr: CertificateSigningRequest,
  judgement: Judgement & { verdict: 'sign' },
  { client, now, configuration }: SigningRound,
): Promise<Carried> {
  const { id, rotation, already } = judgement;
  // Issued first: what cannot be issued is not approved either.
  const certificate = already === undefined ? issue(judgement, configuration, now) : undefined;
  const message = `${id} for CertificateRotation ${rotation.metadata.name}`;
  const approval = hasCondition(csr, 'Approved')
    ? ({ ok: true, object: csr } as const)
    : await client.replace(
        resources.certificateSigningRequests,
        withCondition(csr, 'Approved', 'AllChecksHold', message, now),
        'approval',
      );
  if (!approval.ok) return outcome(approval, 'signed', message);
  const text = certificate === undefined ? already : base64Pem(certificate);
  const object = { ...approval.object, status: { ...approval.object.status, certificate: text ?? '' } };
  const written = await client.replace(resources.certificateSigningRequests, object, 'status');
  const span =
    certificate === undefined
      ? 'the same as before'
      : `serial ${certificate.serial}, until ${certificate.notAfter.toISOString()}`;
  return { ...outcome(written, 'signed', `${message}: ${span}`), ...(written.ok ? { signed: object } : {}) };
}

function base64Pem(certificate: Certificate): string {
  return Buffer.from(pem('CERTIFICATE', certificate.der)).toString('base64');
}

function outcome(written: Written<unknown>, done: 'signed' | 'denied', message: string): Carried {
  return written.ok ? { outcome: done, message } : { outcome: 'waits', message: written.message };
}

function withCondition(
  csr: CertificateSigningRequest,
  type: 'Approved' | 'Denied' | 'Failed',
  reason: string,
  message: string,
  now: Date,
): CertificateSigningRequest {
  const time = now.toISOString().replace(/\.\d+Z$/u, 'Z');
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

function eventsOf(
  csr: CertificateSigningRequest,
  judgement: Judgement,
  outcome: Handled['outcome'],
  { rotations }: SigningRound,
): readonly NewEvent[] {
  const rotation = rotationOf(csr, rotations);
  if (rotation === undefined || outcome !== 'denied' || judgement.verdict !== 'deny') return [];
  const about = {
    kind: 'CertificateRotation',
    name: rotation.metadata.name,
    uid: rotation.metadata.uid ?? '',
  } as const;
  const message = `request ${csr.metadata?.name ?? ''} was denied: ${judgement.reason}: ${judgement.message}`;
  return [{ about, type: 'Warning', reason: 'SigningRefused', message }];
}

function rotationOf(
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
    if (csr.spec.username !== requester || !isFinished(csr)) return false;
    const phase = rotationOf(csr, rotations)?.status?.phase;
    return phase === undefined ? Boolean(csr.status?.certificate) : terminalPhases.has(phase);
  });
}

async function removeLeftovers({ client, requests, rotations }: SigningRound): Promise<Handled[]> {
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
