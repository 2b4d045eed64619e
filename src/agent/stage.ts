// `cert-renew agent stage`: lays this very executable down on the node, for a day without an API (R18).
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { CertError } from '../errors.ts';
import { sha256OfFile } from '../host/executable.ts';
import { hostLayout } from '../host/layout.ts';
import { makeOwnDirectory } from '../host/own-directory.ts';
import { say, seenNode, type Environment, type SeenNode } from './face.ts';
import { encodeMessage } from './message.ts';
import type { DoneResult } from './protocol.ts';
import { under } from './rotation-node.ts';

export async function run(environment: Environment, _signal: AbortSignal): Promise<number> {
  return await say(environment, () => {
    const done: DoneResult = { schema: 1, message: layDown(seenNode(environment), process.execPath) };
    return encodeMessage(done);
  });
}

/** Copies, makes it last, and renames: whoever starts the tool finds the old one or the new one, whole. */
export function layDown({ root, files }: SeenNode, executable: string): string {
  const { root: own, tool } = hostLayout();
  const directory = dirname(tool);
  // Anything but a directory there was put by somebody else: nothing is written through it.
  for (const each of [own, directory]) {
    const kind = files.lstat(each)?.kind ?? 'directory';
    if (kind !== 'directory')
      throw new CertError('NotRegularFile', `${each} is a ${kind}, no directory`, { file: each });
  }
  for (const each of [own, directory]) makeOwnDirectory(under(root, each));
  const target = under(root, tool);
  const staged = under(root, `${directory}/.cert-renew.new`);
  fs.rmSync(staged, { force: true });
  fs.copyFileSync(executable, staged, fs.constants.COPYFILE_EXCL);
  fs.chmodSync(staged, 0o755);
  sync(staged);
  fs.renameSync(staged, target);
  sync(dirname(target));
  return `${tool} is laid down, sha256 ${sha256OfFile(target)}`;
}

function sync(path: string): void {
  const fd = fs.openSync(path, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
