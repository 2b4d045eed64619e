import { describe, expect, it } from 'vitest';
import { annotations, type CertificateRotation, type Phase } from '../kube/types.ts';
import { labels } from './labels.ts';
import { Pace } from './pace.ts';
import type { Action, PodKind } from './world.ts';

const podOf = (kind: PodKind): Action => ({
  type: 'create-pod',
  pod: { metadata: { name: kind, labels: { [labels.kind]: kind } } },
});
const rotation: CertificateRotation = {
  metadata: { name: 'r' },
  spec: { nodeName: 'n1', nodeUID: 'u', certificates: ['kubelet.crt'], reason: 'Due' },
};
const approved: CertificateRotation = {
  ...rotation,
  metadata: { name: 'r', annotations: { [annotations.approved]: 'true' } },
};
const planned: Extract<Action, { type: 'create-rotation' }> = {
  type: 'create-rotation',
  rotation,
  phase: 'Scheduled',
};
const became = (phase: Phase): Action => ({ type: 'patch-rotation-status', rotation, status: { phase } });

/** How many of the same are let through, one after the other, at this moment. */
function count(pace: Pace, action: Action, most = 1000): number {
  const allows = pace.pass();
  let allowed = 0;
  while (allowed < most && allows(action)) allowed += 1;
  return allowed;
}

describe('the pace', () => {
  it.each([
    { what: 'scans, of three writes each', action: podOf('scan'), begun: 37 },
    { what: 'rotations, of two', action: planned, begun: 55 },
    { what: 'turns in the queue, of one', action: became('Pending'), begun: 111 },
  ])('lets forty scans begin at once, then 111 writes in five seconds: $what', ({ action, begun }) => {
    let now = 0;
    const pace = new Pace(() => now);
    expect(count(pace, podOf('scan'))).toBe(40);
    now += 5000;
    expect(count(pace, action)).toBe(begun);
  });

  it('saves no more than forty scans, however long the rest was', () => {
    let now = 0;
    const pace = new Pace(() => now);
    now += 86_400_000;
    expect(count(pace, podOf('scan'))).toBe(40);
  });

  it.each<[string, Action]>([
    ['a Pod of a rotation', podOf('rotate')],
    ['a Pod that is at its end', { type: 'delete-pod', name: 'p', uid: 'u' }],
    ['a rotation that is admitted', became('Admitted')],
    ['a rotation that has ended', became('Succeeded')],
    ['a plan that hands on what was approved', { ...planned, rotation: approved }],
  ])('never holds up %s', (_, action) => {
    const pace = new Pace(() => 0);
    count(pace, podOf('scan'));
    expect(count(pace, action)).toBe(1000);
  });
});

/** All room is taken; then a pass each so many milliseconds, in which these are asked about. */
const busy = () => {
  let now = 0;
  const pace = new Pace(() => now);
  count(pace, became('Pending'));
  return (milliseconds: number, actions: readonly Action[]): readonly boolean[] => {
    now += milliseconds;
    return actions.map(pace.pass());
  };
};

describe('scans first', () => {
  const due: Action = { ...planned, phase: 'Pending' };
  const handedOn: Action = { ...planned, rotation: approved };
  const scheduled = became('Scheduled');

  it('lets what is planned for some day wait behind a scan that waits, though there is room for it', () => {
    const pass = busy();
    // 2.2 writes
    expect(pass(100, [podOf('scan'), planned, scheduled])).toEqual([false, false, false]);
  });

  it('lets what is due, and what hands on an approval, go all the same', () => {
    const pass = busy();
    expect(pass(100, [podOf('scan'), handedOn, due])).toEqual([false, true, true]);
    expect(pass(50, [podOf('scan'), became('Pending')])).toEqual([false, true]);
  });

  it('lets the plan go on where all scans have room, and in the pass in which none is wanted any more', () => {
    const pass = busy();
    expect(pass(1000, [podOf('scan'), planned])).toEqual([true, true]);
    pass(
      0,
      Array.from({ length: 7 }, () => podOf('scan')),
    );
    expect(pass(100, [planned])).toEqual([true]);
  });

  it.each([
    [8, 1000],
    [8, 1030],
    [9, 1100],
    [9, 1150],
    [10, 1300],
    [12, 1500],
    [40, 1000],
    [40, 100],
  ])('does not starve the plan by %i scans that are refused in a pass each %i ms', (refused, every) => {
    const pass = busy();
    const asked = [...Array.from({ length: refused }, () => podOf('scan')), planned];
    const minutes = 20;
    let [plans, scans] = [0, 0];
    for (let time = 0; time < minutes * 60_000; time += every) {
      const begun = pass(every, asked);
      if (begun.at(-1) === true) plans += 1;
      scans += begun.slice(0, -1).filter(Boolean).length;
    }
    // One every two seconds or a pass later, at the least; and all of it at the usual pace, but for the last one.
    expect(plans).toBeGreaterThanOrEqual(Math.floor((minutes * 60_000) / (2000 + every)));
    const seconds = (Math.ceil((minutes * 60_000) / every) * every) / 1000;
    expect(plans * 2 + scans * 3).toBeLessThanOrEqual(seconds * 22.2 + 2);
  });
});
