// May this request be signed? A named list of checks, all of which must hold (R4–R7, R11). Pure.
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import type { CertificateId } from '../../catalogue/ids.ts';
import { signerName, type CertificateRotation } from '../../kube/types.ts';
import type { Identity } from '../../policy/identity.ts';
import type { SigningCa } from '../vault/vault.ts';
import { byAgent, checks, type DenialReason, type Found } from './checks.ts';
import type { Case, SigningFacts } from './facts.ts';
import { readRenewal, readRequest, requestedId } from './requests.ts';

export type Judgement =
  | {
      readonly verdict: 'sign';
      readonly id: CertificateId;
      readonly rotation: CertificateRotation;
      readonly identity: Identity;
      readonly ca: SigningCa & { ok: true };
      /** SubjectPublicKeyInfo of the new key, DER. */
      readonly spki: Uint8Array;
      /** The certificate that this key already has in this rotation, base64 of PEM: given again, not signed again. */
      readonly already?: string;
    }
  | { readonly verdict: 'deny'; readonly reason: DenialReason; readonly message: string }
  /** Cannot be said now: the request stays and is judged again. */
  | { readonly verdict: 'wait'; readonly message: string };

/** Judges one request for our signer. The first check that fails decides. */
export function judge(csr: CertificateSigningRequest, facts: SigningFacts): Judgement {
  if (csr.spec.signerName !== signerName) return { verdict: 'wait', message: 'it is for another signer' };
  // Anybody who may make requests can name our signer: of a stranger's, not a byte is read.
  const stranger = byAgent(csr);
  if (stranger !== undefined) return { verdict: 'deny', reason: 'Requester', message: stranger };
  const { rotation } = facts;
  const given: Case = {
    csr,
    facts,
    id: requestedId(csr),
    node: facts.nodes.find(({ metadata }) => metadata?.name === rotation?.spec.nodeName),
    request: readRequest(csr),
    renewal: readRenewal(csr),
  };
  let passed: Found = {};
  for (const check of checks) {
    const answer = check.holds(given);
    if (answer.kind === 'no') return { verdict: 'deny', reason: check.name, message: answer.message };
    if (answer.kind === 'wait') return { verdict: 'wait', message: answer.message };
    passed = { ...passed, ...answer.found };
  }
  const { identity, ca, already } = passed;
  const { id, request } = given;
  // The list has checked all of them; only the compiler does not know.
  if (
    id === undefined ||
    rotation === undefined ||
    !request.ok ||
    identity === undefined ||
    ca === undefined
  ) {
    return { verdict: 'deny', reason: 'WellFormed', message: 'the request is not complete' };
  }
  const spki = request.value.spki;
  return { verdict: 'sign', id, rotation, identity, ca, spki, ...(already === undefined ? {} : { already }) };
}
