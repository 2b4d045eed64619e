// Whether this node's member of etcd may be touched now (R13): nobody goes on because he could not ask. What opens the gate
// in spite of that is known, and only for a person who stands before the node (R15, docs/adr/0009-cold-start.md).
import { CertError } from '../errors.ts';
import { askEtcd, electionMs, isLeaderless, type EtcdView } from './etcd.ts';
import { ticks } from './prove-process.ts';
import type { NodeFacts, RotationNode } from './types.ts';

/** What a rotation has to say for itself where etcd is ill. */
export interface EtcdPlea {
  /** A person stands before the node (R15). */
  readonly attended: boolean;
  /** The rotation is cold: the kubelet is down, or the API that it needs. */
  readonly dead: boolean;
  /** Serials of what has expired and is renewed. */
  readonly renewsExpired: readonly string[];
}

/** Every reason for which the gate is open or shut. */
export const etcdReasons = {
  QuorumStays: 'etcd is well enough without the member of this node',
  NoQuorumNow: 'etcd has no quorum that could be lost',
  MemberDown: "this node's member of etcd does not run",
  AskedWithExpired:
    'etcd cannot be asked, since the certificates for that have expired: they are what is renewed',
  NodeDead: 'etcd cannot be asked on this node, which is dead',
  EtcdUnknown: 'it is not known whether etcd is safe',
  MemberIll: 'etcd has one or two members, and another one is unhealthy',
  QuorumWouldBeLost: 'etcd would lose its quorum should the member of this node be lost',
} as const;
export type EtcdReason = keyof typeof etcdReasons;

export interface EtcdVerdict {
  readonly safe: boolean;
  readonly reason: EtcdReason;
  readonly message: string;
}

type Opening = (view: EtcdView, plea: EtcdPlea) => boolean;

/** A rotation can only mend here: what is dead has no part in a quorum, and is not lost by new files. */
const openings: readonly (readonly [EtcdReason, Opening])[] = [
  ['NoQuorumNow', isLeaderless],
  ['MemberDown', ({ silence }) => silence === 'down'],
  [
    'AskedWithExpired',
    ({ silence, expired = [] }, { renewsExpired }) =>
      silence === 'expired' && expired.some((serial) => renewsExpired.includes(serial)),
  ],
  ['NodeDead', ({ silence }, { dead }) => silence !== undefined && dead],
];

/**
 * Three or more voting members: a quorum must be left should this node's be lost. One or two: every other must be
 * healthy. What is unhealthy on this node itself does not shut the gate: a rotation may be what mends it (R13).
 * Pure.
 */
export function judgeEtcd(view: EtcdView, plea: EtcdPlea): EtcdVerdict {
  const opened = plea.attended ? openings.find(([, opens]) => opens(view, plea)) : undefined;
  if (opened !== undefined) return { safe: true, reason: opened[0], message: etcdReasons[opened[0]] };
  const voting = view.members.filter((member) => member.voting);
  if (voting.length === 0) return shut('EtcdUnknown', `${view.message}${whatNext(view, plea)}`);
  const others = voting.filter((member) => !member.own);
  const ill = others.filter((member) => !member.healthy);
  const names = ill.map(({ name, message }) => `${name} (${message})`).join(', ');
  if (voting.length <= 2)
    return ill.length === 0 ? stays(`${voting.length} of ${voting.length} usable`) : shut('MemberIll', names);
  const quorum = Math.floor(voting.length / 2) + 1;
  const left = others.length - ill.length;
  if (left >= quorum) return stays(`${left} others of ${voting.length} healthy, quorum is ${quorum}`);
  return shut('QuorumWouldBeLost', `quorum is ${quorum} of ${voting.length}, unhealthy: ${names}`);
}

const stays = (message: string): EtcdVerdict => ({
  safe: true,
  reason: 'QuorumStays',
  message: `etcd: ${message}`,
});

const shut = (reason: EtcdReason, message: string): EtcdVerdict => ({
  safe: false,
  reason,
  message: `${reason}: ${etcdReasons[reason]} (${message})`,
});

const whatNext = ({ silence }: EtcdView, { attended }: EtcdPlea): string => {
  if (silence === 'no-certificate')
    return '; kubeadm init phase certs etcd-healthcheck-client makes one where there is none';
  return attended || silence === undefined || silence === 'other'
    ? ''
    : '; cert-renew all on this node may go on all the same';
};

/** What an election, or a restart of the member, brings about too. A node that is dead was looked at before that was said. */
const passing: readonly EtcdReason[] = ['NoQuorumNow', 'MemberDown'];
const pauseMs = 1000;

async function judgeLasting(
  node: RotationNode,
  facts: NodeFacts,
  plea: EtcdPlea,
  signal: AbortSignal,
): Promise<EtcdVerdict> {
  const end = ticks(node) + electionMs;
  for (;;) {
    const verdict = judgeEtcd(await askEtcd(node, facts, signal), plea);
    if (plea.dead || !passing.includes(verdict.reason) || ticks(node) >= end) return verdict;
    await node.sleep(pauseMs, signal);
  }
}

/** @throws CertError NotProved when etcd is unsafe, or nobody knows; Aborted */
export async function refuseUnsafeEtcd(
  node: RotationNode,
  facts: NodeFacts,
  plea: EtcdPlea,
  signal: AbortSignal,
): Promise<void> {
  if (facts.etcdClient === undefined) return;
  const { safe, message } = await judgeLasting(node, facts, plea, signal);
  if (!safe) throw new CertError('NotProved', message);
}
