// What two ended capture Pods have brought, judged CA by CA.
import type { Node, Pod } from 'kubernetes-types/core/v1.js';
import type { CaId } from '../../catalogue/ids.ts';
import { CertError } from '../../errors.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { parseCertificate } from '../../pki/parse.ts';
import { accept } from '../vault/accept.ts';
import type { Anchors } from '../vault/anchors.ts';
import { nameOf } from '../vault/nodes.ts';
import type { Captured } from '../vault/store.ts';
import { readKeyDer, vaultAnnotations, type Vault } from '../vault/vault.ts';
import type { CaptureKey } from './capture-key.ts';
import { certificateMessages, describeEnd, harvestMessages } from './messages.ts';

export type CaptureResult =
  | { readonly id: CaId; readonly result: 'captured'; readonly captured: Captured; readonly message: string }
  | { readonly id: CaId; readonly result: 'no-key'; readonly message: string }
  | { readonly id: CaId; readonly result: 'refused'; readonly message: string };

export interface Capturing {
  readonly vault: Vault;
  readonly anchors: Anchors;
  readonly key: CaptureKey;
  readonly node: Node;
  readonly harvest: Pod;
  readonly certificates: Pod;
}

/** Opens and judges what was said about one CA. Never throws for what a message holds. */
export async function judgeCapture(id: CaId, capturing: Capturing, now: Date): Promise<CaptureResult> {
  const { vault, anchors, node, harvest, certificates } = capturing;
  const where = `node ${nameOf(node)}`;
  const refused = (why: string): CaptureResult => ({
    id,
    result: 'refused',
    message: `CA ${id} of ${where}: ${why}`,
  });

  const sealed = harvestMessages(harvest).get(id);
  if (sealed === undefined) return refused(describeEnd(harvest, id));
  if ('error' in sealed) return refused(sealed.error);
  if ('missing' in sealed) {
    return {
      id,
      result: 'no-key',
      message: `the key of CA ${id} is not on ${where}: an external CA is not used`,
    };
  }
  const key = await openKey(id, sealed.sealed, capturing);
  if (key === undefined) return refused('the message was not sealed for this capture, or holds no key');

  const said = certificateMessages(certificates).get(id);
  if (said === undefined) return refused(describeEnd(certificates, id));
  if (!('certificates' in said)) return refused('error' in said ? said.error : 'its certificate is missing');
  const list = readCertificates(said.certificates);
  if (list === undefined) return refused('its certificate cannot be read');

  const notes = vault.secret?.metadata?.annotations ?? {};
  const before = {
    recorded: vault.recorded[id] ?? notes[vaultAnnotations.fingerprint(id)],
    accepted: (notes[vaultAnnotations.accept] ?? '').split(/[\s,]+/u).map((text) => text.toLowerCase()),
    publicNamespace: vault.publicNamespace,
  };
  const verdict = accept({ id, certificates: list, key }, anchors, before, now);
  if (!verdict.ok) return refused(verdict.message);
  const { certificate } = verdict;
  const source = `captured from ${where} at ${now.toISOString()}`;
  const message = `CA ${id}: sha256 ${certificate.sha256}, ends ${certificate.notAfter.toISOString()}, ${source}`;
  return { id, result: 'captured', captured: { id, certificate, key, source }, message };
}

async function openKey(id: CaId, sealed: string, { vault, key, node, harvest }: Capturing) {
  const binding = {
    podUID: harvest.metadata?.uid ?? '',
    nodeUID: node.metadata?.uid ?? '',
    clusterUID: vault.clusterUID,
    ca: id,
  };
  const plaintext = await key.open(binding, Buffer.from(sealed, 'base64'));
  if (plaintext === undefined) return undefined;
  const opened = readKeyDer(plaintext);
  plaintext.fill(0);
  return opened;
}

function readCertificates(base64: readonly string[]): readonly Certificate[] | undefined {
  try {
    return base64.map((text) => parseCertificate(new Uint8Array(Buffer.from(text, 'base64'))));
  } catch (error) {
    if (error instanceof CertError) return undefined;
    throw error;
  }
}
