// The CAs that may sign, as one value: what Secret kubernetes-ca holds, opened, and what may be done with each.
// Private keys are KeyObjects in memory and sealed in the Secret, and nowhere else.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Secret } from 'kubernetes-types/core/v1.js';
import { caIds, type CaId } from '../../catalogue/ids.ts';
import type { KubeClient } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import { apiGroup } from '../../kube/types.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { keyFits } from '../../pki/keys.ts';
import { parseCertificate } from '../../pki/parse.ts';
import { readPem } from '../../pki/pem.ts';
import type { Gate } from '../../policy/reasons.ts';
import type { VaultStatus } from '../world.ts';
import { recordsForeign, trusted, usable } from './accept.ts';
import type { Anchors } from './anchors.ts';
import { readRecord, type Recorded } from './record.ts';
import { openEnvelope, type EnvelopeProblem, type KeyEncryptionKey } from './envelope.ts';

export const caSecretName = 'kubernetes-ca';

/** Annotations of Secret kubernetes-ca. */
export const vaultAnnotations = {
  clusterUID: `${apiGroup}/cluster-uid`,
  /** Fingerprint that was accepted: sha256 over DER, lower-case hex. */
  fingerprint: (id: CaId) => `${apiGroup}/ca-sha256.${id}`,
  /** Where it came from, or why there is none, in words. */
  source: (id: CaId) => `${apiGroup}/ca-source.${id}`,
  /** `true`: no node has the key, certificates of this CA are somebody else's business. */
  external: (id: CaId) => `${apiGroup}/ca-external.${id}`,
  /** By a person: fingerprints, separated by commas, that may take the place of recorded ones. */
  accept: `${apiGroup}/accept-ca`,
  /** By a person, any value: capture again now. */
  harvest: `${apiGroup}/harvest`,
} as const;

export type CaState =
  | { readonly state: 'open'; readonly certificate: Certificate; readonly key: KeyObject }
  | { readonly state: 'absent'; readonly message: string }
  | { readonly state: 'external'; readonly message: string }
  | {
      readonly state: 'unreadable';
      readonly problem: EnvelopeProblem | 'OtherCluster';
      /** The fingerprint that the Secret records for it; empty: none. */
      readonly recorded: string;
      readonly message: string;
    };

export interface Vault {
  readonly clusterUID: string;
  /** Where its Secret is. */
  readonly publicNamespace: string;
  readonly secret: Secret | undefined;
  readonly cas: Readonly<Record<CaId, CaState>>;
  /** Fingerprints that were accepted; they outlive the Secret. */
  readonly recorded: Recorded;
  /** What the cluster trusts now; undefined when it could not be read. */
  readonly anchors: Anchors | undefined;
}

/** Reads and opens the Secret. What it cannot open is a state, never an error. Errors: those of the API. */
export async function openVault(
  client: KubeClient,
  known: {
    readonly kek: KeyEncryptionKey;
    readonly clusterUID: string;
    readonly publicNamespace: string;
    readonly anchors: Anchors | undefined;
  },
): Promise<Vault> {
  const { kek, clusterUID, publicNamespace, anchors } = known;
  const [secret, recorded] = await Promise.all([
    client.get(resources.secrets, { name: caSecretName, namespace: publicNamespace }),
    readRecord(client),
  ]);
  const cas = openSecret(secret, kek, clusterUID);
  return { clusterUID, publicNamespace, secret, cas, recorded, anchors };
}

/** All CAs of a Secret. Pure. */
export function openSecret(
  secret: Secret | undefined,
  kek: KeyEncryptionKey,
  clusterUID: string,
): Readonly<Record<CaId, CaState>> {
  const open = (id: CaId): CaState => openCa(id, secret, kek, clusterUID);
  return { kubernetes: open('kubernetes'), etcd: open('etcd'), 'front-proxy': open('front-proxy') };
}

function openCa(id: CaId, secret: Secret | undefined, kek: KeyEncryptionKey, clusterUID: string): CaState {
  const notes = secret?.metadata?.annotations ?? {};
  const sealed = secret?.data?.[`${id}.sealed`];
  if (sealed === undefined) {
    const source = notes[vaultAnnotations.source(id)];
    if (notes[vaultAnnotations.external(id)] === 'true') {
      return { state: 'external', message: `CA ${id} is external: ${source ?? 'its key is on no node'}` };
    }
    return { state: 'absent', message: `CA ${id} has not been captured yet` };
  }
  const sha256 = notes[vaultAnnotations.fingerprint(id)] ?? '';
  const opened = openEnvelope(kek, { clusterUID, ca: id, sha256 }, Buffer.from(sealed, 'base64'));
  const from = notes[vaultAnnotations.clusterUID];
  if (!opened.ok)
    return unreadable(
      id,
      from !== undefined && from !== clusterUID ? 'OtherCluster' : opened.problem,
      sha256,
    );
  try {
    const certificate = readCertificate(secret?.data?.[`${id}.crt`] ?? '');
    const key = readKeyDer(opened.plaintext);
    const sound = certificate?.sha256 === sha256 && key !== undefined && keyFits(certificate, key);
    return sound ? { state: 'open', certificate, key } : unreadable(id, 'Tampered', sha256);
  } finally {
    opened.plaintext.fill(0);
  }
}

const words: Readonly<Record<EnvelopeProblem | 'OtherCluster', string>> = {
  KekLost: 'was sealed by another key-encryption key; the old one is lost',
  Tampered: 'was changed by somebody: it does not open',
  OtherCluster: 'belongs to another cluster',
};

function unreadable(id: CaId, problem: EnvelopeProblem | 'OtherCluster', recorded: string): CaState {
  const message = `Secret ${caSecretName}: CA ${id} ${words[problem]}; it is captured again`;
  return { state: 'unreadable', problem, recorded, message };
}

function readCertificate(base64: string): Certificate | undefined {
  try {
    const [block] = readPem(Buffer.from(base64, 'base64').toString('latin1'));
    return block === undefined ? undefined : parseCertificate(block.der);
  } catch {
    // Whatever is wrong with it, it is not what was stored; the caller says so.
    return undefined;
  }
}

/** A private key from DER of any of the three forms (PKCS#8, PKCS#1, SEC1); undefined when it is none of them. */
export function readKeyDer(der: Uint8Array): KeyObject | undefined {
  for (const type of ['pkcs8', 'pkcs1', 'sec1'] as const) {
    try {
      return createPrivateKey({ key: Buffer.from(der), format: 'der', type });
    } catch {
      // The form is not written down anywhere; the next one is tried.
    }
  }
  return undefined;
}

export type SigningCa =
  | { readonly ok: true; readonly certificate: Certificate; readonly key: KeyObject }
  | {
      readonly ok: false;
      readonly gate: Gate;
      readonly message: string;
      /** It may be another matter in a moment: it is being captured, or could not be compared just now. */
      readonly passing?: true;
    };

/** The CA, if it may sign at `now`: open, valid, and what the cluster trusts now (R11). */
export function signingCa({ cas, anchors, publicNamespace }: Vault, id: CaId, now: Date): SigningCa {
  const ca = cas[id];
  if (ca.state === 'unreadable' && anchors !== undefined) {
    const foreign = recordsForeign(id, ca.recorded, anchors, publicNamespace);
    if (foreign !== undefined) return { ok: false, gate: 'CaMismatch', message: `${ca.message}; ${foreign}` };
  }
  if (ca.state !== 'open') {
    const lasting = ca.state === 'external';
    return { ok: false, gate: 'CaUnavailable', message: ca.message, ...(lasting ? {} : { passing: true }) };
  }
  if (anchors === undefined) {
    return {
      ok: false,
      gate: 'CaUnavailable',
      passing: true,
      message: `what the cluster trusts as CA ${id} cannot be read now`,
    };
  }
  const problem = usable(id, ca.certificate, now) ?? trusted(id, ca.certificate, anchors);
  if (problem === undefined) return { ok: true, certificate: ca.certificate, key: ca.key };
  const gate = problem.reason === 'NotTrusted' ? 'CaMismatch' : 'CaUnavailable';
  const isPassing = problem.reason === 'NotComparable';
  return { ok: false, gate, message: problem.message, ...(isPassing ? { passing: true } : {}) };
}

/**
 * What the world sees of the vault. `unavailable` is per CA; `problem` stops everything: the cluster's own CA cannot
 * sign, or any CA is not the one that the cluster trusts (a hard gate, R13).
 */
export function vaultStatus(vault: Vault, now: Date): VaultStatus {
  const cas: Partial<Record<CaId, NonNullable<VaultStatus['cas'][CaId]>>> = {};
  const unavailable: Partial<Record<CaId, Omit<SigningCa & { ok: false }, 'ok'>>> = {};
  for (const id of caIds) {
    const ca = vault.cas[id];
    if (ca.state === 'open') {
      const { sha256, notBefore, notAfter } = ca.certificate;
      cas[id] = { sha256, notBefore: notBefore.toISOString(), notAfter: notAfter.toISOString() };
    }
    const answer = signingCa(vault, id, now);
    if (answer.ok) continue;
    const { ok: _, ...why } = answer;
    unavailable[id] = why;
  }
  const mismatch = caIds.map((id) => unavailable[id]).find((problem) => problem?.gate === 'CaMismatch');
  const problem = mismatch ?? unavailable.kubernetes;
  return { cas, unavailable, ...(problem === undefined ? {} : { problem }) };
}

/** Which CAs must be captured, and why. An external one only on demand. */
export function missingCas(vault: Vault, now: Date): ReadonlyMap<CaId, string> {
  const missing = new Map<CaId, string>();
  const demanded = vault.secret?.metadata?.annotations?.[vaultAnnotations.harvest] !== undefined;
  for (const id of caIds) {
    const ca = vault.cas[id];
    if (demanded) missing.set(id, `annotation ${vaultAnnotations.harvest} asks for it`);
    else if (ca.state === 'absent' || ca.state === 'unreadable') missing.set(id, ca.message);
    else if (ca.state === 'open') {
      const answer = signingCa(vault, id, now);
      if (!answer.ok && answer.gate === 'CaMismatch') missing.set(id, answer.message);
    }
  }
  return missing;
}
