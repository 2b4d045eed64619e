// How a certificate is renewed whose CA has its key elsewhere (docs/adr/0011-by-post.md): one sentence, whoever says it. Pure.
import type { CaId, CertificateId } from '../catalogue/ids.ts';
import { shellWord } from '../formats/text.ts';
import { programName } from './own-call.ts';

/** Who can sign. */
export const signatories = ['control-plane', 'etcd'] as const;
export type Signatory = (typeof signatories)[number];

/** @param ids of the certificates of the node: without one for its own etcd, etcd and its CA are somebody else's */
export const signatoryOf = (ca: CaId, ids: readonly (CertificateId | undefined)[]): Signatory =>
  ca === 'etcd' && !ids.includes('etcd/server.crt') ? 'etcd' : 'control-plane';

/** Where to, and what he says beside the request. */
export const signedBy: Readonly<Record<Signatory, { readonly where: string; readonly options: string }>> = {
  'control-plane': { where: 'to a control plane', options: '' },
  etcd: { where: 'to whoever has the key of etcd’s CA', options: ' --ca-cert P --ca-key P' },
};

/** @param call how this program is called here */
export const requestOf = (call: string, paths: readonly string[]): string =>
  `${call} request ${paths.map(shellWord).join(' ')}`;

export function byPost(call: string, signatory: Signatory, paths: readonly string[]): string {
  const { where, options } = signedBy[signatory];
  return `${requestOf(call, paths)} and bring it ${where} (${programName} sign${options}), then ${call} install here`;
}
