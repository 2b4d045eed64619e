// How a container is started without any container engine: a shell script that makes its root out of mounts and enters
// it. It runs in a mount name space (and process name space) of its own, so whatever it mounts ends with it. Pure.
import { posix } from 'node:path';
import type { ContainerOrder, Image, Mount } from './protocol.ts';

const devices = ['/dev/null', '/dev/zero', '/dev/urandom'] as const;
/** Libraries of the machine itself: what every image here is linked with. */
const libraries = ['/lib', '/lib64'] as const;

export interface Launch {
  /** For unshare(1). */
  readonly spaces: readonly string[];
  readonly script: string;
  /** fstab(5): what the script mounts with one call, since each program that is started costs more than its work. */
  readonly table: string;
}

/**
 * @param directory of the node, for this container alone, with an empty directory `rootfs`
 * @param isDirectory whether a path of the node is one
 */
export function launchOf(
  order: ContainerOrder,
  image: Image,
  directory: string,
  isDirectory: (path: string) => boolean,
): Launch {
  const rootfs = `${directory}/rootfs`;
  const mounts = [
    ...libraries.filter(isDirectory).map((path) => ({ source: path, target: path, readOnly: true })),
    ...devices.map((path) => ({ source: path, target: path, readOnly: false })),
    ...image.content,
    ...order.mounts,
  ];
  const command = order.command.length > 0 ? order.command : image.command;
  const [directories, files] = [mounts.filter(isOf(true)), mounts.filter(isOf(false))];
  const script = [
    'set -eu',
    `mount -t tmpfs -o mode=755 rootfs ${quote(rootfs)}`,
    `cd ${quote(rootfs)}`,
    `mkdir -p -m 755 ${words(['/proc', '/tmp', ...directories.map(target), ...files.map(parent)])}`,
    `: ${files.map((mount) => `> ${words([target(mount)])}`).join(' ')}`,
    `mount -a -T ${quote(`${directory}/${tableName}`)}`,
    ...(order.readOnlyRoot ? ['mount -o remount,bind,ro .'] : []),
    `exec ${enter(command, image).map(quote).join(' ')}`,
  ];
  const spaces = ['--mount', ...(order.hostPID ? [] : ['--pid', '--fork', '--kill-child'])];
  const table = [
    ...mounts.map((mount) => tableLine(mount, rootfs)),
    order.hostPID ? tableLine(hostProc, rootfs) : `proc ${escaped(`${rootfs}/proc`)} proc defaults`,
  ];
  return { spaces, script: script.join('\n'), table: `${table.join('\n')}\n` };

  function isOf(wanted: boolean): (mount: Mount) => boolean {
    return ({ source }) => isDirectory(source) === wanted;
  }
}

export const tableName = 'fstab';
const hostProc: Mount = { source: '/proc', target: '/proc', readOnly: false };
const target = (mount: Mount): string => posix.normalize(mount.target);
const parent = (mount: Mount): string => posix.dirname(target(mount));
const words = (paths: readonly string[]): string => paths.map((path) => quote(`.${path}`)).join(' ');

/** A line of fstab(5). */
function tableLine(mount: Mount, rootfs: string): string {
  const place = `${rootfs}${target(mount)}`;
  return `${escaped(mount.source)} ${escaped(place)} none rbind${mount.readOnly ? ',ro' : ''}`;
}

const escaped = (path: string): string => path.replaceAll(/[\s\\]/gu, (each) => `\\${octal(each)}`);
const octal = (character: string): string => character.charCodeAt(0).toString(8).padStart(3, '0');

/** The last words of the script: into the root, under the program's name. */
function enter(command: readonly string[], { scripts }: Image): readonly string[] {
  const [program = '', ...args] = command;
  const script = scripts[posix.basename(program)];
  if (script === undefined) return ['chroot', '.', program, ...args];
  return ['chroot', '.', '/bin/bash', '-c', 'exec -a "$0" "$@"', program, '/usr/bin/node', script, ...args];
}

export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
