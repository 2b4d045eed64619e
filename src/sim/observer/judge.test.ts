import { describe, expect, it } from 'vitest';
import { judge, nothingSeen, type SeenFile, type SeenRotation, type Sighting } from './judge.ts';

const file = (change: Partial<SeenFile> = {}): SeenFile => ({
  node: 'n1',
  id: 'apiserver.crt',
  serial: 'a1',
  identity: 'CN=kube-apiserver',
  keyFits: true,
  shown: 'a1',
  silent: false,
  alive: true,
  isServed: true,
  ...change,
});

const rotation = (change: Partial<SeenRotation> = {}): SeenRotation => ({
  uid: 'u1',
  name: 'n1-x-1',
  node: 'n1',
  role: 'control-plane',
  phase: 'Running',
  certificates: [],
  ...change,
});

/** What is made of these looks, one after the other. */
function watch(...looks: readonly Partial<Sighting>[]) {
  let memory = nothingSeen;
  const verified: string[] = [];
  const violations: string[] = [];
  for (const look of looks) {
    const judged = judge(memory, { files: [], rotations: [], faulty: new Set(), ...look });
    memory = judged.memory;
    verified.push(...judged.verified.map(({ node, id, serial }) => `${node} ${id} ${serial}`));
    violations.push(...judged.violations.map(({ kind, message }) => `${kind}: ${message}`));
  }
  return { verified, violations };
}

const times = (count: number, look: Partial<Sighting>): Partial<Sighting>[] =>
  Array.from({ length: count }, () => look);

describe('what counts as verified', () => {
  it('a new serial that is seen in use, once', () => {
    const renewed = { files: [file({ serial: 'b2', shown: 'b2' })] };
    expect(watch({ files: [file()] }, renewed, renewed).verified).toEqual(['n1 apiserver.crt b2']);
  });

  it.each([
    ['what lay there from the start', [file()], [file()]],
    ['a new file that nobody shows yet', [file()], [file({ serial: 'b2', shown: 'a1', alive: false })]],
  ])('not %s', (_, before, after) => {
    expect(watch({ files: before }, { files: after }).verified).toEqual([]);
  });
});

describe('what must not be', () => {
  it('sees two control planes that are rotated at the same time', () => {
    const other = rotation({ uid: 'u2', name: 'n2-x-1', node: 'n2', phase: 'Admitted' });
    expect(watch({ rotations: [rotation(), other] }).violations).toEqual([
      'TwoControlPlanes: n1 and n2 are rotated at the same time',
    ]);
  });

  it.each([
    ['workers beside each other', { role: 'worker' as const, phase: 'Running' }],
    ['one that waits', { phase: 'Pending' }],
    ['one that has ended', { phase: 'Succeeded' }],
  ])('lets %s be', (_, change) => {
    const other = rotation({ uid: 'u2', name: 'x2', node: 'x2', ...change });
    const own = rotation('role' in change ? change : {});
    expect(watch(...times(6, { rotations: [own, other] })).violations).toEqual([]);
  });

  it('sees a key that does not fit, when it stays so', () => {
    const wrong = { files: [file({ keyFits: false })] };
    expect(watch(...times(3, wrong)).violations).toEqual([]);
    expect(watch(...times(9, wrong)).violations).toEqual([
      'KeyMismatch: n1: key and certificate a1 of apiserver.crt do not fit',
    ]);
  });

  it('forgets what was wrong for a moment, between two renames', () => {
    const wrong = { files: [file({ keyFits: false })] };
    expect(watch(...times(3, wrong), { files: [file()] }, ...times(3, wrong)).violations).toEqual([]);
  });

  it('sees another identity at once', () => {
    const other = file({ serial: 'b2', identity: 'CN=kube-apiserver; DNS:evil' });
    expect(watch({ files: [file()] }, { files: [other] }).violations).toEqual([
      'IdentityChanged: n1: apiserver.crt was CN=kube-apiserver and is CN=kube-apiserver; DNS:evil',
    ]);
  });

  describe('a rotation that says Succeeded', () => {
    const said = rotation({
      phase: 'Succeeded',
      certificates: [{ id: 'apiserver.crt', newSerial: 'b2' }],
    });
    const after = (change: Partial<SeenFile>): Partial<Sighting> => ({
      files: [file({ serial: 'b2', alive: false, ...change })],
      rotations: [said],
    });

    it('is a lie when the server goes on showing another serial', () => {
      expect(watch(...times(9, after({ shown: 'a1' }))).violations).toEqual([
        'NotServed: n1-x-1 has Succeeded, but n1 shows a1 for apiserver.crt, not b2',
      ]);
    });

    it.each([
      ['the server shows it', { shown: 'b2' }],
      ['the server was not asked', { shown: undefined }],
      ['the file has been renewed again', { serial: 'c3', shown: 'a1' }],
      ['nobody serves it', { shown: 'a1', isServed: false }],
    ])('is none when %s', (_, change) => {
      expect(watch(...times(9, after(change))).violations).toEqual([]);
    });

    describe('and after which nobody answers', () => {
      const silence = after({ shown: undefined, silent: true });

      it('is a lie, too, once', () => {
        expect(watch(...times(40, silence)).violations).toEqual([
          'NotServed: n1-x-1 has Succeeded, but n1 does not answer for apiserver.crt, where it should show b2',
        ]);
      });

      it('is none while that may be a busy machine', () => {
        const late = times(19, silence);
        expect(watch(...late).violations).toEqual([]);
        expect(watch(...late, after({ shown: 'b2' }), ...late).violations).toEqual([]);
      });

      it.each(['Admitted', 'Running', 'Verifying'])(
        'is none while the next one is %s on that node',
        (phase) => {
          const next = rotation({ uid: 'u2', name: 'n1-x-2', phase });
          expect(watch(...times(40, { ...silence, rotations: [said, next] })).violations).toEqual([]);
        },
      );

      it('is a lie all the same while one runs on another node', () => {
        const other = rotation({ uid: 'u2', name: 'w1-x-1', node: 'w1', role: 'worker' });
        expect(watch(...times(40, { ...silence, rotations: [said, other] })).violations).toHaveLength(1);
      });

      it('is none while a fault is played on that node, and one where it is played on another', () => {
        expect(watch(...times(40, { ...silence, faulty: new Set(['n1']) })).violations).toEqual([]);
        expect(watch(...times(40, { ...silence, faulty: new Set(['n2']) })).violations).toHaveLength(1);
      });
    });
  });
});
