// `cert-renew agent stage`: lays this very executable and its script down on the node, for a day without an API (R18).
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import process from 'node:process';
import { CertError } from '../errors.ts';
import { hostLayout } from '../host/layout.ts';
import { makeOwnDirectory } from '../host/own-directory.ts';
import { say, seenNode, type Environment, type SeenNode } from './face.ts';
import { encodeMessage } from './message.ts';
import type { DoneResult } from './protocol.ts';
import { under } from './rotation-node.ts';
import { toolOf } from './tool.ts';

export async function run(environment: Environment, _signal: AbortSignal): Promise<number> {
  return await say(environment, () => {
    const done: DoneResult = { schema: 1, message: layDown(seenNode(environment), process.execPath) };
    return encodeMessage(done);
  });
}

/** Whoever starts the tool finds the old one or the new one, whole. */
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
  const laid = toolOf(executable);
  const place = placeIn(under(root, directory));
  // The executable comes last of what can be run, and the checksums when both are there.
  for (const { name, source } of laid.files.toReversed())
    place(name, 0o755, (staged) => fs.copyFileSync(source, staged, fs.constants.COPYFILE_EXCL));
  place(laid.checksums.name, 0o644, (staged) =>
    fs.writeFileSync(staged, laid.checksums.text, { flag: 'wx' }),
  );
  return `${tool} is laid down, sha256 ${laid.files[0]?.sha256 ?? ''}`;
}

/** Makes a file beside its place, makes it last, and renames. */
function placeIn(directory: string) {
  return (name: string, mode: number, make: (staged: string) => void): void => {
    const staged = `${directory}/.${name}.new`;
    fs.rmSync(staged, { force: true });
    make(staged);
    fs.chmodSync(staged, mode);
    sync(staged);
    fs.renameSync(staged, `${directory}/${name}`);
    sync(directory);
  };
}

function sync(path: string): void {
  const fd = fs.openSync(path, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
