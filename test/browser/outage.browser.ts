// The page where something between it and the cluster does not answer: what was seen stays, and what is said of it is so.
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { CertError } from '../../src/errors.ts';
import type { KubeClient } from '../../src/kube/client.ts';
import { until } from './ask.ts';
import { begin, busyCluster } from './cluster.ts';
import { pageOpener } from './page-opener.ts';
import { show } from './watched-page.ts';

const open = pageOpener();

/** Answers 503 there. Result: how often it has. */
async function refuse(page: Page, path: string, answer: object): Promise<() => number> {
  let count = 0;
  await page.route(`**/api/v1/${path}`, async (route) => {
    count += 1;
    await route.fulfill({ status: 503, ...answer });
  });
  return () => count;
}

describe.each([
  ['since it begins anew', { json: { error: 'starting', message: '' } }, 'is being read for the first time'],
  ['since a proxy reaches nobody', { body: '<h1>503</h1>' }, 'could not be loaded: 503'],
])('a server that answers 503, %s', (_, answer, said) => {
  it('takes away nothing that is shown, and is asked again', async () => {
    const cluster = busyCluster();
    const { page } = await open(cluster, 'plan');
    const shown = await page.locator('.plan li').count();
    const refused = await refuse(page, 'plan', answer);
    begin(cluster, 'worker-09');
    await until(() => refused() > 1, 'it is asked again', 15_000);
    expect(shown).toBeGreaterThan(3);
    expect(await page.locator('.plan li').count()).toBe(shown);
    expect(await page.locator('main').innerText()).not.toContain(said);
    await page.unroute('**/api/v1/plan');
    await page.waitForSelector('.plan a:has-text("worker-09")');
    expect(await page.locator('.plan li').count()).toBeGreaterThan(shown);
  });

  it('is said so where nothing is known', async () => {
    const { page, served } = await open(busyCluster());
    await refuse(page, 'plan', answer);
    await page.goto(`${served.url}/#/plan`);
    await page.waitForSelector(`main:has-text("${said}")`);
    expect(await page.locator('.plan').count()).toBe(0);
  });
});

it('a configuration that may not be read is said on the overview and over the settings', async () => {
  const cluster = busyCluster();
  const client: KubeClient = {
    ...cluster.client,
    get: async (of, ref) => {
      if (of.plural === 'configmaps') throw new CertError('Denied', 'cannot get resource "configmaps"');
      return await cluster.client.get(of, ref);
    },
  };
  const { page, served } = await open({ client }, 'overview');
  const said = 'The configuration may not be read, what is shown may not be in force: cannot get';
  expect(await page.locator('main').innerText()).toContain(said);
  await show(page, served.url, 'settings');
  expect(await page.locator('main [role=alert]').innerText()).toContain(said);
});

it('a page that has no place in the stream asks, is connected, and tries again after half a minute', async () => {
  const cluster = busyCluster();
  const { page, served } = await open(cluster);
  await page.clock.install();
  const refused = await refuse(page, 'stream', { json: { error: 'busy', message: '' } });
  await show(page, served.url, 'plan');
  await until(() => refused() === 1, 'it asks for the stream');
  begin(cluster, 'worker-09');
  await page.waitForSelector('.plan a:has-text("worker-09")');
  expect(await page.locator('header .live').innerText()).toBe('live');
  expect(await page.locator('.banner').count()).toBe(0);
  expect(refused()).toBe(1);
  await page.clock.fastForward(30_000);
  await until(() => refused() === 2, 'it tries again');
  begin(cluster, 'worker-10');
  await page.waitForSelector('.plan a:has-text("worker-10")');
  expect(await page.locator('.banner').count()).toBe(0);
  expect(refused()).toBe(2);
});
