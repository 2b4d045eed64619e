import { describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import { judgeEtcd, refuseUnsafeEtcd, type EtcdPlea, type EtcdReason } from './etcd-gate.ts';
import { noLeader, type EtcdMember, type EtcdView, type Silence } from './etcd.ts';
import { fakeFacts, makeCa, makeDisk } from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import type { RotationNode } from './types.ts';

const member: EtcdMember = { name: 'n1', voting: true, own: true, healthy: true, message: '' };
const other = (name: string, message = ''): EtcdMember => ({
  ...member,
  name,
  own: false,
  healthy: message === '',
  message,
});
const list = (...members: readonly EtcdMember[]): EtcdView => ({ members, message: '' });
const silent = (silence: Silence, expired: readonly string[] = []): EtcdView => ({
  members: [],
  message: 'no list',
  silence,
  expired,
});

const leaderless = { ...member, healthy: false, message: noLeader };
const noQuorum = list(leaderless, other('n2', 'down'), other('n3', 'down'));
const oneDown = list(member, other('n2'), other('n3', 'down'));

const agent: EtcdPlea = { attended: false, dead: false, renewsExpired: [] };
const person: EtcdPlea = { ...agent, attended: true };
const renews = (...serials: readonly string[]) => ({ renewsExpired: serials });
const dead = { dead: true };

const silences: readonly Silence[] = ['expired', 'no-certificate', 'down', 'no-leader', 'other'];

describe('an agent, before whom nobody stands', () => {
  it.each(silences)('does not go on when etcd is silent: %s', (silence) => {
    const plea = { ...agent, ...dead, ...renews('1') };
    const { safe, reason, message } = judgeEtcd(silent(silence, ['1']), plea);
    expect([safe, reason]).toEqual([false, 'EtcdUnknown']);
    expect(message).toMatch(/^EtcdUnknown: it is not known whether etcd is safe \(no list/);
  });

  it('does not go on where there is no quorum to lose', () => {
    expect(judgeEtcd(noQuorum, { ...agent, ...dead }).safe).toBe(false);
  });
});

describe('a person before the node', () => {
  it.each<[string, EtcdView, EtcdPlea, boolean, EtcdReason]>([
    [
      'etcd cannot be asked since what is renewed has expired',
      silent('expired', ['1', '2']),
      { ...person, ...renews('2') },
      true,
      'AskedWithExpired',
    ],
    [
      'something else is renewed than what has expired',
      silent('expired', ['1']),
      { ...person, ...renews('7') },
      false,
      'EtcdUnknown',
    ],
    ['its certificates for asking are missing', silent('no-certificate'), person, false, 'EtcdUnknown'],
    [
      'they are missing, and the node is dead',
      silent('no-certificate'),
      { ...person, ...dead },
      true,
      'NodeDead',
    ],
    ['it is silent for another reason', silent('other'), person, false, 'EtcdUnknown'],
    [
      'it is silent for another reason, though something has expired',
      silent('other'),
      { ...person, ...renews('1') },
      false,
      'EtcdUnknown',
    ],
    [
      'it is silent for another reason, and the node is dead',
      silent('other'),
      { ...person, ...dead },
      true,
      'NodeDead',
    ],
    ['this node’s member does not run', silent('down'), person, true, 'MemberDown'],
    ['it says that it has no leader, and nothing more', silent('no-leader'), person, true, 'NoQuorumNow'],
    ['there is no quorum to lose', noQuorum, person, true, 'NoQuorumNow'],
    ['quorum hangs on this node', oneDown, person, false, 'QuorumWouldBeLost'],
    [
      'quorum hangs on this node, on which something has expired',
      oneDown,
      { ...person, ...renews('1') },
      false,
      'QuorumWouldBeLost',
    ],
    [
      'quorum hangs on this node, whose kubelet is down',
      oneDown,
      { ...person, ...dead, ...renews('1') },
      false,
      'QuorumWouldBeLost',
    ],
    [
      'the other one of two is ill',
      list(member, other('n2', 'down')),
      { ...person, ...renews('1') },
      false,
      'MemberIll',
    ],
    ['all is well', list(member, other('n2'), other('n3')), person, true, 'QuorumStays'],
  ])('is judged when %s', (_, view, plea, safe, reason) => {
    expect(judgeEtcd(view, plea)).toMatchObject({ safe, reason });
  });
});

describe('a member without a leader, before a person', () => {
  const never = new AbortController().signal;
  const ca = makeCa();
  const facts = { ...fakeFacts, etcdMetrics: { host: '127.0.0.1', port: 2381 } };

  /** One of three members, of which another is down; it finds no leader for so many waits. */
  function searching(waits: number): [FakeNode, RotationNode] {
    const fake = new FakeNode(makeDisk(ca), ca);
    fake.quorum = false;
    fake.etcdMembers = ['1', '2', '3'].map((n) => ({ name: `n${n}`, host: `10.0.0.${n}`, leader: '1' }));
    let left = waits;
    fake.onSleep = () => (fake.quorum = (left -= 1) <= 0);
    const { node } = fake;
    const request: RotationNode['probes']['request'] = (question, signal) =>
      question.host === '10.0.0.3'
        ? Promise.reject(new CertError('Unreachable', 'no answer'))
        : node.probes.request(question, signal);
    return [fake, { ...node, probes: { ...node.probes, request } }];
  }

  it('is no open gate while there is an election', async () => {
    const [, node] = searching(3);
    await expect(refuseUnsafeEtcd(node, facts, person, never)).rejects.toThrow('QuorumWouldBeLost');
  });

  it('is one when that goes on', async () => {
    const [fake, node] = searching(1000);
    const start = fake.time.getTime();
    await refuseUnsafeEtcd(node, facts, person, never);
    expect(fake.time.getTime() - start).toBeGreaterThanOrEqual(10_000);
  });

  it('is not waited for on a node that was seen to be dead', async () => {
    const [fake, node] = searching(1000);
    const start = fake.time.getTime();
    await refuseUnsafeEtcd(node, facts, { ...person, ...dead }, never);
    expect(fake.time.getTime() - start).toBeLessThan(1000);
  });
});
