// The dashboard of this cluster, from the real web program, in a browser that has never seen it.
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { allocator } from '../../deploy/image/allocator.ts';
import { freePort } from '../../test/free-port.ts';
import { openBrowser } from '../../test/browser/browser.ts';
import { builtPage, makeServingPair } from '../../test/browser/serve.ts';
import type { ScaleCluster } from './cluster.ts';
import { heapOf, programs, until } from './controller.ts';
import { openListeners, type Listeners } from './listeners.ts';
import { end, memoryOf } from './processes.ts';

export interface Page {
  /** Milliseconds from asking for the page; medians. */
  readonly firstPaint: number;
  /** The overview's own words are there. */
  readonly content: number;
  /** MiB of the web program, the most that it held: with a few pages open, and with as many as may be. */
  readonly memory: number;
  readonly memoryWithListeners: number;
  readonly listeners: Listeners;
}

const rounds = 5;

export async function measurePage(cluster: ScaleCluster): Promise<Page> {
  const tls = join(cluster.directory, 'web-tls');
  fs.mkdirSync(tls);
  makeServingPair(tls);
  const address = `127.0.0.1:${await freePort()}`;
  const log = fs.openSync(join(cluster.directory, 'web.log'), 'a');
  const flags = ['--listen', '', '--dashboard-listen', address, '--tls-directory', tls];
  const places = ['--dashboard-directory', resolve(builtPage), '--kubeconfig', cluster.kubeconfig];
  const heap = heapOf(cluster.memoryLimits.web);
  const child = spawn(process.execPath, [...heap, join(programs, 'web.mjs'), ...flags, ...places], {
    env: { ...process.env, ...allocator },
    stdio: ['ignore', log, log],
  });
  fs.closeSync(log);
  try {
    // A browser that is not there is said at once, and not waited for.
    await (await openBrowser({ locale: 'en' })).close();
    // Whoever comes first waits until the cluster has been read; that is the web program's start, and not the page.
    await until(async () => hasRead(`https://${address}`), 'the dashboard', 120);
    const looks = [];
    for (let i = 0; i < rounds; i++) looks.push(await look(`https://${address}`));
    const memory = memoryOf(child.pid).most;
    const listeners = await openListeners(`https://${address}`);
    return {
      firstPaint: median(looks.map(({ firstPaint }) => firstPaint)),
      content: median(looks.map(({ content }) => content)),
      memory,
      memoryWithListeners: memoryOf(child.pid).most,
      listeners,
    };
  } finally {
    await end(child, 'SIGTERM');
  }
}

/** Sees the page once, to its content. */
async function hasRead(url: string): Promise<boolean> {
  try {
    await look(url);
    return true;
  } catch {
    return false;
  }
}

async function look(url: string): Promise<{ firstPaint: number; content: number }> {
  const browser = await openBrowser({ locale: 'en' });
  try {
    const page = await browser.context.newPage();
    await page.goto(`${url}/#/overview`, { timeout: 20_000 });
    await page.waitForSelector('main[data-page="overview/"]:not(:has(.empty[role=status])) :is(h1, h2)', {
      timeout: 20_000,
    });
    return await page.evaluate(() => ({
      firstPaint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Number.NaN,
      content: performance.now(),
    }));
  } finally {
    await browser.close();
  }
}

function median(values: readonly number[]): number {
  return Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN);
}
