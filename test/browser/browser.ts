// Debian's Chromium, asked for nothing of its own.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type BrowserContextOptions } from 'playwright-core';

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface Opened {
  readonly context: BrowserContext;
  readonly close: () => Promise<void>;
}

export async function openBrowser(options: BrowserContextOptions = {}): Promise<Opened> {
  const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
  // What Chromium makes for itself goes with the profile.
  const scratch = join(profile, 'tmp');
  mkdirSync(scratch);
  const remove = (): void => rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  try {
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: '/usr/bin/chromium',
      args: flags,
      env: { ...process.env, TMPDIR: scratch },
      ignoreHTTPSErrors: true,
      viewport: { width: 1280, height: 900 },
      ...options,
    });
    return { context, close: async () => context.close().finally(remove) };
  } catch (error) {
    remove();
    throw error;
  }
}
