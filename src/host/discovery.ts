// Gathers what `discover` wants to read of a node, until it wants nothing more.
import * as fs from 'node:fs';
import { posix } from 'node:path';
import { discover, type Discovery } from '../catalogue/discover.ts';
import type { Reading } from '../catalogue/snapshot.ts';
import { CertError, describeError } from '../errors.ts';
import type { Files } from './files.ts';

/** Whether a path of the node can be seen from here at all: in a Pod only what is mounted. */
export type Reach = (path: string) => boolean;

/** Units, configurations, manifests, kubeconfigs: eight rounds follow every reference that there is. */
const mostRounds = 16;

/** What certificates this node has, and where (paths of the node). Never throws for what a file holds. */
export function discoverNode(files: Files, isReachable: Reach = () => true): Discovery {
  const read = new Map<string, Reading>();
  const listed = new Map<string, readonly string[] | undefined>();
  for (let round = 0; round < mostRounds; round++) {
    const discovery = discover({ files: read, directories: listed });
    const { wants } = discovery;
    if (wants.files.length === 0 && wants.directories.length === 0) return discovery;
    for (const path of wants.files) read.set(path, readText(files, path, isReachable));
    for (const path of wants.directories) listed.set(path, list(files, path));
  }
  throw new CertError('Unsupported', 'the configuration of this node refers to ever more files');
}

function readText(files: Files, path: string, isReachable: Reach): Reading {
  const place = locate(files, path, isReachable);
  if (place.kind !== 'found') return place;
  try {
    const text = Buffer.from(files.read(place.realPath)).toString('utf8');
    return { kind: 'text', text, realPath: place.realPath };
  } catch (error) {
    return { kind: 'problem', message: describeError(error) };
  }
}

type Place = { readonly kind: 'found'; readonly realPath: string } | Exclude<Reading, { kind: 'text' }>;

/** Follows links inside the node's root. A name whose target this Pod does not see is unreachable, not absent. */
export function locate(files: Files, path: string, isReachable: Reach): Place {
  try {
    const stat = files.lstat(path);
    if (stat === undefined) return isReachable(path) ? { kind: 'absent' } : { kind: 'unreachable' };
    if (files.stat(path) !== undefined) return { kind: 'found', realPath: files.realpath(path) };
    const target = posix.resolve(posix.dirname(path), files.readlink(path));
    return isReachable(target)
      ? { kind: 'problem', message: `${path} is a link to ${target}, which does not exist` }
      : { kind: 'unreachable' };
  } catch (error) {
    if (error instanceof CertError && error.code === 'NotFound') return { kind: 'absent' };
    return { kind: 'problem', message: describeError(error) };
  }
}

function list(files: Files, path: string): readonly string[] | undefined {
  try {
    return files.stat(path)?.kind === 'directory' ? files.readdir(path) : undefined;
  } catch (error) {
    if (error instanceof CertError) return undefined;
    throw error;
  }
}

/** On the node itself everything; under a root, what is mounted there. */
export function reachUnder(root: string, mountinfo: () => string = readMountinfo): Reach {
  const prefix = root.replace(/\/+$/u, '');
  if (prefix === '') return () => true;
  const points = mountPoints(mountinfo()).flatMap((point) =>
    point === prefix || point.startsWith(`${prefix}/`) ? [point.slice(prefix.length) || '/'] : [],
  );
  // A root without a mount below it is a plain directory, as tests and rescue systems have it: all of it is seen.
  if (points.length === 0) return () => true;
  return (path) => points.some((point) => point === '/' || path === point || path.startsWith(`${point}/`));
}

function readMountinfo(): string {
  return fs.readFileSync('/proc/self/mountinfo', 'utf8');
}

/** Fifth field of /proc/<pid>/mountinfo (proc_pid_mountinfo(5)); blanks are octal there. */
function mountPoints(mountinfo: string): readonly string[] {
  return mountinfo.split('\n').flatMap((line) => {
    const point = line.split(' ')[4];
    const unescaped = point?.replaceAll(/\\([0-7]{3})/gu, (_, octal: string) =>
      String.fromCodePoint(Number.parseInt(octal, 8)),
    );
    return unescaped === undefined ? [] : [unescaped];
  });
}
