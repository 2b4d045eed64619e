// Every page, in both languages and both themes: readable by everybody (WCAG 2.2 AA by axe), and nothing from anywhere else.
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { openBrowser, type Opened } from './browser.ts';
import { baseCluster, busyCluster } from './cluster.ts';
import { builtPage, serve, type Served } from './serve.ts';
import { show, watchedPage } from './watched-page.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const paths = [
  'overview',
  'nodes',
  'nodes/worker-01',
  'nodes/cp-1',
  'nodes/nobody',
  'plan',
  'history',
  'cas',
  'settings',
];

let served: Served;
let bare: Served;
let paused: Served;
beforeAll(async () => {
  served = await serve({ client: busyCluster().client });
  bare = await serve({ client: baseCluster().client });
  paused = await serve({ client: baseCluster('paused: true\n').client });
});
afterAll(() => {
  served.end();
  bare.end();
  paused.end();
});

/** In words: which rule, where. */
async function violations(page: Page): Promise<readonly string[]> {
  // Past the page's own policy, as a browser's tool would.
  await page.evaluate(axe);
  const { violations }: AxeResults = await page.evaluate(
    `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })`,
  );
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
}

/** Whatever token is given is of somebody who may do everything. */
async function acceptTokens(page: Page): Promise<void> {
  const me = { user: 'alice', rotate: true, pause: true, pauseAll: true, approve: true };
  await page.route('**/api/v1/me', async (route) => route.fulfill({ json: me }));
}

/** Into the dialog that asks for one. */
async function giveToken(page: Page): Promise<void> {
  await page.locator('dialog[open] textarea').fill('a.b.c');
  await page.locator('dialog[open] button.main').click();
  await page.waitForSelector('dialog[open]', { state: 'detached' });
}

const [wide, narrow] = [
  { width: 1280, height: 900 },
  { width: 375, height: 740 },
];

// Every two of them meet.
describe.each([
  ['en', 'light', wide],
  ['en', 'dark', narrow],
  ['zh-CN', 'light', narrow],
  ['zh-CN', 'dark', wide],
] as const)('in %s, %s, %o', (locale, colorScheme, viewport) => {
  let browser: Opened;
  let page: Page;
  let faults: () => readonly string[];
  beforeAll(async () => {
    browser = await openBrowser({ locale, colorScheme, viewport });
    ({ page, faults } = await watchedPage(browser.context, served.url));
  });
  afterAll(async () => browser.close());

  it.each(paths)('%s is for everybody', async (path) => {
    await show(page, served.url, path);
    await page.locator('details').evaluateAll((all) => all.forEach((one) => one.setAttribute('open', '')));
    expect(await violations(page)).toEqual([]);
    const [taken, most] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    expect(taken).toBeLessThanOrEqual(most ?? 0);
    expect(await page.evaluate(() => document.documentElement.lang)).toBe(locale);
  });

  it('the dialog for a token is, too', async () => {
    await page.locator('header .tools button').first().click();
    await page.waitForSelector('dialog[open]');
    expect(await violations(page)).toEqual([]);
  });

  it('what asks whether an action is meant, and a token that has expired since, are, too', async () => {
    await acceptTokens(page);
    await page.route('**/api/v1/actions', async (route) =>
      route.fulfill({ status: 401, json: { error: 'token', message: 'Unauthorized' } }),
    );
    await giveToken(page);
    await show(page, served.url, 'nodes/worker-01');
    await page.locator('.head .act > button').first().click();
    await page.waitForSelector('dialog[open] h2');
    expect(await violations(page)).toEqual([]);
    await page.locator('dialog[open] button.main').click();
    await page.waitForSelector('dialog[open] p.bad:not(:empty)');
    expect(await page.locator('dialog[open]').innerText()).toMatch(/it has expired|已过期/);
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.unroute('**/api/v1/me');
    await page.unroute('**/api/v1/actions');
  });

  it('that everything is paused stands over every page, and who may resumes it there, for everybody', async () => {
    const other = await browser.context.newPage();
    await acceptTokens(other);
    for (const path of ['overview', 'nodes', 'nodes/nobody', 'plan', 'history', 'cas', 'settings']) {
      await show(other, paused.url, path);
      await other.waitForSelector('aside.banner');
      expect(await other.locator('aside.banner').innerText()).toMatch(/Everything is paused|已全部暂停/);
    }
    expect(await other.locator('aside.banner button').count()).toBe(0);
    await other.locator('header .tools button').first().click();
    await giveToken(other);
    await other.waitForSelector('aside.banner button');
    expect(await violations(other)).toEqual([]);
    await other.locator('aside.banner .act > button').click();
    await other.waitForSelector('dialog[open] h2');
    expect(await violations(other)).toEqual([]);
    await other.close();
  });

  it('nothing was asked for elsewhere, and nothing went wrong', () => {
    // A node that is not there is said so by 404, a token that is refused by 401.
    expect(faults().filter((text) => !/40[14]/.test(text))).toEqual([]);
  });

  it.each(['overview', 'nodes', 'plan', 'history', 'cas', 'settings'])(
    '%s of a cluster without anything says so in a sentence, for everybody',
    async (path) => {
      await show(page, bare.url, path);
      expect(await violations(page)).toEqual([]);
      expect(await page.locator('main').innerText()).toMatch(/[.。]/);
    },
  );

  it('what cannot be loaded, and a connection that is lost, are said for everybody', async () => {
    await page.route('**/api/v1/plan', async (route) => route.fulfill({ status: 500, body: '' }));
    await page.goto(`${served.url}/#/plan`);
    await page.waitForSelector('.empty[role=alert] button');
    expect(await violations(page)).toEqual([]);
    await page.unroute('**/api/v1/plan');
    const passing = await serve({ client: busyCluster().client });
    await show(page, passing.url, 'overview');
    passing.end();
    passing.server.close();
    await page.waitForSelector('.banner');
    expect(await violations(page)).toEqual([]);
  });
});

test('language and theme are chosen by hand, too, and kept', async () => {
  const browser = await openBrowser({ locale: 'fr-FR', colorScheme: 'light' });
  const { page } = await watchedPage(browser.context, served.url);
  await show(page, served.url, 'overview');
  expect(await page.evaluate(() => document.documentElement.lang)).toBe('en');
  const paper = async () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const light = await paper();
  await page.getByLabel('Theme').selectOption('dark');
  await page.waitForSelector('html[data-theme=dark]');
  const dark = await paper();
  expect(dark).not.toBe(light);
  await page.getByRole('button', { name: '切换到中文' }).click();
  await page.reload();
  await page.waitForSelector('h1');
  expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh-CN');
  expect(await paper()).toBe(dark);
  await browser.close();
});

test('all of it has less than 100 KiB, compressed', () => {
  const files = readdirSync(builtPage, { recursive: true, withFileTypes: true }).filter((file) =>
    file.isFile(),
  );
  const sizes = files.map(({ parentPath, name }) => gzipSync(readFileSync(join(parentPath, name))).length);
  expect(sizes.reduce((sum, one) => sum + one, 0)).toBeLessThan(100 * 1024);
});
