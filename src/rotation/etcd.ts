// The health of etcd, asked on the node itself (R12) through its JSON gateway (etcd 3.5 and 3.6, /v3/…), and whether this
// node's member may be touched now (R13).
import { CertError, describeError } from '../errors.ts';
import type { ClientCredential } from '../host/probes.ts';
import { readLive } from './material.ts';
import type { Endpoint, NodeFacts, RotationNode } from './types.ts';

export interface EtcdMember {
  readonly name: string;
  readonly voting: boolean;
  readonly own: boolean;
  readonly healthy: boolean;
  readonly message: string;
}

export interface EtcdView {
  /** Empty when the member list itself could not be had. */
  readonly members: readonly EtcdMember[];
  readonly message: string;
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
export function judgeEtcd({ members, message }: EtcdView): EtcdVerdict {
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
  };
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
    if (leader === undefined || leader === '0') return 'has no leader';
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
