// Which certificate a component shows to those who connect to it.
import type { CertificateId, Target } from '../catalogue/ids.ts';
import type { Certificate } from '../pki/certificate.ts';
import { readLive } from './material.ts';
import type { Endpoint, NodeFacts, RotationNode } from './types.ts';

const endpoints: Partial<Record<CertificateId, (facts: NodeFacts) => Endpoint | undefined>> = {
  'etcd/server.crt': (facts) => facts.etcdClient,
  'etcd/peer.crt': (facts) => facts.etcdPeer,
  'apiserver.crt': (facts) => facts.apiserver,
  'kubelet.crt': (facts) => facts.kubelet,
};

/** Whether a certificate is shown by a server at all; all others are clients'. */
export const isServing = (id: CertificateId): boolean => endpoints[id] !== undefined;

/** Where a certificate is shown; undefined when this node does not say. */
export const endpointOf = (id: CertificateId, facts: NodeFacts): Endpoint | undefined =>
  endpoints[id]?.(facts);

/**
 * The certificate that is shown in the place of a target.
 *
 * @throws CertError Unreachable, Aborted; those of reading the target where it must serve as the client's too
 */
export async function shownAt(
  { probes, files }: Pick<RotationNode, 'probes' | 'files'>,
  { id, location }: { readonly id: CertificateId | undefined; readonly location: Target['location'] },
  endpoint: Endpoint & { readonly timeoutMs?: number },
  signal: AbortSignal,
): Promise<Certificate> {
  // etcd asks for a client certificate, and with TLS 1.2 it shows its own only to one who has it.
  const client =
    id === 'etcd/server.crt' || id === 'etcd/peer.crt' ? { client: readLive(files, location) } : {};
  return await probes.handshake({ ...endpoint, ...client }, signal);
}

/** By this name kube-apiserver shows the certificate that it made for itself. */
export const loopbackName = 'apiserver-loopback-client';
