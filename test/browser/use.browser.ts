// The page in use: by keyboard, with thousands of nodes, while things change, after a sleep, and with what others wrote.
import type { Page } from 'playwright-core';
import { describe, expect, it, test } from 'vitest';
import { resources } from '../../src/kube/resources.ts';
import { leafRow, notesOfUnseen, rotationObject } from '../../src/view/testing.ts';
import { begin, busyCluster, controlPlane, largeCluster, place, worker } from './cluster.ts';
import { pageOpener } from './page-opener.ts';
import { show } from './watched-page.ts';

const open = pageOpener();

const focused = async (page: Page) =>
  page.evaluate(() =>
    `${document.activeElement?.tagName ?? ''} ${document.activeElement?.textContent ?? ''}`.slice(0, 60),
  );

describe('by keyboard alone', () => {
  it('the content is one step away, and another page takes the focus with it', async () => {
    const { page } = await open(busyCluster(), 'overview');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toContain('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await focused(page)).toMatch(/^MAIN/);
    await page.getByRole('navigation').getByRole('link', { name: 'Nodes' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('h1:has-text("Nodes")');
    expect(await focused(page)).toMatch(/^MAIN/);
  });

  it('/ filters, a heading sorts, and the focus is seen', async () => {
    const { page } = await open(busyCluster(), 'nodes');
    await page.keyboard.press('/');
    await page.keyboard.type('worker-4');
    expect(await page.locator('tbody tr:not(.gap)').count()).toBe(5);
    await page.getByRole('button', { name: 'Node', exact: true }).focus();
    await page.keyboard.press('Enter');
    expect(await page.locator('tbody tr:not(.gap) th a').first().textContent()).toBe('worker-40');
    await page.keyboard.press('Enter');
    expect(await page.locator('tbody tr:not(.gap) th a').first().textContent()).toBe('worker-44');
    expect(
      await page.evaluate(() => getComputedStyle(document.activeElement ?? document.body).outlineStyle),
    ).toBe('solid');
    expect(page.url()).toContain('q=worker-4');
  });

  it('a dialog is left by Escape, and gives the focus back', async () => {
    const { page } = await open(busyCluster(), 'nodes/worker-01');
    await page.getByRole('button', { name: 'Rotate now' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open] textarea');
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog[open]', { state: 'detached' });
    expect(await focused(page)).toContain('Rotate now');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open] textarea');
  });
});

test('what is not seen of a control plane is asked for on the overview, one step from what to mend', async () => {
  const cluster = busyCluster();
  place(cluster, 'cp-2', { ...controlPlane(240), notes: notesOfUnseen });
  const { page, faults } = await open(cluster, 'overview');
  await page.locator('.needs').getByRole('link', { name: 'kube-apiserver on cp-2' }).click();
  await page.waitForSelector('h1:has-text("cp-2")');
  expect(await page.locator('.notes').innerText()).toContain('put the manifest back');
  expect(faults()).toEqual([]);
});

test('the list of nodes follows its address, whoever changes it', async () => {
  const { page, faults } = await open(busyCluster(), 'nodes');
  const rows = page.locator('tbody tr:not(.gap)');
  const filter = page.getByRole('searchbox');
  const goTo = async (hash: string): Promise<void> => {
    await page.evaluate((text) => {
      location.hash = text;
    }, hash);
  };
  const all = async (): Promise<void> => {
    await page.getByRole('navigation').getByRole('link', { name: 'Nodes' }).click();
    await page.waitForSelector('[role=status]:has-text("47 of 47")');
    expect([await filter.inputValue(), await page.evaluate(() => location.hash)]).toEqual(['', '#/nodes']);
  };
  await filter.fill('worker-41');
  await page.waitForFunction(() => location.hash.includes('q=worker-41'));
  await all();
  // A colleague's, pasted.
  await goTo('#/nodes?q=cp-&by=node&down=true');
  await page.waitForSelector('tbody tr:not(.gap):first-of-type a:text-is("cp-3")');
  expect([await rows.count(), await filter.inputValue()]).toEqual([3, 'cp-']);
  await filter.fill('cp-2');
  await page.waitForFunction(() => location.hash.includes('q=cp-2'));
  await goTo('#/nodes?q=worker-4');
  await page.waitForSelector('[role=status]:has-text("5 of ")');
  expect(await filter.inputValue()).toBe('worker-4');
  await all();
  expect(faults()).toEqual([]);
});

/** Milliseconds that the page's own thread has computed, whatever else the machine did. */
async function processorTime(page: Page, work: () => Promise<void>): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const spent = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
  };
  const before = await spent();
  await work();
  return (await spent()) - before;
}

test('five thousand nodes scroll and are filtered without a wait', async () => {
  const { page, faults } = await open(largeCluster(5000), 'nodes');
  await page.waitForSelector('tbody tr:not(.gap)');
  expect(await page.locator('[role=status]:has-text("5,000 of 5,000")').count()).toBe(1);
  const frames = 90;
  const scrolled = await processorTime(page, async () => {
    await page.evaluate(async (steps) => {
      for (let i = 0; i < steps; i += 1) {
        scrollTo(0, i * 400);
        await new Promise(requestAnimationFrame);
      }
    }, frames);
  });
  // Thirty frames a second where the processor paints, too; by its time, since others may use it meanwhile.
  expect(scrolled / frames).toBeLessThan(33);
  expect(await page.locator('tbody tr').count()).toBeLessThan(120);
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await page.waitForSelector('tr[aria-rowindex="5001"]');
  const filtered = await processorTime(page, async () => {
    await page.getByRole('searchbox').fill('node-0499');
    await page.waitForSelector('[role=status]:has-text("10 of 5,000")');
  });
  expect(filtered).toBeLessThan(200);
  expect(await page.locator('tbody tr:not(.gap)').count()).toBe(10);
  expect(faults()).toEqual([]);
});

describe('while things change', () => {
  it('what is new is shown by itself', async () => {
    const cluster = busyCluster();
    const { page, served } = await open(cluster, 'plan');
    begin(cluster, 'worker-09');
    await page.waitForSelector('.plan a:has-text("worker-09")');
    expect(page.url()).toBe(`${served.url}/#/plan`);
  });

  it('a connection that is lost is said, and what was seen stays', async () => {
    const { page, served } = await open(busyCluster(), 'nodes');
    const { server } = served;
    server.close();
    server.closeAllConnections();
    await page.waitForSelector('.banner:has-text("There is no connection")');
    expect(await page.locator('tbody tr:not(.gap)').count()).toBeGreaterThan(5);
  });

  it('a browser that slept for a day shows today', async () => {
    const cluster = busyCluster();
    const { page, served } = await open(cluster);
    await page.clock.install();
    await show(page, served.url, 'nodes/worker-10');
    // Asleep: nothing runs and the connection is gone, without a word.
    await page.clock.pauseAt(Date.now() + 1000);
    await page.route('**/api/v1/stream', async (route) => route.abort());
    served.server.closeAllConnections();
    place(cluster, 'worker-10', { ...worker(77), paused: true });
    await page.clock.fastForward('24:00:00');
    await page.unroute('**/api/v1/stream');
    await page.clock.resume();
    await page.waitForSelector('.tag:has-text("paused")', { timeout: 20_000 });
    // It asks anew as soon as it wakes, and is connected again a moment later.
    await page.waitForSelector('header .live >> text="live"', { timeout: 20_000 });
    expect(await page.locator('.tag:has-text("paused")').count()).toBeGreaterThan(0);
  });
});

describe('what others have written', () => {
  it('is text, and no more', async () => {
    const cluster = busyCluster();
    const evil = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>';
    place(cluster, '<script>window.owned=1</script>', worker(-4));
    place(cluster, 'worker-99', {
      rows: [
        leafRow('kubelet.crt', 30, { subject: `CN=\u202e\u0007${evil}`, sans: [evil], path: `/etc/${evil}` }),
      ],
      notes: [evil, '\u2067turned'],
    });
    cluster.put(
      resources.certificateRotations,
      rotationObject('evil', 'worker-99', {
        status: { phase: 'Pending', reason: 'Paused', message: `waits: Paused: ${evil}` },
      }),
    );
    const { page, faults, served } = await open(cluster, 'nodes/worker-99');
    await page.waitForSelector('.notes li');
    expect(await page.locator('main').innerText()).toContain('<img src=x onerror=');
    expect(await page.locator('main').innerText()).not.toMatch(/[\u202e\u2067]/);
    for (const path of [
      'nodes',
      'plan',
      'overview',
      `nodes/${encodeURIComponent('<script>window.owned=1</script>')}`,
    ]) {
      await page.goto(`${served.url}/#/${path}`);
      await page.waitForTimeout(300);
    }
    expect(await page.evaluate(() => Reflect.get(window, 'owned'))).toBeUndefined();
    expect(await page.locator('main script, main img').count()).toBe(0);
    expect(faults().filter((text) => !text.includes('404'))).toEqual([]);
  });

  it.each([
    '#/nodes/%',
    '#/nodes/%E0%A4%A',
    '#/constructor',
    '#//evil.example',
    '#/nodes?state=<b>&by=__proto__',
    '#javascript:alert(1)',
  ])('an address %s is one of a page of ours', async (hash) => {
    const { page, faults, served } = await open(busyCluster(), 'overview');
    await page.goto(`${served.url}/${hash}`);
    await page.waitForSelector('main h1');
    expect(faults().filter((text) => !text.includes('404'))).toEqual([]);
  });
});

/** Nothing of it is cut off. */
const isWhole = async (page: Page) =>
  page
    .locator('tr:has(a:text-is("worker-09")) .state .badge')
    .evaluate((badge) => badge.scrollHeight <= badge.clientHeight && badge.scrollWidth <= badge.clientWidth);

describe('a state that is too long for its row', () => {
  it.each([
    [760, false],
    [375, true],
  ])('is whole where the focus is, by keyboard alone, %i px wide', async (width, before) => {
    const cluster = busyCluster();
    const status = {
      phase: 'NeedsManual',
      reason: 'OldStateUnsafe',
      finishedAt: new Date().toISOString(),
    } as const;
    cluster.put(resources.certificateRotations, rotationObject('long', 'worker-09', { status }));
    const { page, faults } = await open(cluster, 'nodes');
    await page.setViewportSize({ width, height: 700 });
    const row = page.locator('tr:has(a:text-is("worker-09"))');
    const height = (await row.boundingBox())?.height;
    await page.mouse.move(0, 0);
    expect(await isWhole(page)).toBe(before);
    await row.getByRole('link').focus();
    expect(await isWhole(page)).toBe(true);
    expect((await row.boundingBox())?.height).toBe(height);
    expect(await row.locator('.state').innerText()).toContain('no place to return to');
    expect(faults()).toEqual([]);
  });
});
