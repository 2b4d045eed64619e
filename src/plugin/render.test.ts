import { describe, expect, it, test } from 'vitest';
import { nodePageOf } from '../view/node.ts';
import { nodeRows } from '../view/nodes.ts';
import { planOf } from '../view/plan.ts';
import { summaryOf } from '../view/summary.ts';
import {
  caRow,
  inDays,
  leafRow,
  notesOfUnseen,
  now,
  rotationObject,
  seenIn,
  type ClusterParts,
} from '../view/testing.ts';
import { explainLines } from './render-explain.ts';
import { planLines } from './render-plan.ts';
import { statusCode, statusLines } from './render-status.ts';
import { linesText, tableOf, widthOf } from './text.ts';
import { en } from './words-en.ts';
import { languageOf, readerOf } from './words.ts';
import { zh } from './words-zh.ts';

const english = readerOf('en', 'UTC');
const chinese = readerOf('zh', 'UTC');

const statusOf = (parts: ClusterParts, reader = english, all = false) => {
  const seen = seenIn(parts);
  const summary = summaryOf(seen);
  const lines = statusLines({ summary, rows: nodeRows(seen), blind: [], all }, reader);
  return { code: statusCode(summary), text: linesText(lines) };
};
const explainOf = (parts: ClusterParts, name: string) => {
  const seen = seenIn(parts);
  const page = nodePageOf(seen, name);
  if (page === undefined) throw new Error(`no node ${name}`);
  const { trigger } = seen.picture.configuration.settings;
  return linesText(explainLines({ page, trigger, now: now.getTime() }, english));
};

const soon = { rows: [leafRow('kubelet.crt', 1 / 24)] };
const ended = (phase: 'RolledBack' | 'Running') =>
  rotationObject('r', 'a', { status: { phase, startedAt: inDays(-1) } });

describe('status', () => {
  it('of a healthy cluster is six lines and one about its nodes', () => {
    const { code, text } = statusOf({ nodes: { a: {}, b: { role: 'control-plane' } } });
    expect(code).toBe(0);
    expect(text).toBe(`Safe until 2027-05-20
  kubelet-client-current.pem on a ends first, in 80 d, if nothing were renewed

What happens next?
  Nothing is due before 2027-04-20 (kubelet-client-current.pem on a)
What needs me?
  Nothing needs you

Of 2 nodes all are fine.
`);
  });

  it('shows the nodes that need something, the worst first, and how many there are beside', () => {
    const { code, text } = statusOf({
      nodes: { a: {}, b: { paused: true }, c: { rows: [leafRow('kubelet.crt', -1)] } },
    });
    expect(code).toBe(11);
    expect(
      text.endsWith(`
NODE  ROLE    STATE         FIRST END   WHY
c     worker  expired       2027-02-28  1 expired
b     worker  fine, paused  2027-05-20  nothing due before 2027-04-20
1 of 3 nodes are fine or planned; --all shows them.
`),
    ).toBe(true);
  });

  it('says what of a control plane is not seen, and does not call it safe', () => {
    const nodes = { a: {}, b: { role: 'control-plane', notes: notesOfUnseen } } as const;
    const { code, text } = statusOf({ nodes }, chinese);
    expect(code).toBe(10);
    expect(text).toMatch(/^无法确认安全\n {2}看不到 b 上的 kube-apiserver\n/);
    expect(text).toContain('  ! 1 个控制平面组件看不到，因此不会轮换：b 上的 kube-apiserver；');
  });

  it.each<[string, ClusterParts, number]>([
    ['an hour before an end that nobody prevents', { nodes: { a: soon } }, 10],
    [
      'an hour before an end, after a failure that is tried again',
      { nodes: { a: soon }, rotations: [ended('RolledBack')] },
      10,
    ],
    ['two days before the end of a CA', { nodes: { a: { rows: [caRow(2)] } } }, 10],
    ['while what ends within the hour is renewed', { nodes: { a: soon }, rotations: [ended('Running')] }, 0],
    [
      'after a failure that is tried again in time',
      { nodes: { a: {} }, rotations: [ended('RolledBack')] },
      0,
    ],
  ])('ends %s', (_, parts, code) => {
    expect(statusOf(parts).code).toBe(code);
  });

  it('shows a screen of many, and all of them when asked', () => {
    const nodes = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`n${i}`, { unread: true }]));
    const { code, text } = statusOf({ nodes });
    expect(code).toBe(10);
    expect(text).toContain('10 more need something; --all shows them.');
    expect(statusOf({ nodes }, english, true).text).toContain('n29');
  });

  it('in Chinese stands in columns', () => {
    const { text } = statusOf({ nodes: { a: { paused: true }, 'a-long-name': { ready: false } } }, chinese);
    const rows = text.split('\n').filter((line) => line.includes('2027-05-20') && line.startsWith('a'));
    const columns = rows.map((row) => widthOf(row.slice(0, row.indexOf('2027-05-20'))));
    expect(new Set(columns).size).toBe(1);
  });
});

describe('plan', () => {
  it('has what is at work, what waits with every gate that holds it, and what is planned', () => {
    const plan = planOf(
      seenIn({
        nodes: { a: { left: 20 }, b: { left: 20 }, c: { role: 'control-plane' } },
        rotations: [
          rotationObject('r1', 'a', {
            status: {
              phase: 'Pending',
              reason: 'Paused',
              message: 'waits: Paused: node a; NodeNotReady: since noon',
            },
          }),
          rotationObject('r2', 'b', { status: { phase: 'Scheduled', dueAt: inDays(3) } }),
          rotationObject('r3', 'c', {
            certificates: ['admin.conf', 'apiserver.crt'],
            status: { phase: 'Running', step: 'restart kube-apiserver', startedAt: inDays(0) },
          }),
        ],
      }),
    );
    expect(linesText(planLines(plan, english)))
      .toBe(`In the order in which they go. A gate says why one waits.

1. c (control plane): at work, due, first end 2028-01-15
   admin.conf, apiserver.crt
   Restarts: kube-apiserver
   since 2027-03-01 08:00 restarts kube-apiserver

2. a (worker): waits, due, first end 2027-03-21
   kubelet.crt, kubelet-client-current.pem
   Restarts: kubelet
   Held by: paused by a person [Paused] (gives way to nothing)
     node a
   Held by: the node is not Ready [NodeNotReady] (gives way when it is urgent)
     since noon

3. b (worker): planned, due, first end 2027-03-21
   kubelet.crt, kubelet-client-current.pem
   Restarts: kubelet
   from 2027-03-04 08:00
`);
  });

  it('says so when there is nothing', () => {
    expect(planLines([], english)).toEqual(['Nothing is planned or waits.']);
  });
});

describe('explain', () => {
  it('says where each lies, who uses it, when it is due, and the line to type', () => {
    const text = explainOf(
      {
        nodes: { w: { left: 5, notes: ['not on this node, left out: /x'] } },
        rotations: [
          rotationObject('done', 'w', {
            createdDaysAgo: 9,
            status: {
              phase: 'Succeeded',
              finishedAt: inDays(-9),
              steps: [
                {
                  name: 'swap',
                  result: 'done',
                  startedAt: inDays(-9),
                  finishedAt: inDays(-9),
                  message: 'ok',
                },
              ],
              certificates: [
                { id: 'kubelet.crt', oldSerial: '0a', newSerial: '0b', proof: 'handshake on 10250' },
              ],
            },
          }),
          rotationObject('stuck', 'w', {
            status: {
              phase: 'NeedsManual',
              reason: 'KubeletNotTakingPods',
              finishedAt: inDays(-1),
              message: 'no Pod starts; type on the node: cert-renew all',
            },
          }),
        ],
      },
      'w',
    );
    for (const line of [
      /^w: needs a person: /m,
      /^ {4}Where +\/etc\/kubernetes\/pki\/kubelet.crt$/m,
      /^ {4}Ends +2027-03-06 \(5 d left\)$/m,
      /^ {4}Used by +kubelet$/m,
      /^ {4}Due +due since 2027-02-04$/m,
      /^ {4}Old and new +0a → 0b$/m,
      /^ {4}Last proof +handshake on 10250 \(2027-02-20\)$/m,
      /^ {2}- not on this node, left out: \/x$/m,
      /^ {2}2027-02-20 08:00 {2}swap {2}done {2}0.0 s {2}ok$/m,
      /^ {4}no Pod starts; type on the node: cert-renew all$/m,
      /^ {2}Due when less than 20 % of the lifetime or fewer than 30 days remain/m,
    ])
      expect(text).toMatch(line);
  });

  it('prints nothing that steers a terminal, whoever wrote it', () => {
    const evil = 'CN=\u001B]0;owned\u0007\u202Egnp\nw2  fine';
    const text = explainOf({ nodes: { w: { rows: [leafRow('kubelet.crt', 50, { subject: evil })] } } }, 'w');
    // oxlint-disable-next-line no-control-regex -- that is what must not be there
    expect(text).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u007F\u202E]/);
    expect(text).not.toMatch(/^w2/m);
  });
});

test('tables are as wide as what stands in them', () => {
  expect(
    tableOf(
      ['a', 'b'],
      [
        ['节点', 'x'],
        ['c\u0000d', 'y'],
      ],
    ),
  ).toEqual(['A     B', '节点  x', 'cd    y']);
});

const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).toSorted();

test('both languages have the same places', () => {
  for (const [key, text] of Object.entries(en)) {
    const other: string = Reflect.get(zh, key);
    expect(places(other), key).toEqual(places(text));
  }
});

test.each([
  [undefined, { LANG: 'zh_CN.UTF-8' }, 'zh'],
  [undefined, { LANG: 'zh_CN.UTF-8', LC_ALL: 'C' }, 'en'],
  [undefined, { LANG: 'zh_TW', LC_MESSAGES: 'en_GB' }, 'en'],
  [undefined, { LANG: 'fr_FR' }, 'en'],
  [undefined, {}, 'en'],
  ['en', { LC_ALL: 'zh_CN' }, 'en'],
] as const)('asked for %s in %j it speaks %s', (asked, env, language) => {
  expect(languageOf(asked, env)).toBe(language);
});
