import { describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import type { HttpQuestion } from '../host/probes.ts';
import { judgeEtcd, type EtcdVerdict } from './etcd-gate.ts';
import { askEtcd, type Silence } from './etcd.ts';
import { fakeFacts, fakeTargets, makeCa, makeDisk } from './fake-disk.ts';
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
  return judgeEtcd(await askEtcd(node, facts, signal), { attended: false, dead: false, renewsExpired: [] });
}

describe('whether etcd is safe (R13)', () => {
  it('counts the member that answers as this node’s, whatever address it is known by', async () => {
    const answer = { header, members: three };
    const { safe, message } = await verdictOf(nodeWith(answer, down('10.0.0.3')), wildcard);
    expect(message).toContain('lose its quorum');
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

async function silenceOf(fake: FakeNode, facts: NodeFacts = fakeFacts): Promise<Silence | undefined> {
  fake.quorum = false;
  return (await askEtcd(fake.node, facts, signal)).silence;
}

const nobody = (): never => {
  throw new CertError('Unreachable', 'hangs');
};

/** etcd runs, whatever it answers. */
function running(
  { node }: FakeNode,
  answer: (question: HttpQuestion) => { status: number; body: string } = nobody,
): RotationNode {
  const process = { pid: 9, startedAt: node.now(), startedMs: 0, commandLine: ['etcd'], isOfPod: true };
  const request: RotationNode['probes']['request'] = (question) =>
    Promise.resolve().then(() => answer(question));
  const find = (name: string) => (name === 'etcd' ? [process] : node.processes.find(name));
  const handshake = (): Promise<never> => Promise.resolve().then(nobody);
  return { ...node, probes: { request, handshake }, processes: { ...node.processes, find } };
}

describe('etcd that does not answer', () => {
  const pair = fakeFacts.etcdClients?.[0];
  const metrics = { host: '127.0.0.1', port: 2381 };

  it('is known to be silent for its expired certificates, and for which', async () => {
    const fake = new FakeNode(makeDisk(ca, -1), ca);
    fake.quorum = false;
    const [server] = fakeTargets;
    if (server === undefined) throw new Error('no target');
    expect(await askEtcd(fake.node, fakeFacts, signal)).toMatchObject({
      members: [],
      silence: 'expired',
      expired: [fake.certificate(server).serial],
    });
    expect(await silenceOf(new FakeNode(makeDisk(ca, 20), ca))).toBe('down');
  });

  it.each(['certPath', 'keyPath'] as const)('cannot be asked where the %s is missing', async (path) => {
    const fake = new FakeNode(makeDisk(ca), ca);
    fake.files.unlink(pair?.[path] ?? '');
    const view = await askEtcd(running(fake), fakeFacts, signal);
    expect(view).toMatchObject({ members: [], silence: 'no-certificate' });
    expect(view.message).toContain(`${pair?.[path]}`);
  });

  it('cannot be asked with what is no certificate', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    const path = pair?.certPath ?? '';
    fake.files.unlink(path);
    fake.files.create(path, new Uint8Array(Buffer.from('x')), { mode: 0o600, uid: 0, gid: 0 });
    expect((await askEtcd(running(fake), fakeFacts, signal)).silence).toBe('no-certificate');
  });

  it('is down where its certificates are missing and it does not run', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    fake.files.unlink(pair?.certPath ?? '');
    expect(await silenceOf(fake)).toBe('down');
  });

  it('says where it shows its metrics that it has no leader, when it speaks to no client yet', async () => {
    const node = running(new FakeNode(makeDisk(ca), ca), (question) => {
      if (question.plain !== true || question.port !== 2381) throw new CertError('Unreachable', 'hangs');
      return { status: 503, body: '{"health":"false","reason":"RAFT NO LEADER"}' };
    });
    expect((await askEtcd(node, { ...fakeFacts, etcdMetrics: metrics }, signal)).silence).toBe('no-leader');
    expect((await askEtcd(node, fakeFacts, signal)).silence).toBe('other');
  });
});
