// What docs/what-you-see shows: each picture with the cluster, the page and the window that it is of. Everything of it is
// fixed, so that the same page gives the same picture.
import type { Page } from 'playwright-core';
import { rotationObject } from '../../src/view/testing.ts';
import { resources } from '../../src/kube/resources.ts';
import { baseCluster, busyCluster, controlPlane, place, worker } from './cluster.ts';
import type { MemoryClient } from './memory-client.ts';

export const clusters = {
  busy: busyCluster,
  calm: () => calmCluster(),
  attention: () => {
    const cluster = calmCluster('mode: manual\n');
    const message =
      'waits: AwaitingApproval: mode is manual: approve it with annotation certrotator.cpaas.io/approved="true"';
    cluster.put(
      resources.certificateRotations,
      rotationObject('w7', 'worker-07', {
        status: { phase: 'Pending', reason: 'AwaitingApproval', message },
      }),
    );
    return cluster;
  },
  unknown: () => {
    const cluster = calmCluster();
    place(cluster, 'worker-21', { unread: true });
    return cluster;
  },
} as const satisfies Record<string, () => MemoryClient>;

export interface Picture {
  /** Of its file: docs/pictures/<name>.png. */
  readonly name: string;
  readonly cluster: keyof typeof clusters;
  readonly path: string;
  readonly language?: 'zh-CN';
  readonly theme?: 'dark';
  readonly size: { readonly width: number; readonly height: number };
  readonly prepare?: (page: Page) => Promise<void>;
}

const wide = (height: number) => ({ width: 1100, height });

const signIn = async (page: Page): Promise<void> => {
  await page.locator('header .tools button').first().click();
  await page.waitForSelector('dialog[open]');
};

export const pictures: readonly Picture[] = [
  { name: 'safe', cluster: 'calm', path: 'overview', size: wide(690) },
  { name: 'attention', cluster: 'attention', path: 'overview', size: wide(360) },
  { name: 'unsafe', cluster: 'busy', path: 'overview', size: wide(1150) },
  {
    name: 'unsafe.zh',
    cluster: 'busy',
    path: 'overview',
    language: 'zh-CN',
    theme: 'dark',
    size: wide(1110),
  },
  { name: 'unknown', cluster: 'unknown', path: 'overview', size: wide(360) },
  { name: 'phone', cluster: 'busy', path: 'overview', theme: 'dark', size: { width: 390, height: 844 } },
  { name: 'nodes', cluster: 'busy', path: 'nodes', size: wide(620) },
  { name: 'node', cluster: 'busy', path: 'nodes/worker-02', size: wide(1120) },
  { name: 'node.zh', cluster: 'busy', path: 'nodes/worker-01', language: 'zh-CN', size: wide(900) },
  { name: 'plan', cluster: 'busy', path: 'plan', size: wide(700) },
  { name: 'history', cluster: 'busy', path: 'history', size: wide(420) },
  { name: 'cas', cluster: 'busy', path: 'cas', size: wide(800) },
  { name: 'settings', cluster: 'busy', path: 'settings', size: wide(560) },
  { name: 'sign-in', cluster: 'busy', path: 'nodes/worker-01', size: wide(560), prepare: signIn },
];

function calmCluster(config = ''): MemoryClient {
  const cluster = baseCluster(config);
  for (const [i, name] of ['cp-1', 'cp-2', 'cp-3'].entries()) place(cluster, name, controlPlane(205 + 2 * i));
  for (let i = 1; i <= 20; i += 1)
    place(cluster, `worker-${String(i).padStart(2, '0')}`, worker(44 + ((i * 7) % 45)));
  return cluster;
}
