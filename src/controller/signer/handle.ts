// Approves, signs and denies the requests of our signer. Every write carries the resourceVersion that was judged, so
// two leaders cannot both sign; what is half done is finished by the next call.
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import type { ConfigMap, Node } from 'kubernetes-types/core/v1.js';
import { CertError, describeError } from '../../errors.ts';
import type { KubeClient, Written } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import { privateNamespace, type CertificateRotation } from '../../kube/types.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { pem } from '../../pki/pem.ts';
import type { Configuration } from '../configuration.ts';
import { inventoryName } from '../inventory-store.ts';
import type { Vault } from '../vault/vault.ts';
import type { NewEvent } from '../world.ts';
import type { GatheredEndpoints } from './endpoints.ts';
import type { SigningFacts } from './facts.ts';
import { withGiven } from './first-kubelet.ts';
import { issue } from './issue.ts';
import { judge, type Judgement } from './judge.ts';
import { extra, hasCondition, isFinished, requestedId, requestedRotation } from './requests.ts';
import { denyStrangers, isByAgent, ours, removeLeftovers, rotationOf } from './others.ts';
import { deny, outcome, withCondition, type Carried, type Handled } from './write.ts';

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
  readonly publicNamespace: string;
  /** Asked for once a round, and only when there is something to judge. */
  readonly endpoints: () => Promise<GatheredEndpoints>;
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
  const asked = ours(round.requests).filter(isByAgent);
  const signed = asked.filter(({ status }) => Boolean(status?.certificate));

  // One after the other: what was signed a moment ago counts for the next one.
  for (const csr of asked.filter((one) => !isFinished(one))) {
    const name = csr.metadata?.name ?? '';
    try {
      endpoints ??= await round.endpoints();
      const facts = await factsFor(csr, round, signed, endpoints);
      const judgement = judge(csr, facts);
      const result = await carryOut(csr, judgement, round, facts.inventory);
      if (result.signed !== undefined) signed.push(result.signed);
      handled.push({ name, outcome: result.outcome, message: result.message });
      events.push(...eventsOf(csr, judgement, result.outcome, round));
    } catch (error) {
      if (error instanceof CertError && error.code === 'Aborted') throw error;
      handled.push({ name, outcome: 'error', message: describeError(error) });
    }
  }
  handled.push(...(await denyStrangers(round)), ...(await removeLeftovers(round)));
  return { handled, events };
}

async function factsFor(
  csr: CertificateSigningRequest,
  round: SigningRound,
  signed: readonly CertificateSigningRequest[],
  { endpoints, apiserverSans, unknown }: GatheredEndpoints,
): Promise<SigningFacts> {
  const podName = extra(csr, 'pod-name');
  const pod =
    podName !== undefined
      ? await round.client.get(resources.pods, { name: podName, namespace: privateNamespace })
      : undefined;
  const rotationName = requestedRotation(csr);
  // Read freshly: a cache may still show the phase before Running, and a denial is final.
  const rotation =
    rotationName !== undefined
      ? await round.client.get(resources.certificateRotations, { name: rotationName })
      : undefined;
  const { nodeName = '' } = rotation?.spec ?? {};
  const inventory =
    nodeName !== '' && requestedId(csr) === 'kubelet.crt'
      ? await round.client.get(resources.configMaps, {
          name: inventoryName(nodeName),
          namespace: round.publicNamespace,
        })
      : undefined;
  return {
    ...round,
    rotation,
    pod,
    inventory,
    signed,
    endpoints,
    unknownEndpoints: unknown,
    apiserverSans: apiserverSans.get(nodeName) ?? [],
  };
}

async function carryOut(
  csr: CertificateSigningRequest,
  judgement: Judgement,
  round: SigningRound,
  inventory: ConfigMap | undefined,
): Promise<Carried> {
  if (judgement.verdict === 'wait') return { outcome: 'waits', message: judgement.message };
  if (judgement.verdict === 'deny') return deny(csr, judgement, round);
  const noted = await note(judgement, inventory, round);
  return noted.ok ? sign(csr, judgement, round) : outcome(noted, 'signed', '');
}

/** Writes down which names a kubelet.crt is about to have, before it has them. */
async function note(
  { id, rotation, identity }: Judgement & { verdict: 'sign' },
  inventory: ConfigMap | undefined,
  { client }: SigningRound,
): Promise<Written<unknown>> {
  const map = id === 'kubelet.crt' ? withGiven(inventory, rotation.spec.nodeUID, identity) : undefined;
  return map === undefined ? { ok: true, object: undefined } : client.replace(resources.configMaps, map);
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

function eventsOf(
  csr: CertificateSigningRequest,
  judgement: Judgement,
  outcome: Handled['outcome'],
  { rotations }: SigningRound,
): readonly NewEvent[] {
  if (judgement.verdict === 'sign') return outcome === 'signed' ? disputes(judgement) : [];
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

/** Who claims a name that the node keeps: either is wrong, and a person must look which. */
function disputes({ id, identity, rotation }: Judgement & { verdict: 'sign' }): readonly NewEvent[] {
  if (identity.from !== 'successor' || identity.disputed.length === 0) return [];
  const about = { kind: 'Node', name: rotation.spec.nodeName, uid: rotation.spec.nodeUID } as const;
  const message = `${id} keeps a name that somebody else claims: ${identity.disputed.join('; ')}`;
  return [{ about, type: 'Warning', reason: 'NameDisputed', message }];
}
