// What a CertificateSigningRequest of ours says, read strictly. Nothing of it is believed before the judge has spoken.
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1.js';
import * as v from 'valibot';
import { certificateIds, type CertificateId } from '../../catalogue/ids.ts';
import { CertError, describeError } from '../../errors.ts';
import { annotations } from '../../kube/types.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { parseCertificate } from '../../pki/parse.ts';
import { readPem } from '../../pki/pem.ts';
import { parseRequest, type CertificateRequest } from '../../pki/request.ts';
import { requester } from './requester.ts';

/** Characters, base64: a request for RSA-16384, and the largest annotation that we write, are well below it. */
const mostRequest = 32_768;

/**
 * What is kept of a request in memory: every kubelet may make requests for our signer, a megabyte each. Of a stranger's
 * only who it was and what became of it; of an agent's nothing that is larger than an honest one: what is left is refused.
 */
export function trimRequest(csr: CertificateSigningRequest): CertificateSigningRequest {
  const { metadata = {}, spec, status } = csr;
  const { name, uid, resourceVersion, creationTimestamp } = metadata;
  const kept = {
    ...(name === undefined ? {} : { name }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
  };
  const { signerName, username = '' } = spec;
  if (username !== requester) {
    const stranger = { signerName, username: username.slice(0, 253), request: '' };
    return { metadata: kept, spec: stranger, ...(status === undefined ? {} : { status }) };
  }
  const notes = Object.entries(metadata.annotations ?? {}).filter(([key]) => ourNotes.has(key));
  const annotationsKept = Object.fromEntries(notes.map(([key, value]) => [key, short(value)]));
  const { managedFields: _, ...rest } = metadata;
  return {
    ...csr,
    metadata: { ...rest, annotations: annotationsKept },
    spec: { ...spec, request: short(spec.request) },
  };
}

const ourNotes: ReadonlySet<string> = new Set([
  annotations.renews,
  annotations.rotation,
  annotations.certificate,
]);

/** Empty in place of too long: an annotation that vanished would be another request, one that is empty reads as none. */
function short(text: string): string {
  return text.length <= mostRequest ? text : '';
}

/** Either what was read, or what is wrong with it in words. */
export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

/** The new key and the proof that the requester has it. */
export function readRequest(csr: CertificateSigningRequest): Read<CertificateRequest> {
  return guarded(() => {
    const blocks = readPem(Buffer.from(csr.spec.request, 'base64').toString('latin1'));
    const [block, second] = blocks;
    if (block?.label !== 'CERTIFICATE REQUEST' || second !== undefined) {
      throw new CertError('MalformedPem', 'spec.request is not one CERTIFICATE REQUEST');
    }
    return parseRequest(block.der);
  });
}

export interface Renewal {
  readonly old: Certificate;
  /** By the old key over `renewalBytes` (R4). */
  readonly signature: Uint8Array;
}

const renewsSchema = v.strictObject({ certificate: v.string(), signature: v.string() });

/** Annotation `renews`; undefined when there is none (R3's first replacement). */
export function readRenewal(csr: CertificateSigningRequest): Read<Renewal | undefined> {
  const text = csr.metadata?.annotations?.[annotations.renews];
  if (text === undefined) return { ok: true, value: undefined };
  return guarded(() => {
    const parsed = v.safeParse(renewsSchema, JSON.parse(Buffer.from(text, 'base64').toString('utf8')));
    if (!parsed.success) throw new CertError('SigningRefused', 'it is not {certificate, signature}');
    const [block, second] = readPem(parsed.output.certificate);
    if (block?.label !== 'CERTIFICATE' || second !== undefined) {
      throw new CertError('MalformedPem', 'it holds not exactly one certificate');
    }
    const signature = new Uint8Array(Buffer.from(parsed.output.signature, 'base64'));
    return { old: parseCertificate(block.der), signature };
  });
}

/** The catalogue id that is asked for, when there is such a one. */
export function requestedId(csr: CertificateSigningRequest): CertificateId | undefined {
  const text = csr.metadata?.annotations?.[annotations.certificate];
  return certificateIds.find((id) => id === text);
}

/** Name of the rotation that is asked for; undefined when what stands there is no object's name. */
export function requestedRotation(csr: CertificateSigningRequest): string | undefined {
  const name = csr.metadata?.annotations?.[annotations.rotation] ?? '';
  return objectName.test(name) ? name : undefined;
}

const objectName = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/u;

const extraPrefix = 'authentication.kubernetes.io/';

/** One of the extras that the API server itself adds for a Pod's token (KEP-4193); undefined unless there is exactly one. */
export function extra(
  csr: CertificateSigningRequest,
  key: 'node-name' | 'node-uid' | 'pod-name' | 'pod-uid',
): string | undefined {
  const values = csr.spec.extra?.[extraPrefix + key];
  return values?.length === 1 && values[0] !== '' ? values[0] : undefined;
}

export function hasCondition(
  csr: CertificateSigningRequest,
  type: 'Approved' | 'Denied' | 'Failed',
): boolean {
  return csr.status?.conditions?.some((condition) => condition.type === type) ?? false;
}

/** Nothing more is to be done with it. */
export function isFinished(csr: CertificateSigningRequest): boolean {
  return Boolean(csr.status?.certificate) || hasCondition(csr, 'Denied') || hasCondition(csr, 'Failed');
}

function guarded<T>(read: () => T): Read<T> {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    if (error instanceof CertError || error instanceof SyntaxError) {
      return { ok: false, why: describeError(error) };
    }
    throw error;
  }
}
