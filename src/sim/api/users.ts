// Who asks: by client certificate, by a ServiceAccount's token, or nobody known.
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
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

function certificateUser({ socket }: IncomingMessage, now: Date): User | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const peer = peerOf(socket);
  if (peer === undefined) return undefined;
  if (!holds(socket, peer, now)) throw unauthorized();
  return {
    name: peer.subject.commonName ?? '',
    groups: peer.subject.organizations,
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${peer.sha256}`] },
  };
}
