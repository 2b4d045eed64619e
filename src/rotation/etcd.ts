// The health of etcd, asked on the node itself (R12) through its JSON gateway (etcd 3.5 and 3.6, /v3/…), and whether this
// node's member may be touched now (R13).
import { CertError, describeError } from '../errors.ts';
import type { ClientCredential } from '../host/probes.ts';
import { readBundle } from '../formats/pem.ts';
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

/** The certificates for asking have expired, or this node's member does not run. */
export type Silence = 'expired' | 'down' | 'other';

export interface EtcdView {
  /** Empty when the member list itself could not be had. */
  readonly members: readonly EtcdMember[];
  readonly message: string;
  /** Why there is no list. */
  readonly silence?: Silence;
}

/** What a rotation has to say for itself where etcd is ill. */
export interface EtcdPlea {
  /** A person stands before the node (R15). */
  readonly attended: boolean;
  /** What it is to renew has expired already. */
  readonly expired: boolean;
}

export interface EtcdVerdict {
  readonly safe: boolean;
  readonly message: string;
}

/**
 * Three or more voting members: a quorum must be left should this node's be lost. One or two: every other must be
 * healthy. What is unhealthy on this node itself does not shut the gate: a rotation may be what mends it (R13).
 * Pure.
 */
export function judgeEtcd(view: EtcdView, plea: EtcdPlea): EtcdVerdict {
  const cure = whyCure(view, plea);
  if (cure !== undefined) return { safe: true, message: `etcd: ${cure}` };
  const { members, message } = view;
  const voting = members.filter((member) => member.voting);
  if (voting.length === 0) return { safe: false, message: `etcd: ${message}` };
  const others = voting.filter((member) => !member.own);
  const ill = others.filter((member) => !member.healthy);
  const names = ill.map(({ name, message }) => `${name} (${message})`).join(', ');
  if (voting.length <= 2) {
    if (ill.length === 0) return { safe: true, message: `etcd: ${voting.length} of ${voting.length} usable` };
    return { safe: false, message: `etcd has ${voting.length} voting members and ${names} is unhealthy` };
  }
  const quorum = Math.floor(voting.length / 2) + 1;
  const left = others.length - ill.length;
  if (left >= quorum)
    return { safe: true, message: `etcd: ${left} others of ${voting.length} healthy, quorum is ${quorum}` };
  return {
    safe: false,
    message: `etcd would lose its quorum of ${quorum} should this node's member be lost: ${names} unhealthy`,
  };
}

/** Why a rotation here can only mend: what is dead has no part in a quorum, and is not lost by new files. */
function whyCure({ members, silence }: EtcdView, { attended, expired }: EtcdPlea): string | undefined {
  if (silence === 'expired' && expired)
    return 'it cannot be asked, since the certificates for that have expired: they are what is renewed';
  if (!attended) return undefined;
  if (silence === 'down') return "this node's member does not run";
  if (members.some(({ own, message }) => own && message === noLeader)) return 'it has no quorum now';
  return expired ? 'what is renewed here has expired already' : undefined;
}

const noLeader = 'has no leader';

/** Member list and the status of each. Never throws for what etcd does; errors: Aborted. */
export async function askEtcd(node: RotationNode, facts: NodeFacts, signal: AbortSignal): Promise<EtcdView> {
  const { etcdClient } = facts;
  if (etcdClient === undefined) return { members: [], message: 'no etcd runs on this node' };
  const failures: string[] = [];
  for (const pair of facts.etcdClients ?? []) {
    try {
      const client = readLive(node.files, { form: 'pair', ...pair });
      const answer = await post(node, etcdClient, '/v3/cluster/member/list', { client }, signal);
      const members = parseMembers(answer);
      return { members: await withHealth(node, { facts, members, client }, signal), message: '' };
    } catch (error) {
      if (error instanceof CertError && error.code === 'Aborted') throw error;
      failures.push(`${pair.certPath}: ${describeError(error)}`);
    }
  }
  return {
    members: [],
    message: `the member list cannot be had (${failures.join('; ') || 'no client certificate is known'})`,
    silence: await whySilent(node, facts, etcdClient, signal),
  };
}

/** Its gateway speaks to itself with the serving certificate: that it has expired is as good as a client's. */
async function whySilent(
  node: RotationNode,
  { etcdClients = [] }: NodeFacts,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<Silence> {
  const now = node.now();
  const usable = etcdClients.filter((pair) => endOf(node, pair) > now);
  if (etcdClients.length > 0 && usable.length === 0) return 'expired';
  const [pair] = usable;
  const client = pair === undefined ? {} : { client: readLive(node.files, { form: 'pair', ...pair }) };
  try {
    const shown = await node.probes.handshake({ ...endpoint, ...client }, signal);
    return shown.notAfter <= now ? 'expired' : 'other';
  } catch (error) {
    if (!(error instanceof CertError) || error.code === 'Aborted') throw error;
    return node.processes.find('etcd').length === 0 ? 'down' : 'other';
  }
}

/** One that cannot be read has not expired: it is simply broken. */
function endOf({ files }: RotationNode, pair: PairPaths): Date {
  try {
    const { certificate } = readBundle(toBytes(readLive(files, { form: 'pair', ...pair }).certificate));
    return certificate?.notAfter ?? new Date(8.64e15);
  } catch (error) {
    if (error instanceof CertError) return new Date(8.64e15);
    throw error;
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

function endpointOf(url: unknown): Endpoint | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  const { hostname, port } = new URL(url);
  return { host: hostname.replaceAll(/^\[|\]$/g, ''), port: Number(port) || 2379 };
}

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;

const readText = ({ files }: RotationNode, path: string): string | undefined =>
  files.stat(path)?.kind === 'file'
    ? Buffer.from(files.read(files.realpath(path))).toString('latin1')
    : undefined;
