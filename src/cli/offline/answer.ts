// What an answer means for the certificates of this node as they lie here now. Pure but for reading.
import type { Discovery } from '../../catalogue/discover.ts';
import type { CertificateId, Target } from '../../catalogue/ids.ts';
import { CertError, describeError } from '../../errors.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { equalBytes } from '../../pki/der.ts';
import { parseCertificate } from '../../pki/parse.ts';
import { readMaterial, type Material } from '../../rotation/material.ts';
import type { RotationNode, Signer } from '../../rotation/types.ts';
import { ownCall } from '../own-call.ts';
import { fromBase64, type RequestBlock, type ResponseBlock } from './block.ts';
import type { Waiting } from './waiting.ts';
import { rfc3339 } from '../../pki/time.ts';

export interface Answer {
  readonly id: CertificateId;
  readonly certificate: Certificate;
  readonly target: Target;
  /** As it lies here now. */
  readonly live: Material;
}

export interface Sorted {
  /** To be put in place. */
  readonly due: readonly Answer[];
  /** It is there already. */
  readonly inPlace: readonly Answer[];
  /** What the kubelet has renewed by itself meanwhile (R2), in words. */
  readonly notes: readonly string[];
}

/**
 * Which of the answers is for this node: that to the request that waits here, or one whose certificates are all in place.
 *
 * @throws CertError NotFound, SigningRefused
 */
export function ownResponse(
  responses: readonly ResponseBlock[],
  waiting: Waiting | undefined,
  node: RotationNode,
): ResponseBlock {
  const own = responses.filter(({ machineId }) => machineId === node.machineId);
  const answer = own.filter(({ id }) => id === waiting?.block.id);
  const [first] = answer;
  if (answer.some((each) => JSON.stringify(each) !== JSON.stringify(first)))
    throw new CertError(
      'SigningRefused',
      'holds two answers to one request that differ; leave the one that is meant',
    );
  const found = first ?? (waiting === undefined ? own.at(-1) : undefined);
  if (found !== undefined) return found;
  const there = [...new Set(responses.map((each) => each.node))].join(', ');
  if (waiting === undefined)
    throw new CertError(
      'NotFound',
      `holds answers for ${there}, and none for this machine; on it run ${ownCall()} request first`,
    );
  const { id, node: name, made } = waiting.block;
  const older = own.length === 0 ? '' : ', only to another one of this machine';
  throw new CertError(
    'NotFound',
    `holds answers for ${there}, but none to request ${id} of node ${name} (${made}), which waits here${older}; have that one signed, or run ${ownCall()} request again`,
  );
}

/** @throws CertError NotFound, KeyMismatch, Conflict, MalformedDer, CaExpired */
export function readAnswers(node: RotationNode, discovery: Discovery, response: ResponseBlock): Answer[] {
  return response.certificates.map(({ id, certificate }) => {
    const target = discovery.targets.find((each) => each.id === id);
    if (target === undefined)
      throw new CertError('NotFound', `the answer for ${id}: this node has no such certificate`);
    const parsed = parseAnswer(id, certificate);
    if (parsed.notBefore > node.now()) {
      const start = rfc3339(parsed.notBefore);
      throw new CertError(
        'CaExpired',
        `the answer for ${id} is not valid before ${start}, and this node's clock says ${rfc3339(node.now())}; set the clock`,
      );
    }
    return { id, certificate: parsed, target, live: readMaterial(node.files, target) };
  });
}

function parseAnswer(id: CertificateId, text: string): Certificate {
  try {
    return parseCertificate(fromBase64(text));
  } catch (error) {
    throw new CertError('MalformedDer', `the answer for ${id} is no certificate: ${describeError(error)}`);
  }
}

/** @throws CertError Conflict when somebody has changed a certificate since it was asked for */
export function sortAnswers(answers: readonly Answer[], request: RequestBlock | undefined): Sorted {
  const due: Answer[] = [];
  const inPlace: Answer[] = [];
  const notes: string[] = [];
  for (const answer of answers) {
    const { id, live, certificate } = answer;
    const old = oldOf(request, id);
    if (equalBytes(live.certificate.der, certificate.der)) inPlace.push(answer);
    else if (old !== undefined && equalBytes(live.certificate.der, old.der)) due.push(answer);
    else if (old !== undefined && isKubelets(answer, old))
      notes.push(`${id} is left: the kubelet had renewed it by itself`);
    else throw changed(answer, request);
  }
  return { due, inPlace, notes };
}

function oldOf(request: RequestBlock | undefined, id: CertificateId): Certificate | undefined {
  const entry = request?.certificates.find((each) => each.id === id);
  return entry === undefined ? undefined : parseCertificate(fromBase64(entry.old));
}

const isKubelets = ({ id, live }: Answer, old: Certificate): boolean =>
  id === 'kubelet-client-current.pem' &&
  live.certificate.notAfter > old.notAfter &&
  equalBytes(live.certificate.subject.der, old.subject.der);

function changed({ id, live }: Answer, request: RequestBlock | undefined): CertError {
  const { serial } = live.certificate;
  return request === undefined
    ? new CertError(
        'NotFound',
        `no request waits on this node, and ${id} (serial ${serial}) is not what was sent; run ${ownCall()} request first`,
      )
    : new CertError(
        'Conflict',
        `${id} was changed since it was asked for (its serial is ${serial} now); run ${ownCall()} request again`,
      );
}

/** The signer of an installation: what was sent. */
export function answeringSigner(answers: readonly Answer[]): Signer {
  return async (requests) =>
    (await Promise.all(requests)).flatMap(({ key, id }) => {
      const found = answers.find((each) => each.id === id);
      return found === undefined ? [] : [{ key, certificate: found.certificate }];
    });
}
