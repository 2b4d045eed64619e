import { describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import type { HttpAnswer, HttpQuestion } from '../host/probes.ts';
import { defaultTimeouts } from './types.ts';
import type { NodeFacts, RotationNode } from './types.ts';
import type { Context } from './context.ts';
import { fakeFacts, fakeTargets, makeCa, makeDisk } from './fake-disk.ts';
import { fakeJournal, fakeStage } from './fake-journal.ts';
import { FakeNode } from './fake-node.ts';
import type { JournalCertificate } from './journal.ts';
import { quorumLack, watchQuorum } from './quorum.ts';

const signal = new AbortController().signal;
const ca = makeCa();
// Any pair of the node's will do.
const peer = fakeTargets[0]?.location ?? { form: 'combined', path: '' };
const facts: NodeFacts = {
  ...fakeFacts,
  etcdMetrics: { host: '127.0.0.1', port: 2381 },
  etcdPeer: { host: '10.0.0.1', port: 2380 },
  etcdCaPath: '/etc/kubernetes/pki/ca.crt',
};
const member = (index: number) => ({ peerURLs: [`https://10.0.0.${index}:2380`], name: `n${index}` });
const three = [1, 2, 3].map(member);

interface Etcd {
  readonly members?: readonly object[];
  readonly answering?: readonly number[];
  readonly health?: HttpAnswer;
}

const noLeader = { status: 503, body: '{"health":"false","reason":"RAFT NO LEADER"}' };

/** Its members answer their peers, and those alone who name a CA may be judged by it. */
function nodeWith(fake: FakeNode, etcd: () => Etcd): RotationNode {
  const answer = ({ host, port, path, client, ca: judge }: HttpQuestion): HttpAnswer => {
    const { members = three, answering = [1], health = noLeader } = etcd();
    if (port === 2381) return health;
    const isThere = answering.some((index) => host === `10.0.0.${index}`);
    if (port !== 2380 || path !== '/members' || client === undefined || !isThere)
      throw new CertError('Unreachable', 'no answer');
    if (host !== '10.0.0.1' && judge === undefined) throw new Error('nobody judged another');
    return { status: 200, body: JSON.stringify(members) };
  };
  const { node } = fake;
  const request: RotationNode['probes']['request'] = (question) =>
    Promise.resolve().then(() => answer(question));
  return { ...node, probes: { ...node.probes, request } };
}

const lackOf = (etcd: Etcd, change: Partial<NodeFacts> = {}): ReturnType<typeof quorumLack> =>
  quorumLack(
    nodeWith(new FakeNode(makeDisk(ca), ca), () => etcd),
    { ...facts, ...change },
    peer,
    signal,
  );

describe('what etcd lacks for a quorum', () => {
  it.each<[string, Etcd, number | 'some' | undefined]>([
    ['one of three answers', {}, 1],
    ['two of three answer, and have not found a leader yet', { answering: [1, 3] }, undefined],
    ['one of five answers', { members: [1, 2, 3, 4, 5].map(member) }, 2],
    ['a learner is among them', { members: [member(1), { ...member(2), isLearner: true }] }, undefined],
    ['the only one has not found itself yet', { members: [member(1)] }, undefined],
    ['there is a leader', { health: { status: 200, body: '{"health":"true"}' } }, undefined],
    [
      'it is ill for another reason',
      { health: { status: 503, body: '{"health":"false","reason":"ALARM NOSPACE"}' } },
      undefined,
    ],
    ['its side for its peers does not answer', { answering: [] }, 'some'],
    ['it names no members', { members: [] }, 'some'],
  ])('is known where %s', async (_, etcd, lack) => {
    expect(await lackOf(etcd)).toBe(lack);
  });

  it('cannot be counted without the certificate for peers', async () => {
    const node = nodeWith(new FakeNode(makeDisk(ca), ca), () => ({}));
    expect(await quorumLack(node, facts, undefined, signal)).toBe('some');
  });
});

describe('the wait for etcd’s proof', () => {
  const location = peer;
  const serials = { oldSerial: '1', newSerial: '2', oldNotAfter: '', newNotAfter: '' };
  const certificates: readonly JournalCertificate[] = [
    { id: 'etcd/peer.crt', location, ...serials, proof: 'handshake' },
    { id: 'etcd/server.crt', location, ...serials },
  ];
  const stage = fakeStage('etcd', { state: 'unproved', certificates, mayReturn: false });

  function contextOf(node: RotationNode, attended = true): Context {
    const journal = fakeJournal([stage], facts);
    return { node, timeouts: defaultTimeouts, signal, journal, attended, cold: true };
  }

  /** Seconds after which it is known to be in vain, and why; looked at once a second for a minute. */
  async function inVainAfter(
    etcd: (second: number) => Etcd,
    attended = true,
  ): Promise<readonly [number, string]> {
    let second = 0;
    const node = nodeWith(new FakeNode(makeDisk(ca), ca), () => etcd(second));
    const why = watchQuorum(contextOf(node, attended), stage);
    for (; second < 60; second += 1) {
      const text = await why(certificates);
      if (text !== '') return [second, text];
      await node.sleep(1000, signal);
    }
    return [second, ''];
  }

  it('is in vain when one member stays alone for ten seconds', async () => {
    const said = 'etcd/peer.crt served; no quorum until 1 more member is renewed';
    expect(await inVainAfter(() => ({}))).toEqual([10, said]);
    const [, five] = await inVainAfter(() => ({ members: [1, 2, 3, 4, 5].map(member) }));
    expect(five).toContain('no quorum until 2 more members are renewed');
  });

  it('begins anew when a leader was there in between', async () => {
    const well = { health: { status: 200, body: '' } };
    expect((await inVainAfter((second) => (second === 8 ? well : {})))[0]).toBe(19);
  });

  it('takes longer where the others cannot be counted', async () => {
    const [second, text] = await inVainAfter(() => ({ answering: [] }));
    expect([second, text]).toEqual([30, expect.stringContaining('until more of its members are renewed')]);
  });

  it('is not given up while a quorum can come, nor by an agent', async () => {
    expect(await inVainAfter(() => ({ answering: [1, 2] }))).toEqual([60, '']);
    expect(await inVainAfter(() => ({}), false)).toEqual([60, '']);
  });

  it('is not given up where there is a way back', async () => {
    const node = nodeWith(new FakeNode(makeDisk(ca), ca), () => ({}));
    const why = watchQuorum(contextOf(node), { ...stage, mayReturn: true });
    expect(await why(certificates)).toBe('');
    await node.sleep(11_000, signal);
    expect(await why(certificates)).toBe('');
  });
});
