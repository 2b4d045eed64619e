// Proof by requests: a client certificate that is not accepted gets 401, and a server that cannot work is not ready.
import { CertError } from '../errors.ts';
import type { Location } from '../catalogue/ids.ts';
import { currentCluster, parseKubeconfig, serverOf, type CredentialSource } from '../formats/kubeconfig.ts';
import type { ClientCredential } from '../host/probes.ts';
import { readLive } from './material.ts';
import type { NodeFacts, RotationNode } from './types.ts';

/**
 * GET /version of the API server that a kubeconfig names, with a client certificate. It is open to all, but a
 * certificate that does not verify is refused with 401 before anonymous access is thought of.
 */
export async function askVersion(
  node: RotationNode,
  { kubeconfig, client }: { readonly kubeconfig: string; readonly client: ClientCredential },
  signal: AbortSignal,
): Promise<string> {
  const { status, where, asked } = await askServer(node, kubeconfig, { path: '/version', client }, signal);
  if (status !== 200) throw notProved(`${where} answers ${asked} with ${status}`);
  return `${where} answers ${asked} to it`;
}

/** One question to the API server that a kubeconfig names, as nobody where no certificate is given. */
export async function askServer(
  node: RotationNode,
  kubeconfig: string,
  { path, client }: { readonly path: string; readonly client?: ClientCredential },
  signal: AbortSignal,
): Promise<{ readonly status: number; readonly where: string; readonly asked: string }> {
  const text = readText(node, kubeconfig);
  const config = parseKubeconfig(text, kubeconfig);
  const cluster = currentCluster(config) ?? config.clusters[0];
  const server = serverOf(cluster?.server);
  if (cluster === undefined || server === undefined)
    throw notProved(`${kubeconfig} names no server that can be asked`);
  const { host, port, basePath } = server;
  const { authority, tlsServerName: serverName } = cluster;
  const asked = `${basePath}${path}`;
  const question = {
    host,
    port,
    path: asked,
    ...(client === undefined ? {} : { client }),
    ...(authority === undefined ? {} : { ca: pemOf(node, authority) }),
    ...(serverName === undefined ? {} : { serverName }),
  };
  const { status } = await node.probes.request(question, signal);
  return { status, where: `${host}:${port}`, asked };
}

/** GET /version with a kubeconfig's own user. */
export async function askKubeconfig(
  node: RotationNode,
  location: Location & { readonly form: 'kubeconfig' },
  signal: AbortSignal,
): Promise<string> {
  const client = readLive(node.files, location);
  return await askVersion(node, { kubeconfig: location.path, client }, signal);
}

/** GET 10250/healthz with the API server's client certificate. */
export async function askKubelet(
  node: RotationNode,
  { kubelet }: NodeFacts,
  location: Location,
  signal: AbortSignal,
): Promise<string> {
  if (kubelet === undefined) throw notProved("the kubelet's address is not known");
  const client = readLive(node.files, location);
  const { status } = await node.probes.request({ ...kubelet, client, path: '/healthz' }, signal);
  if (status !== 200) throw notProved(`${kubelet.host}:${kubelet.port} answers /healthz with ${status}`);
  return `${kubelet.host}:${kubelet.port} answers /healthz to it`;
}

/**
 * /readyz is open to all, its single checks are not: they are asked with the API server's own client for the kubelet.
 * Without one, and where it is no administrator (kubeadm 1.37), /readyz as a whole is asked, in which etcd's check is.
 */
export async function askReadyz(
  node: RotationNode,
  { apiserver, apiserverClient }: Pick<NodeFacts, 'apiserver' | 'apiserverClient'>,
  check: '/readyz' | '/readyz/etcd',
  signal: AbortSignal,
): Promise<string> {
  if (apiserver === undefined) throw notProved('the address of the API server is not known');
  const path = apiserverClient === undefined ? '/readyz' : check;
  const client =
    path === '/readyz' || apiserverClient === undefined
      ? {}
      : { client: readLive(node.files, apiserverClient) };
  const { status } = await node.probes.request({ ...apiserver, ...client, path }, signal);
  if (status === 403 && path !== '/readyz') return await askReadyz(node, { apiserver }, '/readyz', signal);
  if (status !== 200)
    throw notProved(`${apiserver.host}:${apiserver.port} answers ${path} with status ${status}`);
  return `${path} is well`;
}

const pemOf = (node: RotationNode, source: CredentialSource): string =>
  source.kind === 'data' ? source.pem : readText(node, source.path);

const readText = ({ files }: RotationNode, path: string): string =>
  Buffer.from(files.read(files.realpath(path))).toString('utf8');

const notProved = (message: string): CertError => new CertError('NotProved', message);
