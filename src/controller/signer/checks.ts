// The list of checks, in the order in which a reader would ask. Each says yes, no with a reason, or "not now".
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import { entryOf } from '../../catalogue/table.ts';
import { apiGroup } from '../../kube/types.ts';
import { equalBytes } from '../../pki/der.ts';
import { renewalBytes, verifyRenewal } from '../../pki/request.ts';
import { isSignedBy } from '../../pki/verify.ts';
import { mayIssue, type Identity } from '../../policy/identity.ts';
import { isSignable, wishesOf } from '../../policy/request-rules.ts';
import { labels } from '../labels.ts';
import { clockProblem } from '../skew.ts';
import { addressesOf, nameOf, namesOf, roleOf } from '../vault/nodes.ts';
import { signingCa, type SigningCa } from '../vault/vault.ts';
import type { Case } from './facts.ts';
import { isSelfSigned, namesStay } from './first-kubelet.ts';
import { requester } from './requester.ts';
import { extra, readRequest, requestedId, requestedRotation } from './requests.ts';

/** What a check has found out and the signer needs. */
export interface Found {
  readonly identity?: Identity;
  readonly ca?: SigningCa & { ok: true };
  /** The certificate that this key already has in this rotation: base64 as in status.certificate. */
  readonly already?: string;
}

export type Answer =
  | { readonly kind: 'yes'; readonly found?: Found }
  | { readonly kind: 'no'; readonly message: string }
  | { readonly kind: 'wait'; readonly message: string };

/** Name of the check that failed: the reason in the Denied condition and in the Event. */
export type DenialReason = (typeof checkNames)[number];

const checkNames = [
  'Requester',
  'WellFormed',
  'RotationRunning',
  'CertificateInRotation',
  'NodeMatches',
  'PodMatches',
  'Clock',
  'SignedOnce',
  'KeyAlgorithm',
  'ProofByOldKey',
  'CaMatches',
  'OldSignedByCa',
  'EndpointsKnown',
  'Identity',
] as const;

export interface Check {
  readonly name: DenialReason;
  readonly holds: (given: Case) => Answer;
}

const yes: Answer = { kind: 'yes' };
const no = (message: string): Answer => ({ kind: 'no', message });

/**
 * Only the agents' ServiceAccount may ask; its token alone carries the extras that say which Pod asks. Why this one may
 * not, or undefined.
 */
export function byAgent({ spec }: CertificateSigningRequest): string | undefined {
  return spec.username === requester
    ? undefined
    : `${spec.username ?? 'nobody'} may not ask this signer; only rotate Pods of this product may`;
}

/** The request reads, and its signature shows that the requester has the new key. */
const wellFormed: Check = {
  name: 'WellFormed',
  holds: ({ request, renewal, id, csr }) => {
    if (!request.ok) return no(`spec.request: ${request.why}`);
    if (!renewal.ok) return no(`annotation ${apiGroup}/renews: ${renewal.why}`);
    const wishes = wishesOf(request.value);
    if (wishes !== undefined) return no(`spec.request ${wishes}; every name comes from the old certificate`);
    if (id !== undefined) return yes;
    const asked = csr.metadata?.annotations?.[`${apiGroup}/certificate`] ?? '';
    return no(
      `annotation ${apiGroup}/certificate: "${asked.slice(0, 100)}" is no certificate of the catalogue`,
    );
  },
};

const rotationRunning: Check = {
  name: 'RotationRunning',
  holds: ({ csr, facts: { rotation } }) => {
    if (rotation === undefined) {
      return no(`there is no CertificateRotation "${(requestedRotation(csr) ?? '').slice(0, 253)}"`);
    }
    const phase = rotation.status?.phase ?? 'new';
    // The Pod may be quicker than the status of the rotation that it was made for.
    if (phase === 'Admitted') {
      return { kind: 'wait', message: `CertificateRotation ${rotation.metadata.name} is only Admitted` };
    }
    return phase === 'Running'
      ? yes
      : no(`CertificateRotation ${rotation.metadata.name} is ${phase}, not Running`);
  },
};

const inRotation: Check = {
  name: 'CertificateInRotation',
  holds: ({ id, facts: { rotation } }) =>
    id !== undefined && rotation?.spec.certificates.includes(id) === true
      ? yes
      : no(`CertificateRotation ${rotation?.metadata.name ?? ''} is not for ${id ?? 'it'}`),
};

/** The Node is still the one that the rotation was made for, and the extras name it (≥ 1.30). */
const nodeMatches: Check = {
  name: 'NodeMatches',
  holds: ({ node, csr, facts }) => {
    const { nodeName = '', nodeUID = '' } = facts.rotation?.spec ?? {};
    if (node === undefined) return no(`there is no node ${nodeName}`);
    if (node.metadata?.uid !== nodeUID) return no(`node ${nodeName} was replaced: its UID is not ${nodeUID}`);
    const name = extra(csr, 'node-name');
    const uid = extra(csr, 'node-uid');
    if (name === undefined && uid === undefined && !facts.nodeInExtras) return yes;
    return name === nodeName && uid === nodeUID
      ? yes
      : no(
          `the request comes from node ${name ?? '(none)'} (${uid ?? 'no UID'}), not from ${nodeName} (${nodeUID})`,
        );
  },
};

/** The Pod that asks is the one that the controller made for this rotation, on this node, and it still lives. */
const podMatches: Check = {
  name: 'PodMatches',
  holds: ({ csr, facts: { pod, rotation } }) => {
    const name = extra(csr, 'pod-name') ?? '';
    const uid = extra(csr, 'pod-uid') ?? '';
    const { metadata, spec } = pod ?? {};
    if (name === '' || uid === '') return no('the requester’s token is not bound to a Pod');
    if (metadata?.name !== name || metadata.uid !== uid) return no(`there is no Pod ${name} with UID ${uid}`);
    if (metadata.deletionTimestamp !== undefined) return no(`Pod ${name} is being deleted`);
    const kind = metadata.labels?.[labels.kind];
    const madeFor = metadata.labels?.[labels.rotation];
    if (kind !== 'rotate' || madeFor !== rotation?.metadata.uid) {
      return no(`Pod ${name} was not made for CertificateRotation ${rotation?.metadata.name ?? ''}`);
    }
    const { nodeName } = rotation?.spec ?? {};
    return spec?.nodeName === nodeName
      ? yes
      : no(`Pod ${name} runs on node ${spec?.nodeName ?? ''}, not ${nodeName}`);
  },
};

const clock: Check = {
  name: 'Clock',
  holds: ({ facts: { skew, configuration } }) => {
    if (skew === undefined)
      return { kind: 'wait', message: 'the clock has not been compared with the API server’s' };
    const problem = clockProblem(skew, configuration.clockSkewLimit);
    // No denial, which is for good: the clock is put right, and the request is as good as before.
    return problem === undefined ? yes : { kind: 'wait', message: `${problem}; correct them` };
  },
};

/**
 * A key gets one certificate in one rotation. Who asks again (the container was restarted before it read its answer)
 * gets the same bytes, not a second signature. Never denies: whether it may have them, the other checks say.
 */
const signedOnce: Check = {
  name: 'SignedOnce',
  holds: ({ csr, request, id, facts }) => {
    const twin = facts.signed.find((other) => {
      if (other.metadata?.uid === csr.metadata?.uid || requestedId(other) !== id) return false;
      if (requestedRotation(other) !== facts.rotation?.metadata.name) return false;
      const read = readRequest(other);
      return read.ok && request.ok && equalBytes(read.value.spki, request.value.spki);
    });
    const already = twin?.status?.certificate;
    return already === undefined ? yes : { kind: 'yes', found: { already } };
  },
};

/** As an agent does where new keys could not be put in place safely. */
const keptKey =
  'the key is said to be known to others, and the node has kept it: a new one is put in place only where cert-renew is ' +
  'laid down (stageTool: all) and systemd runs the node, and for no key that serves two certificates; else make key and ' +
  'certificate by hand';

const keyAlgorithm: Check = {
  name: 'KeyAlgorithm',
  holds: ({ request, renewal, facts: { rotation } }) => {
    if (!request.ok || !renewal.ok) return no('the request cannot be read');
    const { keyAlgorithm, spki } = request.value;
    const old = renewal.value?.old;
    if (!isSignable(keyAlgorithm, old?.keyAlgorithm))
      return no(`a key of kind ${keyAlgorithm} is not signed`);
    const compromised =
      rotation?.spec.reason === 'Compromised' && old !== undefined && equalBytes(old.spki, spki);
    return compromised ? no(keptKey) : yes;
  },
};

/** R4: the owner of the old key asks, for this rotation, this id and this new key. */
const proofByOldKey: Check = {
  name: 'ProofByOldKey',
  holds: ({ renewal, request, id, facts }) => {
    if (!renewal.ok || !request.ok) return no('the request cannot be read');
    if (renewal.value === undefined) {
      if (id !== 'kubelet.crt') return no(`${id ?? 'it'} is only renewed with a proof by its old key`);
      if (facts.configuration.kubelet.serving !== 'manage') return no('kubelet.serving is "leave"');
      return isSelfSigned(facts.inventory, facts.rotation?.spec.nodeUID ?? '');
    }
    const { old, signature } = renewal.value;
    const uid = facts.rotation?.metadata.uid ?? '';
    if (
      uid !== '' &&
      id !== undefined &&
      verifyRenewal(old, renewalBytes(uid, id, request.value.spki), signature)
    ) {
      return yes;
    }
    return no(
      'the signature in annotation renews was not made by the old key for this rotation and this new key',
    );
  },
};

const caMatches: Check = {
  name: 'CaMatches',
  holds: ({ id, facts }) => {
    if (id === undefined) return no('no certificate is named');
    const ca = signingCa(facts.vault, entryOf(id).ca, facts.now);
    if (ca.ok) return { kind: 'yes', found: { ca } };
    return ca.gate === 'CaMismatch' ? no(ca.message) : { kind: 'wait', message: ca.message };
  },
};

const oldSignedByCa: Check = {
  name: 'OldSignedByCa',
  holds: ({ id, renewal, facts }) => {
    if (id === undefined || !renewal.ok) return no('the request cannot be read');
    const ca = signingCa(facts.vault, entryOf(id).ca, facts.now);
    if (!ca.ok) return { kind: 'wait', message: ca.message };
    if (renewal.value === undefined || isSignedBy(renewal.value.old, ca.certificate)) return yes;
    return no(
      `the old certificate (${renewal.value.old.subject.text}) was not signed by CA ${entryOf(id).ca} of this cluster`,
    );
  },
};

/** R5 compares names with all that must not be named; as long as some of that is not known, none of them is fine. */
const endpointsKnown: Check = {
  name: 'EndpointsKnown',
  holds: ({ id, facts: { unknownEndpoints } }) =>
    id !== 'kubelet.crt' || unknownEndpoints.length === 0
      ? yes
      : { kind: 'wait', message: `names cannot be compared now: ${unknownEndpoints.join('; ')}` },
};

const identity: Check = {
  name: 'Identity',
  holds: ({ id, node, renewal, facts }) => {
    if (id === undefined || node === undefined || !renewal.ok) return no('the request cannot be read');
    const answer = mayIssue({
      id,
      role: roleOf(node),
      node: namesOf(node),
      otherNodes: facts.nodes
        .filter((other) => nameOf(other) !== nameOf(node))
        .map((other) => ({ ...namesOf(other), role: roleOf(other) })),
      endpoints: facts.endpoints,
      old: renewal.value?.old,
      apiserverSans: facts.apiserverSans,
      machineAddresses: [...addressesOf(node, 'InternalIP'), ...addressesOf(node, 'ExternalIP')],
    });
    if (!answer.ok) return no(`${answer.reason}: ${answer.message}`);
    const stay = namesStay(facts.inventory, node.metadata?.uid ?? '', answer.identity);
    return stay.kind === 'yes' ? { kind: 'yes', found: { identity: answer.identity } } : stay;
  },
};

/** After `byAgent`, which comes before anything is read. */
export const checks: readonly Check[] = [
  wellFormed,
  rotationRunning,
  inRotation,
  nodeMatches,
  podMatches,
  clock,
  signedOnce,
  keyAlgorithm,
  proofByOldKey,
  caMatches,
  oldSignedByCa,
  endpointsKnown,
  identity,
];
