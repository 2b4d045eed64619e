// The client certificate of a connection, read once: a connection has one peer for all its life.
import type { TLSSocket } from 'node:tls';
import type { Certificate } from '../pki/certificate.ts';
import { parseCertificate } from '../pki/parse.ts';

const peers = new WeakMap<TLSSocket, Certificate | 'none'>();

/** Undefined: it came without one. Whether it was signed by somebody known is the socket's word (`authorized`). */
export function peerOf(socket: TLSSocket): Certificate | undefined {
  const known = peers.get(socket) ?? readPeer(socket);
  peers.set(socket, known);
  return known === 'none' ? undefined : known;
}

function readPeer(socket: TLSSocket): Certificate | 'none' {
  const { raw } = socket.getPeerCertificate();
  return raw === undefined ? 'none' : parseCertificate(new Uint8Array(raw));
}

/** Asked for every request: a connection may outlive its certificate. */
export const holds = (socket: TLSSocket, { notBefore, notAfter }: Certificate, now: Date): boolean =>
  socket.authorized && now <= notAfter && now >= notBefore;
