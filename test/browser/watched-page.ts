// A page that notes whatever it should not do.
import type { BrowserContext, Page } from 'playwright-core';

export interface Watched {
  readonly page: Page;
  /** Requests to anywhere else, errors, what the policy kept from being loaded. */
  readonly faults: () => readonly string[];
}

export async function watchedPage(context: BrowserContext, url: string): Promise<Watched> {
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('request', (request) => {
    if (!request.url().startsWith(`${url}/`)) faults.push(`asks for ${request.url()}`);
  });
  page.on('pageerror', (error) => faults.push(`throws ${error.message}`));
  page.on('console', (line) => {
    if (line.type() === 'error') faults.push(`says ${line.text()}`);
  });
  return { page, faults: () => faults };
}

/** Goes there and waits until the page has what it asked for. */
export async function show(page: Page, url: string, path: string): Promise<void> {
  await page.goto(`${url}/#/${path}`);
  const [first = '', node] = path.split('/');
  await page.waitForSelector(
    `main[data-page="${first}/${node ?? ''}"]:not(:has(.empty[role=status])) :is(h1, h2)`,
  );
}
