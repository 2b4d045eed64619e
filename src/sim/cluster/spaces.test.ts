import { describe, expect, it } from 'vitest';
import { lineToType } from './spaces.ts';

const machine = (files: Readonly<Record<string, string>>, isContainer = false) => ({
  read: (path: string): string | undefined => files[path],
  isContainer,
});

describe('where nobody but root may make name spaces', () => {
  it.each([
    ['apparmor_restrict_unprivileged_userns', '1\n', 'kernel.apparmor_restrict_unprivileged_userns=0'],
    ['unprivileged_userns_clone', '0\n', 'kernel.unprivileged_userns_clone=1'],
  ])('%s is named with what undoes it', (file, text, set) => {
    expect(lineToType(machine({ [`/proc/sys/kernel/${file}`]: text }))).toMatch(
      new RegExp(`^type: sudo sysctl -w ${set} && make demo`),
    );
  });

  it('a limit of none is raised', () => {
    expect(lineToType(machine({ '/proc/sys/user/max_user_namespaces': '0\n' }))).toContain(
      'user.max_user_namespaces=10000',
    );
  });

  it('what nothing explains is left to root', () => {
    expect(lineToType(machine({ '/proc/sys/user/max_user_namespaces': '15000\n' }))).toBe(
      'type: sudo make demo',
    );
  });

  it('in a container it is the container that must be started otherwise', () => {
    expect(lineToType(machine({}, true))).toContain('--privileged');
  });
});
