// Whether this machine lets this user make the name spaces that nodes are made of, and what to type where it does not.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';

const always = ['--mount', '--pid', '--fork', '--kill-child=SIGKILL', '--propagation', 'private'] as const;
/** With a user name space nobody needs to be root; where there are none, root does without. */
const ways: readonly (readonly string[])[] = [['--user', '--map-root-user', ...always], always];

/**
 * How name spaces can be had here, for unshare(1).
 *
 * @throws Error that says what to type where they cannot
 */
export function findSpaces(): readonly string[] {
  const said: string[] = [];
  for (const way of ways) {
    const { status, stderr, error } = spawnSync('unshare', [...way, 'mount', '-t', 'tmpfs', 'none', '/mnt'], {
      encoding: 'utf8',
    });
    if (status === 0) return way;
    said.push(error?.message ?? stderr.trim());
  }
  const line = lineToType({ read: textOf, isContainer: isContainer() });
  throw new Error(`${line} (this machine lets this user make no name spaces: ${said.join('; ')})`);
}

export interface Machine {
  /** A file's text; undefined: there is none. */
  readonly read: (path: string) => string | undefined;
  readonly isContainer: boolean;
}

/** What the kernel may have against it: where that is said, and what undoes it. */
const switches = [
  ['kernel/apparmor_restrict_unprivileged_userns', '1', 'kernel.apparmor_restrict_unprivileged_userns=0'],
  ['kernel/unprivileged_userns_clone', '0', 'kernel.unprivileged_userns_clone=1'],
  ['user/max_user_namespaces', '0', 'user.max_user_namespaces=10000'],
] as const;

export function lineToType({ read, isContainer }: Machine): string {
  if (isContainer) return 'start this container with --privileged, and type: make demo';
  const [found] = switches.filter(([file, value]) => read(`/proc/sys/${file}`)?.trim() === value);
  if (found === undefined) return 'type: sudo make demo';
  return `type: sudo sysctl -w ${found[2]} && make demo (or, without a change to the machine: sudo make demo)`;
}

const textOf = (path: string): string | undefined =>
  fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : undefined;

const isContainer = (): boolean => ['/.dockerenv', '/run/.containerenv'].some((path) => fs.existsSync(path));
