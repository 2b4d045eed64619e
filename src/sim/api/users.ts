// Who asks: by client certificate, by a ServiceAccount's token, or nobody known.
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { parseCertificate } from '../../pki/parse.ts';
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

/** Asked for every request: a connection may outlive its certificate. */
function certificateUser({ socket }: IncomingMessage, now: Date): User | undefined {
  if (!(socket instanceof TLSSocket)) return undefined;
  const peer = peerOf(socket);
  if (peer === 'none') return undefined;
  if (!socket.authorized || now > peer.notAfter || now < peer.notBefore) throw unauthorized();
  return peer.user;
}

interface Peer {
  readonly user: User;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A connection has one peer for all its life. */
const peers = new WeakMap<TLSSocket, Peer | 'none'>();

function peerOf(socket: TLSSocket): Peer | 'none' {
  const known = peers.get(socket);
  if (known !== undefined) return known;
  const { raw } = socket.getPeerCertificate();
  const peer = raw === undefined ? 'none' : readPeer(raw);
  peers.set(socket, peer);
  return peer;
}

function readPeer(der: Uint8Array): Peer {
  const { subject, notAfter, notBefore, sha256 } = parseCertificate(der);
  const user: User = {
    name: subject.commonName ?? '',
    groups: subject.organizations,
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${sha256}`] },
  };
  return { user, notBefore, notAfter };
}
