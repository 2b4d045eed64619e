// Reads of a node what the catalogue asks for, until it asks for nothing more.
import { discover, type Discovery } from '../catalogue/discover.ts';
import type { Reading, Snapshot } from '../catalogue/snapshot.ts';
import { CertError, describeError } from '../errors.ts';
import type { Files } from './files.ts';

/** More rounds than any chain of references (unit, flags, configuration, manifests, kubeconfigs) has. */
const roundLimit = 12;

export interface Reach {
  /** The node's directories and files that this process sees; undefined: all of the node. */
  readonly mounted?: readonly string[];
}

/** What the node's own configuration says. Errors: Io when it refers in circles. */
export function gather(files: Files, reach: Reach = {}): Discovery {
  let snapshot: Snapshot = { files: new Map(), directories: new Map() };
  for (let round = 0; round < roundLimit; round += 1) {
    const discovery = discover(snapshot);
    const { wants } = discovery;
    if (wants.files.length === 0 && wants.directories.length === 0) return discovery;
    snapshot = {
      files: new Map([
        ...snapshot.files,
        ...wants.files.map((path) => [path, readOne(files, path, reach)] as const),
      ]),
      directories: new Map([
        ...snapshot.directories,
        ...wants.directories.map((path) => [path, namesIn(files, path, reach)] as const),
      ]),
    };
  }
  throw new CertError('Io', `the configuration of this node refers to more files after ${roundLimit} rounds`);
}

/** Whether a path lies in what this process sees. */
export function isReachable(path: string, { mounted }: Reach): boolean {
  return mounted === undefined || mounted.some((root) => path === root || path.startsWith(`${root}/`));
}

function readOne(files: Files, path: string, reach: Reach): Reading {
  if (!isReachable(path, reach)) return { kind: 'unreachable' };
  try {
    if (files.lstat(path) === undefined) return { kind: 'absent' };
    if (files.stat(path) === undefined)
      return isReachable(linkTarget(files, path), reach)
        ? { kind: 'problem', message: 'it is a link to nothing' }
        : { kind: 'unreachable' };
    const realPath = files.realpath(path);
    return { kind: 'text', text: Buffer.from(files.read(realPath)).toString('utf8'), realPath };
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    return { kind: 'problem', message: describeError(error) };
  }
}

/** Where a dangling link leads, as far as it says so itself. */
function linkTarget(files: Files, path: string): string {
  const text = files.lstat(path)?.kind === 'symlink' ? files.readlink(path) : path;
  return text.startsWith('/') ? text : path;
}

function namesIn(files: Files, path: string, reach: Reach): readonly string[] | undefined {
  if (!isReachable(path, reach) || files.stat(path)?.kind !== 'directory') return undefined;
  return files.readdir(path);
}
