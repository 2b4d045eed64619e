import type { Pod } from 'kubernetes-types/core/v1.js';
import { describe, expect, it } from 'vitest';
import { missingPaths } from './host-paths.ts';

const waiting = { name: 'scan', ready: false, restartCount: 0, image: '', imageID: '' };
const setUp: Pod = {
  status: { containerStatuses: [{ ...waiting, state: { waiting: { reason: 'ContainerCreating' } } }] },
};
const failed = (words: string) => [`FailedMount: MountVolume.SetUp failed for volume "v" : ${words}`];

describe('missingPaths reads the kubelet’s words of every version', () => {
  it.each([
    ['1.32 to 1.36', 'hostPath type check failed: /etc/sysconfig is not a directory'],
    [
      '1.37, nothing there',
      'hostPath type check failed, /etc/sysconfig is not a directory, unable to determine its type: path "/etc/sysconfig" does not exist',
    ],
    [
      '1.37, something else there',
      "hostPath type check failed: /etc/sysconfig is not a directory, it's a file",
    ],
  ])('%s', (_, words) => {
    expect(missingPaths(setUp, failed(words))).toEqual(['/etc/sysconfig']);
  });

  it('a path that nothing can be renewed without is never left out', () => {
    const words = 'hostPath type check failed: /etc/kubernetes is not a directory';
    expect(missingPaths(setUp, failed(words))).toEqual([]);
  });
});
