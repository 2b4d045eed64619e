// What a signer sends is put in place only when it is what was asked for: the same identity as before, signed by the CA
// that this node has for it. Whoever answers in the controller's name gets nothing else onto a node.
import { entryOf } from '../catalogue/table.ts';
import { CertError } from '../errors.ts';
import { readCertificates } from '../formats/pem.ts';
import type { CertificateId } from '../catalogue/ids.ts';
import type { Certificate, San } from '../pki/certificate.ts';
import { equalBytes } from '../pki/der.ts';
import { oids } from '../pki/extensions.ts';
import { readParts } from '../pki/parse.ts';
import { isSignedBy } from '../pki/verify.ts';
import { describeLocation, type Material } from './material.ts';
import type { NodeFacts, RotationNode } from './types.ts';

/** @throws CertError ForeignCertificate when the node's CA did not sign it, SigningRefused when it is another's identity */
export function acceptSigned(
  node: RotationNode,
  facts: NodeFacts,
  { id, location, certificate: old }: Material,
  certificate: Certificate,
): void {
  const where = describeLocation(location);
  // Of files that a person named no CA is known but the one that was named along with them.
  const signed = (each: Certificate): boolean => id === undefined || isSignedByNodesCa(node, facts, id, each);
  if (!signed(certificate)) {
    throw new CertError(
      'ForeignCertificate',
      `what the signer sent for ${where} was not signed by the CA that this node has for it`,
      { file: where },
    );
  }
  // The kubelet's own throw-away certificate has no identity to keep (R3).
  const why = id === 'kubelet.crt' && !signed(old) ? whyNoServer(certificate) : whyOther(old, certificate);
  if (why !== '')
    throw new CertError('SigningRefused', `what the signer sent for ${where} ${why}`, { file: where });
}

/** Errors: NotProved when the CA is not known or cannot be read on this node. */
export function isSignedByNodesCa(
  { files }: RotationNode,
  { caPaths }: NodeFacts,
  id: CertificateId,
  certificate: Certificate,
): boolean {
  const { ca } = entryOf(id);
  const path = caPaths?.[ca];
  if (path === undefined || files.stat(path)?.kind !== 'file')
    throw new CertError('NotProved', `the certificate of the ${ca} CA is not known on this node`);
  const authorities = readCertificates(files.read(files.realpath(path)));
  return authorities.some((authority) => isSignedBy(certificate, authority));
}

function whyNoServer({ sans, extendedKeyUsages }: Certificate): string {
  if (sans.length === 0) return 'names no address';
  return extendedKeyUsages.join() === 'serverAuth' ? '' : 'is not for serverAuth alone';
}

function whyOther(old: Certificate, next: Certificate): string {
  if (!equalBytes(old.subject.der, next.subject.der))
    return `is for ${next.subject.text}, not ${old.subject.text}`;
  if (!sameSet(old.sans.map(sanText), next.sans.map(sanText))) return 'has other names than the old one';
  if (!sameSet(old.extendedKeyUsages, next.extendedKeyUsages)) return 'has other usages than the old one';
  return keyUsageOf(old) === keyUsageOf(next) ? '' : 'has another key usage than the old one';
}

const sanText = ({ kind, value }: San): string => `${kind} ${value}`;

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  const [one, other] = [new Set(a), new Set(b)];
  return one.size === other.size && [...one].every((each) => other.has(each));
}

function keyUsageOf({ der }: Certificate): string {
  const found = readParts(der).extensions.find(({ oid }) => oid === oids.keyUsage);
  return found === undefined ? '' : Buffer.from(found.value).toString('hex');
}
