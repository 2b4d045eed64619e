import { beforeAll, describe, expect, it } from 'vitest';
import { CertError } from '../errors.ts';
import { askEtcd, judgeEtcd, type EtcdMember } from './etcd.ts';
import { fakeFacts, makeCa, makeDisk, type FakeCa } from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import type { NodeFacts } from './types.ts';

const { signal } = new AbortController();

/** `own`, `ok`, `ill`, and `learner` for one that has no vote. */
function members(...kinds: readonly ('own' | 'own-ill' | 'ok' | 'ill' | 'learner')[]): EtcdMember[] {
  return kinds.map((kind, i) => ({
    name: `n${i + 1}`,
    voting: kind !== 'learner',
    own: kind.startsWith('own'),
    healthy: !kind.endsWith('ill'),
    message: kind.endsWith('ill') ? 'down' : '',
  }));
}

describe('judgeEtcd', () => {
  it.each([
    ['one alone', members('own'), true],
    ['one alone that is ill: a rotation may mend it', members('own-ill'), true],
    ['two', members('own', 'ok'), true],
    ['two, the other ill', members('own', 'ill'), false],
    ['three', members('own', 'ok', 'ok'), true],
    ['three, our own ill', members('own-ill', 'ok', 'ok'), true],
    ['three, another ill: without us one would be left', members('own', 'ok', 'ill'), false],
    ['four, another ill', members('own', 'ok', 'ok', 'ill'), false],
    ['five, another ill', members('own', 'ok', 'ok', 'ok', 'ill'), true],
    ['five, two others ill', members('own', 'ok', 'ok', 'ill', 'ill'), false],
    ['three and a learner that counts for nothing', members('own', 'ok', 'ill', 'learner'), false],
    ['three, and none known to be ours', members('ok', 'ok', 'ok'), false],
    ['three, none known to be ours, one ill: not 2 of 3', members('ok', 'ok', 'ill'), false],
    ['nobody', [], false],
  ])('%s', (_, given, safe) => {
    expect(judgeEtcd({ members: given, message: 'not asked' }).safe).toBe(safe);
  });
});

describe('askEtcd', () => {
  let ca: FakeCa;
  beforeAll(() => {
    ca = makeCa();
  });

  it('knows its own member by its ID, also where etcd is asked by loopback', async () => {
    const fake = new FakeNode(makeDisk(ca), ca);
    fake.etcdMembers = ['n1', 'n2', 'n3'].map((name, i) => ({ name, host: `10.0.0.${i + 1}`, leader: '1' }));
    const { node } = fake;
    const request: typeof node.probes.request = (question, each) =>
      question.host === '10.0.0.3'
        ? Promise.reject(new CertError('Unreachable', 'down'))
        : node.probes.request(question, each);
    const facts: NodeFacts = { ...fakeFacts, etcdClient: { host: '127.0.0.1', port: 2379 } };
    const view = await askEtcd({ ...node, probes: { ...node.probes, request } }, facts, signal);
    expect(view.members.map(({ name, own, healthy }) => [name, own, healthy])).toEqual([
      ['n1', true, true],
      ['n2', false, true],
      ['n3', false, false],
    ]);
    expect(judgeEtcd(view).safe).toBe(false);
  });
});
