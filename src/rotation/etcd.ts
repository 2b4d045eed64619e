// The health of etcd, asked on the node itself (R12) through its JSON gateway (etcd 3.5 and 3.6, /v3/…).
import { CertError, describeError } from '../errors.ts';
import type { ClientCredential } from '../host/probes.ts';
import { readBundle } from '../formats/pem.ts';
import { errnoOf } from '../host/errno.ts';
import type { Certificate } from '../pki/certificate.ts';
import { toBytes } from './bytes.ts';
import { readLive } from './material.ts';
import type { Endpoint, NodeFacts, PairPaths, RotationNode } from './types.ts';

export interface EtcdMember {
  readonly name: string;
  readonly voting: boolean;
  readonly own: boolean;
  readonly healthy: boolean;
  readonly message: string;
}

/**
 * Why nobody answers: the certificates for asking have expired, or there are none that can be used; this node's member does
 * not run, or says itself that it finds no leader; or nobody knows.
 */
export type Silence = 'expired' | 'no-certificate' | 'down' | 'no-leader' | 'other';

export interface EtcdView {
  /** Empty when the member list itself could not be had. */
  readonly members: readonly EtcdMember[];
  readonly message: string;
  /** Why there is no list. */
  readonly silence?: Silence;
  /** Serials of what has expired where that is why. */
  readonly expired?: readonly string[];
}

/** An election takes a second or two: who finds no leader for so long finds none by himself. */
export const electionMs = 10_000;

/** What a member says of itself that looks for others in vain. */
export const noLeader = 'has no leader';

/** Whether this node's member says so of itself. */
export const isLeaderless = ({ members, silence }: EtcdView): boolean =>
  silence === 'no-leader' || members.some(({ own, message }) => own && message === noLeader);

/** Member list and the status of each. Never throws for what etcd does, nor for its files; errors: Aborted. */
export async function askEtcd(node: RotationNode, facts: NodeFacts, signal: AbortSignal): Promise<EtcdView> {
  const { etcdClient, etcdClients = [] } = facts;
  if (etcdClient === undefined) return { members: [], message: 'no etcd runs on this node' };
  const pairs = etcdClients.map((pair) => readPair(node, pair));
  const failures: string[] = [];
  for (const { certPath, client, why } of pairs) {
    try {
      if (client === undefined) throw new CertError('NotProved', why);
      const answer = await post(node, etcdClient, '/v3/cluster/member/list', { client }, signal);
      const members = parseMembers(answer);
      return { members: await withHealth(node, { facts, members, client }, signal), message: '' };
    } catch (error) {
      if (!(error instanceof CertError) || error.code === 'Aborted') throw error;
      failures.push(`${certPath}: ${describeError(error)}`);
    }
  }
  return {
    members: [],
    message: `the member list cannot be had: ${failures.join('; ') || 'no client certificate is known'}`,
    ...(await whySilent(node, facts, { endpoint: etcdClient, pairs }, signal)),
  };
}

/** A pair that may speak to etcd, or why it cannot be used. */
type ReadPair = Pick<PairPaths, 'certPath'> &
  (
    | { readonly client: ClientCredential; readonly certificate: Certificate; readonly why?: undefined }
    | { readonly client?: undefined; readonly certificate?: undefined; readonly why: string }
  );

/** One that is missing, or cannot be read, is no reason to end: then nobody can ask with it. */
function readPair({ files }: RotationNode, pair: PairPaths): ReadPair {
  const { certPath } = pair;
  try {
    const client = readLive(files, { form: 'pair', ...pair });
    const { certificate } = readBundle(toBytes(client.certificate));
    return certificate === undefined
      ? { certPath, why: 'holds no certificate' }
      : { certPath, client, certificate };
  } catch (error) {
    if (error instanceof CertError) return { certPath, why: describeError(error) };
    throw error;
  }
}

/** Its gateway speaks to itself with the serving certificate: that it has expired is as good as a client's. */
async function whySilent(
  node: RotationNode,
  facts: NodeFacts,
  { endpoint, pairs }: { readonly endpoint: Endpoint; readonly pairs: readonly ReadPair[] },
  signal: AbortSignal,
): Promise<Pick<EtcdView, 'silence' | 'expired'>> {
  const now = node.now();
  const known = pairs.flatMap(({ client, certificate }) =>
    certificate === undefined ? [] : [{ client, certificate }],
  );
  const usable = known.find(({ certificate }) => certificate.notAfter > now);
  if (known.length > 0 && usable === undefined)
    return { silence: 'expired', expired: known.map(({ certificate }) => certificate.serial) };
  const client = usable === undefined ? {} : { client: usable.client };
  try {
    const shown = await node.probes.handshake({ ...endpoint, ...client }, signal);
    if (shown.notAfter <= now) return { silence: 'expired', expired: [shown.serial] };
  } catch (error) {
    if (!(error instanceof CertError) || error.code === 'Aborted') throw error;
    const isRefused = errnoOf(error.cause) === 'ECONNREFUSED';
    if (isRefused && node.processes.find('etcd').length === 0) return { silence: 'down' };
  }
  if (await saysNoLeader(node, facts, signal)) return { silence: 'no-leader' };
  return { silence: usable === undefined ? 'no-certificate' : 'other' };
}

/**
 * Whether this node's member says itself that it finds no leader. One that was started without a quorum speaks to no client
 * until it has found one (embed/serve.go), but always where it shows its metrics. False when it does not say.
 * Errors: Aborted.
 */
export async function saysNoLeader(
  { probes }: RotationNode,
  { etcdMetrics }: NodeFacts,
  signal: AbortSignal,
): Promise<boolean> {
  if (etcdMetrics === undefined) return false;
  try {
    const { status, body } = await probes.request({ ...etcdMetrics, plain: true, path: '/health' }, signal);
    return status === 503 && /no leader/iu.test(body);
  } catch (error) {
    if (!(error instanceof CertError) || error.code === 'Aborted') throw error;
    return false;
  }
}

interface Listed {
  readonly name: string;
  readonly voting: boolean;
  readonly own: boolean;
  readonly endpoints: readonly Endpoint[];
}

async function withHealth(
  node: RotationNode,
  asked: {
    readonly facts: NodeFacts;
    readonly members: readonly Listed[];
    readonly client: ClientCredential;
  },
  signal: AbortSignal,
): Promise<EtcdMember[]> {
  const { facts, members, client } = asked;
  const ca = facts.etcdCaPath === undefined ? undefined : readText(node, facts.etcdCaPath);
  return await Promise.all(
    members.map(async ({ endpoints, ...member }): Promise<EtcdMember> => {
      const endpoint = member.own ? facts.etcdClient : endpoints[0];
      if (endpoint === undefined) return { ...member, healthy: false, message: 'has not started yet' };
      // Our own may show an expired certificate, which is what we are here for.
      const options = { client, ...(member.own || ca === undefined ? {} : { ca }) };
      const message = await illnessOf(node, endpoint, options, signal);
      return { ...member, healthy: message === '', message };
    }),
  );
}

async function illnessOf(
  node: RotationNode,
  endpoint: Endpoint,
  options: { readonly client: ClientCredential; readonly ca?: string },
  signal: AbortSignal,
): Promise<string> {
  try {
    const status = await post(node, endpoint, '/v3/maintenance/status', options, signal);
    const [leader, errors] = [field(status, 'leader'), field(status, 'errors')];
    if (leader === undefined || leader === '0') return noLeader;
    return Array.isArray(errors) && errors.length > 0 ? errors.join(', ') : '';
  } catch (error) {
    if (error instanceof CertError && error.code === 'Aborted') throw error;
    return describeError(error);
  }
}

async function post(
  node: RotationNode,
  endpoint: Endpoint,
  path: string,
  options: { readonly client: ClientCredential; readonly ca?: string },
  signal: AbortSignal,
): Promise<unknown> {
  const question = { ...endpoint, ...options, method: 'POST', path, body: '{}' } as const;
  const { status, body } = await node.probes.request(question, signal);
  if (status !== 200)
    throw new CertError('Unreachable', `etcd answered ${path} with status ${status}: ${body.slice(0, 200)}`);
  try {
    const value: unknown = JSON.parse(body);
    return value;
  } catch (error) {
    throw new CertError('Unreachable', `etcd answered ${path} with something that is no JSON`, {
      cause: error,
    });
  }
}

/**
 * Ours is the member that answers: its id is in every answer's header. Addresses say nothing, since what it listens on
 * (0.0.0.0, loopback) need not be what it advertises.
 */
function parseMembers(answer: unknown): Listed[] {
  const members = field(answer, 'members');
  if (!Array.isArray(members)) throw new CertError('Unreachable', 'etcd names no members');
  const ownId = field(field(answer, 'header'), 'member_id');
  const listed = members.map((member: unknown) => {
    const urls = field(member, 'clientURLs');
    const endpoints = Array.isArray(urls) ? urls.flatMap((url: unknown) => endpointOf(url) ?? []) : [];
    const name = field(member, 'name');
    return {
      name: typeof name === 'string' && name !== '' ? name : 'unnamed member',
      voting: field(member, 'isLearner') !== true,
      // 64-bit numbers come as strings (protobuf's JSON mapping).
      own: typeof ownId === 'string' && field(member, 'ID') === ownId,
      endpoints,
    };
  });
  if (listed.some(({ own }) => own)) return listed;
  const id = typeof ownId === 'string' ? ` (id ${ownId})` : '';
  throw new CertError('NotProved', `etcd: none of its members is the one that answers here${id}`);
}

export function endpointOf(url: unknown): Endpoint | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  const { hostname, port } = new URL(url);
  return { host: hostname.replaceAll(/^\[|\]$/g, ''), port: Number(port) || 2379 };
}

export const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;

export const readText = ({ files }: RotationNode, path: string): string | undefined =>
  files.stat(path)?.kind === 'file'
    ? Buffer.from(files.read(files.realpath(path))).toString('latin1')
    : undefined;
