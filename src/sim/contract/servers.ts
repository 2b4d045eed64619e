// The servers that the contract is held against: the embedded one, the same behind the door through which the nodes of a
// simulated cluster speak to it, and a real kube-apiserver with etcd.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startBareApi } from '../../../test/kube/bare-api.ts';
import { layPlane, type Part } from '../../../test/kube/simulated-plane.ts';
import { parseCertificate } from '../../pki/parse.ts';
import { readPrivateKey } from '../../pki/keys.ts';
import { readPem } from '../../pki/pem.ts';
import { Authority, type Pair } from '../api/authority.ts';
import { startApi } from '../api/server.ts';
import { accessTo } from '../node/store-access.ts';

export interface ContractServer {
  readonly url: string;
  readonly caPem: string;
  readonly clientCertificate: (user: string, groups: readonly string[]) => Pair;
  /** Forgets old versions, so that a watch or page from before is answered 410. */
  readonly compact: () => Promise<void>;
  readonly kill: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export async function startEmbedded(): Promise<ContractServer> {
  const api = await startApi();
  return {
    url: api.url,
    caPem: api.caPem,
    clientCertificate: (user, groups) => api.clientCertificate(user, groups),
    compact: async () => api.store.compact(),
    kill: async () => api.stop(),
    start: async () => api.start(),
    stop: async () => api.close(),
  };
}

/** A kube-apiserver of a simulated node as a process of its own, with its etcd and the embedded server behind it. */
export async function startDoor(): Promise<ContractServer> {
  const api = await startApi();
  const plane = await layPlane(accessTo(api));
  const stop = async (): Promise<void> => {
    await plane.close();
    await api.close();
  };
  let door: Part;
  try {
    await plane.startEtcd();
    door = await plane.startApiserver();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: plane.url,
    caPem: plane.kubernetes.certificate,
    clientCertificate: (commonName, organizations) => {
      const { certificate: cert, key } = plane.leafOf({ commonName, organizations });
      return { cert, key };
    },
    compact: async () => api.store.compact(),
    kill: async () => door.end(),
    start: async () => {
      door = await plane.startApiserver();
    },
    stop,
  };
}

export async function startReal(): Promise<ContractServer> {
  const api = await startBareApi({ flags: ['--allow-privileged=true'] });
  const read = (name: string): string => readFileSync(join(api.directory, name), 'utf8');
  const caPem = read('ca.crt');
  const [block] = readPem(caPem);
  if (block === undefined) throw new Error('the bare server has no CA');
  const authority = new Authority(parseCertificate(block.der), readPrivateKey(read('ca.key')).key);
  const config: { clusters: readonly { cluster: { server: string } }[] } = JSON.parse(read('admin.conf'));
  return {
    url: config.clusters[0]?.cluster.server ?? '',
    caPem,
    clientCertificate: (commonName, organizations) =>
      authority.issue({ commonName, organizations, usage: 'clientAuth' }),
    compact: api.compact,
    kill: api.killApi,
    start: api.startApi,
    stop: api.stop,
  };
}
