// What lies in the journal's directory decides what is done as root at boot: whatever it is, it is resumed, or told to be
// unreadable, and never half believed.
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { mutatedJson } from '../../test/unit/mutations.ts';
import { CertError } from '../errors.ts';
import { prepare, resumeAtBoot } from './driver.ts';
import { makeCa, makeDisk, type FakeCa } from './fake-disk.ts';
import { FakeNode } from './fake-node.ts';
import { findJournal, journalPath, type Journal } from './journal.ts';
import { whyForeign } from './journal-check.ts';

const signal = new AbortController().signal;
const owner = { mode: 0o600, uid: 0, gid: 0 };
let ca: FakeCa;
let fake: FakeNode;
let path: string;
let journal: Journal;

beforeAll(async () => {
  ca = makeCa();
  fake = new FakeNode(makeDisk(ca), ca);
  const prepared = await prepare(fake.node, fake.order(), fake.signer(), signal);
  if (prepared.kind !== 'prepared') throw new Error(`it is ${prepared.kind}`);
  path = journalPath(fake.node.layout, prepared.journalId);
  const found = findJournal(fake.files, fake.node.layout);
  if (found.kind !== 'journal') throw new Error(`the journal is ${found.kind}`);
  journal = found.journal;
});

/** The node with another text in the place of its journal. */
function nodeWith(text: string, name = path): FakeNode {
  const files = fake.files.afterKill();
  files.unlink(path);
  files.create(name, new Uint8Array(Buffer.from(text)), owner);
  return fake.afterKill(files);
}

function foreignError(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    if (!(error instanceof CertError)) return error;
  }
  return undefined;
}

describe('a journal', () => {
  it.each([
    ['no JSON', '{'],
    ['nothing', ''],
    ['null', 'null'],
    ['of another version', '{"schema": 2, "id": "x", "stages": []}'],
    ['with stages that are none', '{"schema": 1, "id": "x", "stages": [null]}'],
  ])('%s is unreadable, and stays where it is', (_, text) => {
    const node = nodeWith(text);
    expect(findJournal(node.files, node.node.layout)).toMatchObject({ kind: 'unreadable', path });
    expect(resumeAtBoot(node.node).kind).toBe('stuck');
    expect(node.files.lstat(path)?.kind).toBe('file');
  });

  it('under another name than its own is unreadable: it would never be removed', () => {
    const node = nodeWith(JSON.stringify(journal), path.replace('.json', 'x.json'));
    expect(findJournal(node.files, node.node.layout).kind).toBe('unreadable');
  });

  it('of any content is read without a write, and ends the boot in a report or a CertError', () => {
    const swapping = journal.stages.map((stage) => ({ ...stage, state: 'swapping' }));
    const seeds: [string, string] = [
      JSON.stringify(journal),
      JSON.stringify({ ...journal, state: 'applying', stages: swapping }),
    ];
    fc.assert(
      fc.property(mutatedJson(seeds), (text) => {
        const { node, files } = nodeWith(text);
        files.onStep = (what) => {
          throw new Error(`reading did ${what}`);
        };
        const found = findJournal(files, node.layout);
        const judge = () => found.kind === 'journal' && whyForeign(node, found.journal, {});
        expect(foreignError(judge)).toBeUndefined();
        files.onStep = () => undefined;
        expect(foreignError(() => resumeAtBoot(node))).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });
});
