import { describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import type { HttpQuestion } from '../host/probes.ts';
import { askEtcd, judgeEtcd, type EtcdVerdict } from './etcd.ts';
import { fakeFacts, makeCa, makeDisk } from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import type { NodeFacts, RotationNode } from './types.ts';

const signal = new AbortController().signal;
const fake = new FakeNode(makeDisk(makeCa()), makeCa());
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
