// What the cluster trusts now, read from the cluster itself: a captured or stored CA counts only if it is one of
// these (R11), and is compared again before anything is signed (a CA may be replaced under us).
import { connect } from 'node:tls';
import type { Node } from 'kubernetes-types/core/v1.js';
import { addressesOf, isControlPlane, nameOf } from './nodes.ts';
import type { KubeClient } from '../../kube/client.ts';
import { resources } from '../../kube/resources.ts';
import type { Certificate } from '../../pki/certificate.ts';
import { CertError, describeError } from '../../errors.ts';
import { parseCertificate } from '../../pki/parse.ts';
import { readPem } from '../../pki/pem.ts';

/** One control plane's etcd as it answers on 2379. */
export interface EtcdAnswer {
  readonly node: string;
  readonly leaf: Certificate | undefined;
  /** Why there is no leaf, in words. */
  readonly problem?: string;
}

export interface Anchors {
  /** ConfigMap kube-system/kube-root-ca.crt. */
  readonly kubernetes: readonly Certificate[];
  /** requestheader-client-ca-file of kube-system/extension-apiserver-authentication. */
  readonly frontProxy: readonly Certificate[];
  /** One for every control-plane node. */
  readonly etcd: readonly EtcdAnswer[];
}

/** Dials a host and gives the leaf that it serves. Throws when there is none. */
export type Dial = (host: string, port: number) => Promise<Certificate>;

/** Reads all anchors. Errors: those of the API; what an etcd does not answer is a value. */
export async function gatherAnchors(
  client: KubeClient,
  nodes: readonly Node[],
  dial: Dial,
): Promise<Anchors> {
  const [kubernetes, frontProxy, etcd] = await Promise.all([
    certificatesOf(client, 'kube-root-ca.crt', 'ca.crt'),
    certificatesOf(client, 'extension-apiserver-authentication', 'requestheader-client-ca-file'),
    Promise.all(nodes.filter(isControlPlane).map((node) => askEtcd(node, dial))),
  ]);
  return { kubernetes, frontProxy, etcd };
}

async function certificatesOf(
  client: KubeClient,
  name: string,
  field: string,
): Promise<readonly Certificate[]> {
  const map = await client.get(resources.configMaps, { name, namespace: 'kube-system' });
  return readPem(map?.data?.[field] ?? '')
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ der }) => parseCertificate(der));
}

async function askEtcd(node: Node, dial: Dial): Promise<EtcdAnswer> {
  const name = nameOf(node);
  const [address] = addressesOf(node, 'InternalIP');
  if (address === undefined)
    return { node: name, leaf: undefined, problem: 'its Node object has no InternalIP' };
  try {
    return { node: name, leaf: await dial(address, 2379) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { node: name, leaf: undefined, problem: `${address}:2379: ${problem}` };
  }
}

/** The leaf that a server shows, whoever signed it: the caller compares it with what it knows. */
export function dialTls(signal: AbortSignal, timeout = 5000): Dial {
  return async (host, port) =>
    new Promise((resolve, reject) => {
      const socket = connect({ host, port, rejectUnauthorized: false, timeout });
      const end = (why: string | Certificate): void => {
        signal.removeEventListener('abort', abort);
        socket.destroy();
        if (typeof why === 'string') reject(new CertError('Unreachable', why));
        else resolve(why);
      };
      const abort = (): void => end('interrupted');
      signal.addEventListener('abort', abort, { once: true });
      // The server asks for a client certificate after it has shown its own; what follows does not matter here.
      socket.once('secureConnect', () => {
        const { raw } = socket.getPeerX509Certificate() ?? {};
        end(raw === undefined ? 'it shows no certificate' : readLeaf(raw));
      });
      socket.once('timeout', () => end(`no answer within ${timeout / 1000} s`));
      socket.on('error', (error) => end(error.message));
      if (signal.aborted) abort();
    });
}

function readLeaf(der: Uint8Array): Certificate | string {
  try {
    return parseCertificate(new Uint8Array(der));
  } catch (error) {
    return `its certificate cannot be read: ${describeError(error)}`;
  }
}
