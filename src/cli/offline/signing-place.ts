// What a control plane can say of its cluster without the API: the names that its own certificates carry, which no
// worker's certificate may (R5).
import { certificateFile, type Discovery } from '../../catalogue/discover.ts';
import type { CertificateId } from '../../catalogue/ids.ts';
import { CertError } from '../../errors.ts';
import { currentCluster, parseKubeconfig } from '../../formats/kubeconfig.ts';
import { readBundle } from '../../formats/pem.ts';
import type { Files } from '../../host/files.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { toBytes } from '../../rotation/bytes.ts';
import { readLive } from '../../rotation/material.ts';
import type { SigningPlace } from './judge.ts';

/** Gathers from files alone; what cannot be read is not known. */
export function gatherSigningPlace(files: Files, discovery: Discovery): SigningPlace {
  const sansOf = (id: CertificateId): readonly string[] =>
    (certificateOf(files, discovery, id)?.sans ?? []).map(({ value }) => value);
  const name = nodeNameOf(files, discovery);
  const apiserver = certificateOf(files, discovery, 'apiserver.crt');
  return {
    endpoints: {
      apiServers: sansOf('apiserver.crt'),
      etcd: [...sansOf('etcd/server.crt'), ...sansOf('etcd/peer.crt')],
      services: [],
      serviceClaims: [],
      controlPlaneEndpoint: serverOf(files, discovery),
    },
    own: name === undefined || apiserver === undefined ? undefined : { name, apiserverSans: apiserver.sans },
  };
}

/** As the kubelet's own certificate says it; undefined when it cannot be read. */
export function nodeNameOf(files: Files, discovery: Discovery): string | undefined {
  const ids = ['kubelet-client-current.pem', 'kubelet.crt'] as const;
  const names = ids.map((id) => certificateOf(files, discovery, id)?.subject.commonName ?? '');
  return names.find((name) => name.startsWith(prefix))?.slice(prefix.length);
}

const prefix = 'system:node:';

function certificateOf(files: Files, { targets }: Discovery, id: CertificateId): Certificate | undefined {
  const location = targets.find((target) => target.id === id)?.location;
  if (location === undefined || files.stat(certificateFile(location))?.kind !== 'file') return undefined;
  return orUndefined(() => readBundle(toBytes(readLive(files, location).certificate)).certificate);
}

/** The host of the server in the kubelet's kubeconfig. */
function serverOf(files: Files, { facts }: Discovery): string[] {
  const path = facts.kubeletKubeconfig;
  if (path === undefined) return [];
  const server = orUndefined(() => {
    const text = Buffer.from(files.read(files.realpath(path))).toString('utf8');
    const config = parseKubeconfig(text, path);
    return (currentCluster(config) ?? config.clusters[0])?.server;
  });
  if (server === undefined || !URL.canParse(server)) return [];
  return [new URL(server).hostname.replaceAll(/^\[|\]$/gu, '')];
}

function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof CertError) return undefined;
    throw error;
  }
}
