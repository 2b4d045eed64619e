// How a container is started without any container engine: a shell script that makes its root out of mounts and enters
// it. It runs in a mount name space (and process name space) of its own, so whatever it mounts ends with it. Pure.
import { posix } from 'node:path';
import type { ContainerOrder, Image, Mount } from './protocol.ts';

const devices = ['null', 'zero', 'full', 'random', 'urandom'] as const;
/** Libraries of the machine itself: what every image here is linked with. */
const libraries = ['/lib', '/lib64'] as const;

export interface Launch {
  /** For unshare(1). */
  readonly spaces: readonly string[];
  readonly script: string;
}

/** @param isDirectory whether a path of the node is one @param rootfs an empty directory of the node */
export function launchOf(
  order: ContainerOrder,
  image: Image,
  rootfs: string,
  isDirectory: (path: string) => boolean,
): Launch {
  const own = libraries.filter(isDirectory).map((path) => ({ source: path, target: path, readOnly: true }));
  const mounts = [...own, ...image.content, ...order.mounts];
  const command = order.command.length > 0 ? order.command : image.command;
  const script = [
    'set -eu',
    `mount -t tmpfs -o mode=755 rootfs ${quote(rootfs)}`,
    `cd ${quote(rootfs)}`,
    'mkdir -p -m 755 dev proc bin etc',
    'mkdir -m 1777 tmp',
    ...devices.map((name) =>
      bind({ source: `/dev/${name}`, target: `/dev/${name}`, readOnly: false }, false),
    ),
    ...mounts.map((mount) => bind(mount, isDirectory(mount.source))),
    order.hostPID ? 'mount --rbind /proc proc' : 'mount -t proc proc proc',
    ...(order.readOnlyRoot ? ['mount -o remount,bind,ro .'] : []),
    `exec ${enter(command, image, order).map(quote).join(' ')}`,
  ];
  const spaces = ['--mount', ...(order.hostPID ? [] : ['--pid', '--fork', '--kill-child'])];
  return { spaces, script: script.join('\n') };
}

/** A bind of a bind is read-only only when it is told so again (mount(8)). */
function bind({ source, target, readOnly }: Mount, directory: boolean): string {
  const place = `.${posix.normalize(target)}`;
  const make = directory
    ? `mkdir -p ${quote(place)}`
    : `mkdir -p ${quote(posix.dirname(place))}; : > ${quote(place)}`;
  const again = readOnly ? `; mount -o remount,bind,ro ${quote(place)}` : '';
  return `${make}; mount --rbind ${quote(source)} ${quote(place)}${again}`;
}

/** The last words of the script: out of the capabilities that are not kept, into the root, under the program's name. */
function enter(command: readonly string[], { scripts }: Image, order: ContainerOrder): readonly string[] {
  const [program = '', ...args] = command;
  const script = scripts[posix.basename(program)];
  const kept = order.capabilities;
  // chroot(2) itself needs one: it is given back with the others only by who enters without it.
  const bounds =
    kept === undefined
      ? []
      : ['setpriv', `--bounding-set=${['-all', ...kept.map((name) => `+${name.toLowerCase()}`)].join(',')}`];
  if (script === undefined) return ['chroot', '.', ...bounds, program, ...args];
  return ['chroot', '.', '/bin/bash', '-c', 'exec -a "$0" "$@"', program, '/usr/bin/node', script, ...args];
}

export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
