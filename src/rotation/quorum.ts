// What etcd lacks for a quorum, as its members tell each other. A member that was started without one speaks to no client,
// but to its peers at once (embed/etcd.go, servePeers): so their side is asked, with this node's own certificate for it.
import { CertError } from '../errors.ts';
import type { Location } from '../catalogue/ids.ts';
import type { ClientCredential } from '../host/probes.ts';
import type { Context } from './context.ts';
import { askEtcd, electionMs, endpointOf, field, isLeaderless, readText, saysNoLeader } from './etcd.ts';
import type { JournalCertificate, JournalStage } from './journal.ts';
import { readLive } from './material.ts';
import { ticks } from './prove-process.ts';
import type { Endpoint, NodeFacts, RotationNode } from './types.ts';

/** Where nobody can tell whether others are needed at all. */
const uncountedMs = 30_000;

/** Told of every look in vain. Result: why it is of no use to look on; empty when it may be. Errors: Aborted. */
export type QuorumWatch = (certificates: readonly JournalCertificate[]) => Promise<string>;

/**
 * For etcd's proof on a dead node: as soon as etcd itself says that it has no leader, only the others can change that, and
 * the health that would be proved cannot come. Where there is a way back nobody stops waiting for that.
 */
export function watchQuorum(context: Context, stage: JournalStage): QuorumWatch {
  const { node, journal, signal } = context;
  if (stage.name !== 'etcd' || context.attended !== true || stage.mayReturn === true)
    return () => Promise.resolve('');
  let leaderless: number | undefined;
  return async (certificates) => {
    const location = certificates.find(({ id }) => id === 'etcd/peer.crt')?.location;
    const lack = await quorumLack(node, journal.facts, location, signal);
    if (lack === undefined) leaderless = undefined;
    else leaderless ??= ticks(node);
    if (lack === undefined || leaderless === undefined) return '';
    if (ticks(node) - leaderless < (lack === 'some' ? uncountedMs : electionMs)) return '';
    const served = certificates.flatMap(({ id, proof }) => (proof === undefined ? [] : [id]));
    const here = served.length === 0 ? 'it runs' : `${served.join(', ')} served`;
    return `${here}; no quorum until ${others[lack] ?? `${lack} more members are renewed`}`;
  };
}

const others: Readonly<Record<number | 'some', string>> = {
  some: 'more of its members are renewed',
  1: '1 more member is renewed',
};

/**
 * How many members a quorum lacks beside those that answer their peers with a valid certificate; `some` where they cannot
 * be counted. Undefined: there is a leader, or one can still be found, or etcd does not say. Errors: Aborted.
 */
export async function quorumLack(
  node: RotationNode,
  facts: NodeFacts,
  peer: Location | undefined,
  signal: AbortSignal,
): Promise<number | 'some' | undefined> {
  const isWithout =
    facts.etcdMetrics === undefined
      ? isLeaderless(await askEtcd(node, facts, signal))
      : await saysNoLeader(node, facts, signal);
  if (!isWithout) return undefined;
  const { etcdPeer, etcdCaPath } = facts;
  if (etcdPeer === undefined || peer === undefined) return 'some';
  try {
    const client = readLive(node.files, peer);
    const voting = votingPeers(await askPeer(node, etcdPeer, { client }, signal));
    const ca = etcdCaPath === undefined ? undefined : readText(node, etcdCaPath);
    const options = { client, ...(ca === undefined ? {} : { ca }) };
    const answers = await Promise.all(voting.map((each) => isAnswering(node, each, options, signal)));
    const lack = Math.floor(voting.length / 2) + 1 - answers.filter(Boolean).length;
    return lack > 0 ? lack : undefined;
  } catch (error) {
    if (!(error instanceof CertError) || error.code === 'Aborted') throw error;
    return 'some';
  }
}

interface PeerOptions {
  readonly client: ClientCredential;
  readonly ca?: string;
}

async function isAnswering(
  node: RotationNode,
  peer: Endpoint | undefined,
  options: PeerOptions,
  signal: AbortSignal,
): Promise<boolean> {
  if (peer === undefined) return false;
  try {
    await askPeer(node, peer, options, signal);
    return true;
  } catch (error) {
    if (!(error instanceof CertError) || error.code === 'Aborted') throw error;
    return false;
  }
}

async function askPeer(
  { probes }: RotationNode,
  peer: Endpoint,
  options: PeerOptions,
  signal: AbortSignal,
): Promise<unknown> {
  const { status, body } = await probes.request({ ...peer, ...options, path: '/members' }, signal);
  try {
    if (status === 200) return JSON.parse(body);
  } catch {
    // what is no JSON is no answer
  }
  throw new CertError('Unreachable', `${peer.host}:${peer.port} answers /members with status ${status}`);
}

function votingPeers(members: unknown): readonly (Endpoint | undefined)[] {
  if (!Array.isArray(members) || members.length === 0)
    throw new CertError('Unreachable', 'etcd names no members');
  return members
    .filter((member: unknown) => field(member, 'isLearner') !== true)
    .map((member: unknown) => {
      const urls = field(member, 'peerURLs');
      return endpointOf(Array.isArray(urls) ? urls[0] : undefined);
    });
}
