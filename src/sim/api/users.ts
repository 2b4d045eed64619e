// Who asks: by client certificate, by a ServiceAccount's token, or nobody known.
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Certificate } from '../../pki/certificate.ts';
import { holds, peerOf } from '../peer.ts';
import { unauthorized } from './status.ts';
import type { Tokens } from './tokens.ts';

export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'], extra: {} };

/** Whose certificate may say for whom it asks: kube-apiserver's --requestheader-allowed-names, as kubeadm sets it. */
export const frontProxy = 'front-proxy-client';

export const authenticated = (user: User): User => ({
  ...user,
  groups: [...user.groups, 'system:authenticated'],
});

/** Errors: 401 for credentials that do not hold; without any the user is anonymous. */
export async function authenticate(request: IncomingMessage, tokens: Tokens, now: Date): Promise<User> {
  const byCertificate = certificateUser(request, now);
  if (byCertificate !== undefined) return authenticated(byCertificate);
  const bearer = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (bearer === undefined) return anonymous;
  const user = await tokens.review(bearer.trim());
  if (user === undefined) throw unauthorized();
  return authenticated(user);
}

function certificateUser({ socket, headersDistinct }: IncomingMessage, now: Date): User | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const peer = peerOf(socket);
  if (peer === undefined) return undefined;
  if (!holds(socket, peer, now)) throw unauthorized();
  const own = ownerOf(peer);
  return (own.name === frontProxy ? remoteUser(headersDistinct) : undefined) ?? own;
}

/** Who a certificate says that he is. */
export const ownerOf = ({ subject, sha256 }: Certificate): User => ({
  name: subject.commonName ?? '',
  groups: subject.organizations,
  extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${sha256}`] },
});

const extraHeader = 'x-remote-extra-';

/** The headers in which a front proxy says who asks. */
export function remoteHeaders({ name, groups, extra }: User): Record<string, string[]> {
  const more = Object.entries(extra).map(([key, values]): [string, string[]] => [
    extraHeader + encodeURIComponent(key),
    [...values],
  ]);
  return { 'x-remote-user': [name], 'x-remote-group': [...groups], ...Object.fromEntries(more) };
}

function remoteUser(headers: IncomingMessage['headersDistinct']): User | undefined {
  const [name] = headers['x-remote-user'] ?? [];
  if (name === undefined) return undefined;
  const extra = Object.entries(headers).flatMap(([header, values = []]) =>
    header.startsWith(extraHeader) ? [[decodeURIComponent(header.slice(extraHeader.length)), values]] : [],
  );
  return { name, groups: headers['x-remote-group'] ?? [], extra: Object.fromEntries(extra) };
}
