// What cert-renew reads from the disk under its own name, as a rotation that died had left it: a disk may give back
// anything, and root acts by it.
import { readWaiting, writeWaiting } from '../../src/cli/offline/waiting.ts';
import type { CrashFiles } from '../../src/host/crash-files.ts';
import { discoverNode } from '../../src/host/discovery.ts';
import { generateLike } from '../../src/pki/keys.ts';
import { listBackups, readBackup } from '../../src/rotation/backup-index.ts';
import { resumeAtBoot, rotate } from '../../src/rotation/driver.ts';
import { makeCa, makeDisk } from '../../src/rotation/fake-disk.ts';
import { FakeNode } from '../../src/rotation/fake-node.ts';
import { findJournal, journalPath } from '../../src/rotation/journal.ts';
import { judgeBackup } from '../../src/rotation/judge-backup.ts';
import { settle } from '../../src/rotation/settle-earlier.ts';
import type { RotationNode } from '../../src/rotation/types.ts';
import type { Parser } from './parser.ts';
import * as samples from './samples.ts';

/** A node between two renames, with a request that waits. */
async function deadNode(): Promise<{ readonly fake: FakeNode; readonly disk: CrashFiles }> {
  const ca = makeCa();
  const fake = new FakeNode(makeDisk(ca, 20), ca);
  let disk: CrashFiles | undefined;
  fake.files.onStep = (what) => {
    if (/^rename .*\/apiserver\.crt$/u.test(what)) disk ??= fake.files.afterKill();
  };
  await rotate(fake.node, fake.order(), fake.signer(), {}, new AbortController().signal);
  if (disk === undefined) throw new Error('it went past that rename');
  const pair = generateLike({ keyAlgorithm: 'P-256' });
  const keys = new Map([['kubelet.crt', pair] as const]);
  writeWaiting({ ...fake.node, files: disk }, { block: samples.postRequest, newKey: true, keys });
  return { fake, disk };
}

export async function ownFiles(): Promise<readonly Parser[]> {
  const { fake, disk } = await deadNode();
  const { layout } = fake.node;
  const found = findJournal(disk, layout);
  if (found.kind !== 'journal') throw new Error('no journal');
  const backup = `${layout.backups}/${found.journal.id}`;
  const discovery = discoverNode(disk);
  const ownFile = (
    name: string,
    path: string,
    ...readers: readonly ((node: RotationNode) => unknown)[]
  ): Parser => ({
    name,
    seeds: [Buffer.from(disk.read(path)).toString('utf8')],
    isJson: true,
    readers: readers.map((read) => (text) => {
      const files = disk.afterKill();
      files.unlink(path);
      files.create(path, new Uint8Array(Buffer.from(text, 'utf8')), { mode: 0o600, uid: 0, gid: 0 });
      return read({ ...fake.node, files });
    }),
  });
  /** Those that cannot be read are all one to it. */
  const ifRead =
    (act: (node: RotationNode) => unknown) =>
    (node: RotationNode): unknown =>
      findJournal(node.files, layout).kind === 'journal' && act(node);
  return [
    ownFile(
      'a journal, and what boot and the next call make of it',
      journalPath(layout, found.journal.id),
      ifRead(resumeAtBoot),
      ifRead(settle),
    ),
    ownFile(
      'the index of a backup',
      `${backup}/index.json`,
      (node) => judgeBackup(node, discovery, readBackup(node.files, backup)),
      (node) => listBackups(node.files, layout),
    ),
    ownFile('a request that waits for its answer', layout.waiting, readWaiting),
  ];
}
