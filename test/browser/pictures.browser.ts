// The pictures of docs/what-you-see, and whether it still says what the pages say. They are written when asked
// (PICTURES=write, see `make pictures`) and else looked at loosely: each is there, of its size, and whatever the document
// quotes beside it stands on that page, in the document's language.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, test, vi } from 'vitest';
import { openBrowser, type Opened } from './browser.ts';
import { clusters, pictures, type Picture } from './pictures.ts';
import { serve, type Served } from './serve.ts';
import { show, watchedPage } from './watched-page.ts';

const now = new Date('2027-03-01T08:00:00Z');
const docs = resolve(import.meta.dirname, '../../docs');
const isWriting = process.env['PICTURES'] === 'write';

const languages = [
  { locale: 'en', file: 'what-you-see.md', quoted: /“([^”]+)”/g },
  { locale: 'zh-CN', file: 'what-you-see.zh.md', quoted: /「([^」]+)」/g },
] as const;

const fileOf = ({ name }: Picture): string => join(docs, 'pictures', `${name}.png`);

/** By the picture's name: what the document quotes between it and the next one. */
function quotesIn({ file, quoted }: (typeof languages)[number]): ReadonlyMap<string, readonly string[]> {
  const parts = readFileSync(join(docs, file), 'utf8').split(/!\[[^\]]*\]\(pictures\/([\w.-]+)\.png\)/);
  const quotes = new Map<string, readonly string[]>();
  for (let i = 1; i < parts.length; i += 2) {
    const text = (parts[i + 1] ?? '').replaceAll(/\s+/g, ' ');
    quotes.set(
      parts[i] ?? '',
      [...text.matchAll(quoted)].map(([, quote = '']) => quote),
    );
  }
  return quotes;
}

let served: Readonly<Record<keyof typeof clusters, Served>>;
beforeAll(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now });
  const [busy, calm, attention, unknown] = await Promise.all(
    [clusters.busy, clusters.calm, clusters.attention, clusters.unknown].map(async (make) =>
      serve({ client: make().client }),
    ),
  );
  if (!busy || !calm || !attention || !unknown) throw new Error('not all are served');
  served = { busy, calm, attention, unknown };
});
afterAll(() => {
  for (const one of Object.values(served)) one.end();
  vi.useRealTimers();
});

async function goTo(page: Page, { cluster, path, prepare }: Picture): Promise<void> {
  await show(page, served[cluster].url, path);
  await prepare?.(page);
}

describe.each(languages)('$file', (language) => {
  const quotes = quotesIn(language);
  let browser: Opened;
  beforeAll(async () => {
    browser = await openBrowser({ locale: language.locale, timezoneId: 'Asia/Shanghai' });
  });
  afterAll(async () => browser.close());

  it('shows nothing but these pictures, and every page', () => {
    const names = pictures.map(({ name }) => name);
    expect([...quotes.keys()].filter((name) => !names.includes(name))).toEqual([]);
    const isShown = ({ name }: Picture) => quotes.has(name) || quotes.has(`${name}.zh`);
    expect(pictures.filter((one) => one.language === undefined && !isShown(one))).toEqual([]);
  });

  it.each(pictures.filter(({ name }) => quotes.has(name)))('quotes what is beside $name', async (picture) => {
    const { page, faults } = await watchedPage(browser.context, served[picture.cluster].url);
    await page.clock.setFixedTime(now);
    await goTo(page, picture);
    const text = (await page.evaluate(() => document.body.textContent)).replaceAll(/\s+/g, ' ');
    const missing = (quotes.get(picture.name) ?? []).filter((quote) => !text.includes(quote));
    expect(missing).toEqual([]);
    expect(faults()).toEqual([]);
    await page.close();
  });
});

describe.each(pictures)('picture $name', (picture) => {
  it.runIf(isWriting)('is made of the page', async () => {
    const { language = 'en', theme = 'light', size } = picture;
    const browser = await openBrowser({
      locale: language,
      colorScheme: theme,
      viewport: size,
      timezoneId: 'Asia/Shanghai',
      reducedMotion: 'reduce',
    });
    const { page } = await watchedPage(browser.context, served[picture.cluster].url);
    await page.clock.setFixedTime(now);
    await goTo(page, picture);
    await page.evaluate(async () => document.fonts.ready);
    const shot = await page.screenshot({ animations: 'disabled', caret: 'hide' });
    await browser.close();
    mkdirSync(join(docs, 'pictures'), { recursive: true });
    // A palette is enough for a page, and a third of the bytes.
    const small = execFileSync('pngquant', ['--speed', '1', '--strip', '-'], { input: shot });
    writeFileSync(fileOf(picture), small);
    expect(small.length).toBeGreaterThan(0);
  });

  it('is there, small, and of its size', () => {
    expect(existsSync(fileOf(picture)), 'make pictures').toBe(true);
    const png = readFileSync(fileOf(picture));
    expect({ width: png.readUInt32BE(16), height: png.readUInt32BE(20) }).toEqual(picture.size);
    expect(png.length).toBeLessThan(80 * 1024);
  });
});

test('no other picture lies there', () => {
  const known = new Set(pictures.map(({ name }) => `${name}.png`));
  expect(
    readdirSync(join(docs, 'pictures')).filter((name) => name.endsWith('.png') && !known.has(name)),
  ).toEqual([]);
});
