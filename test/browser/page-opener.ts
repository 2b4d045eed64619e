// A browser for all tests of a file, and in each a page of a cluster of its own, which ends with the test.
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { openBrowser, type Opened } from './browser.ts';
import type { MemoryClient } from './memory-client.ts';
import { serve, type Served } from './serve.ts';
import { show, watchedPage, type Watched } from './watched-page.ts';

interface OpenPage extends Watched {
  readonly served: Served;
}

/** Opens a page of that cluster, and goes to the path where one is named. */
type OpenPageOf = (cluster: Pick<MemoryClient, 'client'>, path?: string) => Promise<OpenPage>;

export function pageOpener(): OpenPageOf {
  let browser: Opened;
  beforeAll(async () => {
    browser = await openBrowser({ locale: 'en' });
  });
  afterAll(async () => browser.close());
  return async (cluster, path) => {
    const served = await serve({ client: cluster.client });
    onTestFinished(() => served.end());
    const { page, faults } = await watchedPage(browser.context, served.url);
    onTestFinished(async () => page.close());
    if (path !== undefined) await show(page, served.url, path);
    return { page, faults, served };
  };
}
