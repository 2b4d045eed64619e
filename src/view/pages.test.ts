import { describe, expect, it, test } from 'vitest';
import { defaultConfiguration } from '../controller/configuration.ts';
import { gates, reasons } from '../policy/reasons.ts';
import { authoritiesOf } from './authorities.ts';
import { historyOf, stepsOf } from './history.ts';
import { en } from './messages/en.ts';
import { say, spanOf, type Message } from './messages/message.ts';
import { zhGates, zhReasons } from './messages/zh-reasons.ts';
import { zh } from './messages/zh.ts';
import { nodePageOf } from './node.ts';
import { nodeRows } from './nodes.ts';
import type { Seen } from './picture.ts';
import { planOf } from './plan.ts';
import { settingsOf } from './settings.ts';
import { caRow, day, inDays, leafRow, notesOfUnseen, rotationObject, seenIn } from './testing.ts';
import { timelineOf } from './timeline.ts';

const english = { language: 'en', zone: 'UTC' } as const;
const chinese = { language: 'zh', zone: 'Asia/Shanghai' } as const;

const inOrder = (a: string, b: string) => (a < b ? -1 : 1);
const places = (text: string) =>
  [...new Set([...text.matchAll(/\{(\w+)/g)].map(([, name = '']) => name))].toSorted(inOrder);

describe('messages', () => {
  it('say the same values in both languages', () => {
    for (const [key, text] of Object.entries(en)) {
      const other: string = Reflect.get(zh, key);
      expect(places(other), key).toEqual(places(text));
    }
  });

  it('have a text for every gate and reason in both', () => {
    expect(Object.keys(zhGates).toSorted(inOrder)).toEqual(Object.keys(gates).toSorted(inOrder));
    expect(Object.keys(zhReasons).toSorted(inOrder)).toEqual(Object.keys(reasons).toSorted(inOrder));
    expect(say({ key: 'gate.Paused' }, english)).toBe('paused by a person');
    expect(say({ key: 'reason.Expired' }, chinese)).toBe('证书已过期');
  });

  it('count, date and nest in the reader’s language and zone', () => {
    const text: Message = {
      key: 'need.caEnding',
      with: { ca: 'etcd', at: { at: '2027-01-01T20:00:00Z' }, left: { span: 3 * day } },
    };
    expect(say(text, english)).toContain('it ends on 2027-01-01 (3 d)');
    expect(say(text, chinese)).toContain('将于 2027-01-02 到期（还有 3 天）');
    expect(say({ key: 'need.pausedNodes', with: { count: 2, first: 'a' } }, english)).toBe(
      '2 nodes are paused: a',
    );
    expect(spanOf(-90 * 60_000, english)).toBe('1.5 h');
  });
});

test('a row says the most pressing thing of its node', () => {
  const rows = nodeRows(
    seenIn({
      nodes: {
        fine: {},
        unread: { unread: true },
        unseen: { role: 'control-plane', notes: notesOfUnseen },
        expired: { rows: [leafRow('kubelet.crt', -1)] },
        broken: { rows: [leafRow('kubelet.crt', 50, { state: 'WritableByOthers' })] },
        due: { left: 5 },
        waits: {},
        runs: {},
        planned: {},
        failed: {},
      },
      rotations: [
        rotationObject('1', 'waits', { status: { phase: 'Pending', reason: 'Paused' } }),
        rotationObject('2', 'runs', { status: { phase: 'Running' } }),
        rotationObject('3', 'planned', { status: { phase: 'Scheduled', dueAt: inDays(2) } }),
        rotationObject('4', 'failed', {
          status: { phase: 'Failed', reason: 'AgentFailed', startedAt: inDays(-1) },
        }),
      ],
    }),
  );
  expect(
    Object.fromEntries(rows.map(({ name, state, text }) => [name, `${state}: ${say(text, english)}`])),
  ).toEqual({
    fine: 'fine: nothing due before 2027-04-20',
    unread: 'unread: never read',
    unseen: 'broken: cannot be seen: kube-apiserver',
    expired: 'expired: 1 expired',
    broken: 'broken: 1 cannot be renewed as it is',
    due: 'due: due since 2027-02-04',
    waits: 'waiting: waits: paused by a person',
    runs: 'running: being renewed: at work',
    planned: 'planned: renewed from 2027-03-03',
    failed: 'failed: failed: the agent on the node ended with an error',
  });
});

test('the timeline counts by week and kind, and loses nothing', () => {
  const rows = [
    leafRow('kubelet.crt', -1),
    leafRow('kubelet-client-current.pem', 1),
    leafRow('apiserver.crt', 8),
    caRow(3000),
  ];
  const timeline = timelineOf(seenIn({ nodes: { n1: { role: 'control-plane', rows } } }));
  expect(timeline).toMatchObject({
    total: 4,
    expired: { 'kubelet-serving': 1 },
    later: { ca: 1 },
    kinds: ['apiserver', 'kubelet-client', 'kubelet-serving', 'ca'],
  });
  expect(timeline.weeks.slice(0, 2)).toEqual([{ 'kubelet-client': 1 }, { apiserver: 1 }]);
  expect(timeline.weeks).toHaveLength(57);
});

describe('the plan', () => {
  const held = 'waits: EtcdUnsafe: n2 is not well; OutsideWindow: opens at 02:00; ClockSkew: 9 s off';
  const seen = seenIn({
    nodes: { n1: { role: 'control-plane' }, w1: { left: 3 }, w2: {}, w3: {} },
    settings: { mode: 'manual' },
    rotations: [
      rotationObject('a', 'w2', { status: { phase: 'Scheduled', dueAt: inDays(5) } }),
      rotationObject('b', 'n1', { status: { phase: 'Pending', reason: 'EtcdUnsafe', message: held } }),
      rotationObject('c', 'w1', {
        status: { phase: 'Pending', reason: 'Paused', message: 'waits: Paused: w1' },
      }),
      rotationObject('d', 'w3', {
        status: { phase: 'Running', step: 'renew, restart kube-apiserver, restart kubelet' },
      }),
    ],
  });
  const items = planOf(seen);

  it('is in the order in which the controller goes', () => {
    expect(items.map(({ name, urgency }) => `${name} ${urgency}`)).toEqual([
      'd due',
      'c urgent',
      'b due',
      'a due',
    ]);
  });

  it('has every gate that holds, with the controller’s own words', () => {
    const shut = items[2]?.gates ?? [];
    expect(shut.map(({ gate, hard, detail }) => ({ gate, hard, detail }))).toEqual([
      { gate: 'EtcdUnsafe', hard: true, detail: 'n2 is not well' },
      { gate: 'OutsideWindow', hard: false, detail: 'opens at 02:00' },
      { gate: 'ClockSkew', hard: true, detail: '9 s off' },
    ]);
  });

  it('is made for the page of a node of that node alone', () => {
    const alone: Seen = {
      ...seen,
      get nodes(): never {
        throw new Error('the whole cluster is asked for');
      },
    };
    expect(items.map(({ node }) => nodePageOf(alone, node)?.open)).toEqual(items);
  });

  it('says what is restarted', () => {
    expect(items.map(({ restarts }) => restarts && say(restarts, english))).toEqual([
      'restarts kube-apiserver, kubelet',
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('says what may be approved', () => {
    expect(items.map(({ approvable }) => approvable)).toEqual([false, true, true, true]);
  });
});

test('a node’s page has old and new, the last proof, and the steps of the last rotation', () => {
  const steps = [{ name: 'kubelet', startedAt: inDays(-1), finishedAt: inDays(-1), result: 'done' }];
  const renewed = {
    id: 'kubelet.crt',
    oldSerial: '0a',
    newSerial: '0b',
    proof: 'handshake on 10250',
  } as const;
  const status = {
    phase: 'Succeeded',
    reason: 'Renewed',
    finishedAt: inDays(-1),
    startedAt: inDays(-1),
    steps,
    certificates: [renewed],
  } as const;
  const seen = seenIn({ nodes: { w1: {} }, rotations: [rotationObject('a', 'w1', { status })] });
  const page = nodePageOf(seen, 'w1');
  expect(page?.certificates.find(({ id }) => id === 'kubelet.crt')).toMatchObject({
    component: 'kubelet',
    renewal: { ...renewed, at: inDays(-1) },
  });
  expect(page?.log).toMatchObject({ name: 'a', steps: [{ name: 'kubelet', result: 'done' }] });
  expect(page?.rotations).toMatchObject([{ name: 'a', phase: 'Succeeded' }]);
  expect(nodePageOf(seen, 'w9')).toBeUndefined();
  expect(historyOf(seen)).toMatchObject({ total: 1, rotations: [{ name: 'a', node: 'w1' }] });
});

test('the CAs are told once each, with who has them and what they sign', () => {
  expect(authoritiesOf(seenIn({ nodes: { w1: {}, w2: {} } }))).toMatchObject([
    { ca: 'kubernetes', nodes: 2, signed: 4, state: 'fine', on: 'w1' },
  ]);
});

test('a CA that lies twice on a node is counted once, and is held against the record of accepted ones', () => {
  const etcd = caRow(3000, { id: 'etcd/ca.crt', ca: 'etcd', sha256: 'e7'.repeat(32) });
  const rows = [caRow(3000), caRow(3000), etcd, leafRow('kubelet.crt', 60)];
  const told = (accepted: Record<string, string> | undefined) =>
    authoritiesOf(seenIn({ nodes: { n1: { rows } }, picture: { accepted } })).map(
      ({ ca, nodes, signed, record }) => `${ca} ${nodes} ${signed} ${record?.is}`,
    );
  expect(told({ kubernetes: 'ca'.repeat(32), etcd: '00'.repeat(32) })).toEqual([
    'kubernetes 1 1 this',
    'etcd 1 0 other',
  ]);
  expect(told({})).toEqual(['kubernetes 1 1 none', 'etcd 1 0 none']);
  expect(told(undefined)).toEqual(['kubernetes 1 1 undefined', 'etcd 1 0 undefined']);
});

test('the steps of a log are told in the reader’s language, and one that is not known as it is', () => {
  const log = [
    { name: 'kubelet: swap', result: 'done' },
    { name: 'administrators: prove the old state', result: 'rolled-back' },
    { name: 'something else', result: 'odd' },
  ];
  const steps = stepsOf(rotationObject('a', 'w1', { status: { phase: 'Failed', steps: log } }));
  const told = (speaker: typeof chinese | typeof english) =>
    steps.map(
      ({ name, text, result, resultText }) =>
        `${text === undefined ? name : say(text, speaker)} (${resultText === undefined ? result : say(resultText, speaker)})`,
    );
  expect(told(english)).toEqual([
    'kubelet: put the new files in place (done)',
    'administrators’ kubeconfigs: prove the old certificates (rolled back)',
    'something else (odd)',
  ]);
  expect(told(chinese)).toEqual([
    'kubelet：放入新文件 (完成)',
    '管理员 kubeconfig：验证旧证书 (已回滚)',
    'something else (odd)',
  ]);
});

test('every field of the configuration is among the settings', () => {
  const leaves = (value: object, prefix: string): string[] =>
    Object.entries(value).flatMap(([key, each]: [string, unknown]) =>
      typeof each === 'object' && each !== null && !Array.isArray(each)
        ? leaves(each, `${prefix}${key}.`)
        : [`${prefix}${key}`],
    );
  const { settings } = settingsOf(seenIn({ nodes: {}, settings: { parallelWorkers: 9 } }));
  expect(settings.map(({ name }) => name).toSorted(inOrder)).toEqual(
    leaves(defaultConfiguration, '').toSorted(inOrder),
  );
  expect(settings.filter(({ changed }) => changed)).toMatchObject([
    { name: 'parallelWorkers', value: '9', fallback: '5' },
  ]);
  expect(settings.find(({ name }) => name === 'lifetimes.kubelet')).toMatchObject({
    value: '91d',
    changed: false,
  });
});
