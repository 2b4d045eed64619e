// Whether a CA may be used (R11): the key fits the certificate, it is a CA that verifiers accept, it is what the
// cluster itself trusts now, and it is the one that was accepted before, unless a person says otherwise. Pure.
import type { KeyObject } from 'node:crypto';
import type { CaId } from '../../catalogue/ids.ts';
import { describeError } from '../../errors.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { keyFits } from '../../pki/keys.ts';
import { checkCa, isSignedBy } from '../../pki/verify.ts';
import type { Anchors } from './anchors.ts';

export const refusals = {
  KeyMismatch: 'no certificate in the file of the CA belongs to its key',
  UnusableCa: 'not a CA that current verifiers accept',
  CaExpired: 'the CA has expired or is not valid yet',
  NotTrusted: 'the cluster does not trust this CA now',
  NotComparable: 'what the cluster trusts cannot be read now',
  DifferentCa: 'another CA than the recorded one; a person must accept it',
} as const;
export type CaRefusal = keyof typeof refusals;

export type Verdict =
  | { readonly ok: true; readonly certificate: Certificate }
  | { readonly ok: false; readonly reason: CaRefusal; readonly message: string };

export interface Candidate {
  readonly id: CaId;
  /** Every certificate of the CA's file: after a CA was replaced it may hold the old one too. */
  readonly certificates: readonly Certificate[];
  readonly key: KeyObject;
}

/**
 * Judges a captured CA. `recorded`: fingerprint accepted before; `accepted`: fingerprints that a person named by an
 * annotation of the Secret in `publicNamespace`.
 */
export function accept(
  candidate: Candidate,
  anchors: Anchors,
  before: {
    readonly recorded: string | undefined;
    readonly accepted: readonly string[];
    readonly publicNamespace: string;
  },
  now: Date,
): Verdict {
  const { id } = candidate;
  const certificate = candidate.certificates.find((one) => keyFits(one, candidate.key));
  if (certificate === undefined) {
    return refuse('KeyMismatch', `the key of CA ${id} belongs to none of the certificates beside it`);
  }
  const unusable = usable(id, certificate, now) ?? trusted(id, certificate, anchors);
  if (unusable !== undefined) return unusable;
  const { recorded, accepted } = before;
  if (recorded !== undefined && recorded !== certificate.sha256 && !accepted.includes(certificate.sha256)) {
    return refuse(
      'DifferentCa',
      `CA ${id} is now ${certificate.sha256} and was ${recorded}; ${advice(certificate, before.publicNamespace)}`,
    );
  }
  return { ok: true, certificate };
}

function advice({ sha256 }: Certificate, namespace: string): string {
  const annotate = `kubectl -n ${namespace} annotate secret kubernetes-ca certrotator.cpaas.io/accept-ca=${sha256}`;
  return `if that was meant, accept it: ${annotate} (where the Secret is gone, make an empty one)`;
}

/**
 * Whether the recorded fingerprint is of a CA that the cluster does not trust: capturing again will not help, since what
 * is captured is another one (R11). Says nothing for etcd, of whose CA no fingerprint can be asked.
 */
export function recordsForeign(
  id: CaId,
  recorded: string,
  anchors: Anchors,
  publicNamespace: string,
): string | undefined {
  const known = { kubernetes: anchors.kubernetes, 'front-proxy': anchors.frontProxy, etcd: [] }[id];
  const [first] = known;
  if (recorded === '' || first === undefined || known.some(({ sha256 }) => sha256 === recorded))
    return undefined;
  return `it records CA ${recorded}, and the cluster trusts ${first.sha256}; ${advice(first, publicNamespace)}`;
}

/** Undefined when the certificate may sign now. */
export function usable(id: CaId, certificate: Certificate, now: Date): (Verdict & { ok: false }) | undefined {
  try {
    checkCa(certificate);
  } catch (error) {
    return refuse('UnusableCa', `CA ${id}: ${describeError(error)}`);
  }
  if (now < certificate.notBefore || now >= certificate.notAfter) {
    const span = `${certificate.notBefore.toISOString()} to ${certificate.notAfter.toISOString()}`;
    return refuse('CaExpired', `CA ${id} is valid from ${span}, not now; nothing can be signed with it`);
  }
  return undefined;
}

/** Undefined when the cluster trusts this very certificate now. */
export function trusted(
  id: CaId,
  certificate: Certificate,
  anchors: Anchors,
): (Verdict & { ok: false }) | undefined {
  if (id === 'etcd') return issuerOfEtcd(certificate, anchors);
  if (id === 'kubernetes') {
    return among(id, certificate, anchors.kubernetes, 'ConfigMap kube-system/kube-root-ca.crt');
  }
  const where = 'requestheader-client-ca-file of ConfigMap kube-system/extension-apiserver-authentication';
  return among(id, certificate, anchors.frontProxy, where);
}

function among(
  id: CaId,
  { sha256 }: Certificate,
  known: readonly Certificate[],
  where: string,
): (Verdict & { ok: false }) | undefined {
  if (known.length === 0) return refuse('NotComparable', `CA ${id}: ${where} names no CA`);
  if (known.some((one) => one.sha256 === sha256)) return undefined;
  const trust = known.map((one) => one.sha256).join(', ');
  return refuse('NotTrusted', `CA ${id} is ${sha256}, but ${where} trusts ${trust}`);
}

/** The issuer of what every etcd serves that answers, of two at least where there are two control planes. */
function issuerOfEtcd(ca: Certificate, { etcd }: Anchors): (Verdict & { ok: false }) | undefined {
  const answers = etcd.flatMap(({ node, leaf }) => (leaf === undefined ? [] : [{ node, leaf }]));
  const foreign = answers.filter(({ leaf }) => !isSignedBy(leaf, ca));
  if (foreign.length > 0) {
    const nodes = foreign.map(({ node }) => node).join(', ');
    return refuse('NotTrusted', `CA etcd is ${ca.sha256}, but did not sign what etcd serves on ${nodes}`);
  }
  const needed = Math.min(2, etcd.length);
  if (answers.length > 0 && answers.length >= needed) return undefined;
  const silent = etcd.map(({ node, problem }) => `${node}: ${problem ?? 'answers'}`).join('; ');
  return refuse(
    'NotComparable',
    `CA etcd: ${needed || 1} etcd must show certificates, ${answers.length} did (${silent || 'no control plane'})`,
  );
}

function refuse(reason: CaRefusal, message: string): Verdict & { ok: false } {
  return { ok: false, reason, message };
}
