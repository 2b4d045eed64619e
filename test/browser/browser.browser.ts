// What a browser leaves on the machine that tests: nothing, also where it does not even begin.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openBrowser } from './browser.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'browser-'));
  vi.stubEnv('TMPDIR', directory);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

const profiles = () => readdirSync(directory).filter((name) => !name.startsWith('playwright-'));

test('a browser has all that is its own in its profile, and takes that away when it is closed', async () => {
  const { context, close } = await openBrowser();
  const page = await context.newPage();
  await page.goto('data:text/html,<h1>seen</h1>');
  expect(await page.locator('h1').innerText()).toBe('seen');
  expect(profiles()).toEqual([expect.stringMatching(/^chromium-/)]);
  await close();
  expect(readdirSync(directory)).toEqual([]);
});

test('a browser that does not begin leaves no profile behind', async () => {
  await expect(openBrowser({ geolocation: { latitude: 1000, longitude: 0 } })).rejects.toThrow('latitude');
  expect(profiles()).toEqual([]);
});
