import { describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import type { HttpQuestion } from '../host/probes.ts';
import { askEtcd, judgeEtcd } from './etcd.ts';
import type { EtcdPlea, EtcdVerdict, EtcdView, Silence } from './etcd.ts';
import { fakeFacts, makeCa, makeDisk } from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import type { NodeFacts, RotationNode } from './types.ts';

const signal = new AbortController().signal;
const ca = makeCa();
const fake = new FakeNode(makeDisk(ca), ca);
const three = ['n1', 'n2', 'n3'].map((name, index) => ({
  ID: `1027665774393297543${index}`,
  name,
  clientURLs: [`https://10.0.0.${index + 1}:2379`],
}));
const header = { member_id: three[0]?.ID };
/** etcd listens on 0.0.0.0: the node asks it on loopback, and no member advertises that. */
const wildcard: NodeFacts = { ...fakeFacts, etcdClient: { host: '127.0.0.1', port: 2379 } };

function nodeWith(list: object, statusOf: (question: HttpQuestion) => object = () => ({ leader: '1' })) {
  const node = fake.node;
  const request: RotationNode['probes']['request'] = (question) =>
    Promise.resolve().then(() => ({
      status: 200,
      body: JSON.stringify(question.path.endsWith('/list') ? list : statusOf(question)),
    }));
  return { ...node, probes: { ...node.probes, request } };
}

const down = (host: string) => (question: HttpQuestion) => {
  if (question.host === host) throw new CertError('Unreachable', 'down');
  return { leader: '1' };
};

async function verdictOf(node: RotationNode, facts: NodeFacts): Promise<EtcdVerdict> {
  return judgeEtcd(await askEtcd(node, facts, signal), { attended: false, expired: false });
}

describe('whether etcd is safe (R13)', () => {
  it('counts the member that answers as this node’s, whatever address it is known by', async () => {
    const answer = { header, members: three };
    const { safe, message } = await verdictOf(nodeWith(answer, down('10.0.0.3')), wildcard);
    expect(message).toContain('lose its quorum of 2');
    expect(safe).toBe(false);
    expect((await verdictOf(nodeWith(answer), wildcard)).safe).toBe(true);
  });

  it('asks this node’s member without judging its certificate, which may have expired', async () => {
    const judged: string[] = [];
    const node = nodeWith({ header, members: three.slice(0, 2) }, (question) => {
      if (question.ca !== undefined) judged.push(question.host);
      return { leader: '1' };
    });
    await askEtcd(node, { ...wildcard, etcdCaPath: '/etc/machine-id' }, signal);
    expect(judged).toEqual(['10.0.0.2']);
  });

  it('is unsafe when no member is this node’s, and says so', async () => {
    for (const members of [three, three.slice(0, 1)]) {
      const { safe, message } = await verdictOf(nodeWith({ header: { member_id: '7' }, members }), fakeFacts);
      expect(safe).toBe(false);
      expect(message).toContain('none of its members is the one that answers here (id 7)');
    }
    const { safe } = await verdictOf(nodeWith({ members: three }), fakeFacts);
    expect(safe).toBe(false);
  });
});

const silent = (silence: Silence): EtcdView => ({ members: [], message: 'no list', silence });

describe('etcd that cannot be asked, or is ill already', () => {
  const member = { name: 'n1', voting: true, own: true, healthy: false, message: 'has no leader' };
  const ill: EtcdView = {
    members: [member, { ...member, name: 'n2', own: false }, { ...member, name: 'n3', own: false }],
    message: '',
  };
  const person = { attended: true, expired: false };

  it.each<[string, EtcdView, EtcdPlea, boolean]>([
    [
      'what is renewed are the expired certificates for asking',
      silent('expired'),
      { attended: false, expired: true },
      true,
    ],
    [
      'something else is renewed than what has expired',
      silent('expired'),
      { attended: false, expired: false },
      false,
    ],
    [
      'this node’s member does not run, and nobody is there',
      silent('down'),
      { attended: false, expired: true },
      false,
    ],
    ['this node’s member does not run, and a person is there', silent('down'), person, true],
    ['it is silent for another reason', silent('other'), person, false],
    [
      'it is silent for another reason, but all has expired',
      silent('other'),
      { attended: true, expired: true },
      true,
    ],
    ['there is no quorum to lose, and nobody is there', ill, { attended: false, expired: true }, false],
    ['there is no quorum to lose, and a person is there', ill, person, true],
  ])('is judged when %s', (_, view, plea, safe) => {
    expect(judgeEtcd(view, plea).safe).toBe(safe);
  });

  it('is known to be silent for its expired certificates', async () => {
    const fake = new FakeNode(makeDisk(ca, -1), ca);
    fake.quorum = false;
    const view = await askEtcd(fake.node, fakeFacts, signal);
    expect([view.members, view.silence]).toEqual([[], 'expired']);
    const valid = new FakeNode(makeDisk(ca, 20), ca);
    valid.quorum = false;
    expect((await askEtcd(valid.node, fakeFacts, signal)).silence).toBe('down');
  });
});
