import { describe, expect, it } from 'vitest';
import { inDays, pictureOf, rotationObject, seenIn, type ClusterParts } from '../../view/testing.ts';
import { Content, overviewOf } from './content.ts';

const waiting = (name: string, node: string) =>
  rotationObject(name, node, {
    status: { phase: 'Pending', reason: 'OutsideWindow', message: 'waits: OutsideWindow: opens at 02:00' },
  });

const ended = (name: string, phase: 'Succeeded' | 'Superseded' | 'RolledBack' | 'Failed', days: number) =>
  rotationObject(name, 'w1', {
    status: { phase, reason: 'NotProved', message: 'as the agent said', finishedAt: inDays(-days) },
  });

describe('the overview', () => {
  it('has the first of the plan, in its order and with what the page shows of each', () => {
    const names = Array.from({ length: 9 }, (_, i) => `w${i + 1}`);
    const { next } = overviewOf(
      seenIn({
        nodes: Object.fromEntries(names.map((name) => [name, {}])),
        rotations: [
          ...names.slice(0, -1).map((name) => waiting(`r-${name}`, name)),
          rotationObject('r-w9', 'w9', { status: { phase: 'Running' } }),
        ],
      }),
    );
    expect(next.map(({ node }) => node)).toEqual(['w9', 'w1', 'w2', 'w3', 'w4', 'w5']);
    expect(next[1]).toMatchObject({
      name: 'r-w1',
      phase: 'Pending',
      phaseText: { key: 'phase.Pending' },
      why: { key: 'gate.OutsideWindow' },
      certificates: ['kubelet.crt', 'kubelet-client-current.pem'],
    });
  });

  it('has what went wrong and nothing else, the newest first, with what the page shows of each', () => {
    const { failures } = overviewOf(
      seenIn({
        nodes: { w1: {} },
        rotations: [
          ended('old', 'Failed', 9),
          ended('new', 'RolledBack', 1),
          ended('well', 'Succeeded', 0.5),
          ended('replaced', 'Superseded', 0.5),
          waiting('waits', 'w1'),
          ...Array.from({ length: 7 }, (_, i) => ended(`older-${i}`, 'Failed', 10 + i)),
        ],
      }),
    );
    expect(failures.map(({ name }) => name)).toEqual([
      'new',
      'old',
      'older-0',
      'older-1',
      'older-2',
      'older-3',
    ]);
    expect(failures[0]).toMatchObject({
      node: 'w1',
      phase: 'RolledBack',
      phaseText: { key: 'phase.RolledBack' },
      why: { key: 'reason.NotProved' },
      said: 'as the agent said',
      finishedAt: inDays(-1),
    });
  });

  it('has a failure also when more have gone well since than the history shows', () => {
    const rotations = [
      ended('failed', 'Failed', 9),
      ...Array.from({ length: 501 }, (_, i) => ended(`well-${i}`, 'Succeeded', 1)),
    ];
    const { failures } = overviewOf(seenIn({ nodes: { w1: {} }, rotations }));
    expect(failures.map(({ name }) => name)).toEqual(['failed']);
  });
});

const contentOf = (parts: ClusterParts) => new Content(() => pictureOf(parts));

describe('an answer about a node', () => {
  it('is made once for each state of the cluster', async () => {
    const content = contentOf({ nodes: { w1: {} } });
    const [first, second] = await Promise.all([content.node('w1'), content.node('w1')]);
    expect(first?.plain.toString()).toContain('"w1"');
    expect(second).toBe(first);
    expect(await content.node('w1')).toBe(first);
    content.renew();
    const next = await content.node('w1');
    expect(next).not.toBe(first);
    expect(next?.etag).toBe(first?.etag);
  });

  it('is kept of so many nodes, and what is asked for again is made again', async () => {
    const names = Array.from({ length: 101 }, (_, i) => `w${i}`);
    const content = contentOf({ nodes: Object.fromEntries(names.map((name) => [name, {}])) });
    const made = await Promise.all(names.map(async (name) => content.node(name)));
    expect(await content.node('w100')).toBe(made[100]);
    expect(await content.node('w0')).not.toBe(made[0]);
  });

  it('is none where there is no such node', async () => {
    expect(await contentOf({ nodes: { w1: {} } }).node('w9')).toBeUndefined();
  });
});
