import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { withLock } from './lock.ts';

const directory = mkdtempSync(join(tmpdir(), 'lock-'));
afterAll(() => rmSync(directory, { recursive: true }));
const never = new AbortController().signal;
const coded = (code: string): unknown => expect.objectContaining({ code });

/** Takes a lock and holds it until it is let go. */
async function hold(path: string): Promise<() => Promise<void>> {
  const held = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const work = withLock(path, { timeoutMs: 0, signal: never }, () => {
    held.resolve();
    return released.promise;
  });
  await Promise.race([held.promise, work]);
  return async () => {
    released.resolve();
    await work;
  };
}

describe('the lock of a node', () => {
  it('is made where there is none, for root alone, and gives what the work gives', async () => {
    const path = join(directory, 'made/lock');
    expect(await withLock(path, { timeoutMs: 0, signal: never }, () => Promise.resolve(7))).toBe(7);
    expect(lstatSync(join(directory, 'made')).mode & 0o777).toBe(0o700);
    expect(lstatSync(path).mode & 0o777).toBe(0o600);
  });

  it('closes a directory that the kubelet has made for everybody to read, before anything is put there', async () => {
    const open = join(directory, 'open');
    mkdirSync(open);
    chmodSync(open, 0o755);
    const mode = await withLock(join(open, 'lock'), { timeoutMs: 0, signal: never }, () =>
      Promise.resolve(lstatSync(open).mode & 0o777),
    );
    expect(mode.toString(8)).toBe('700');
  });

  it('that is held is refused after the time, with who to look for', async () => {
    const path = join(directory, 'held');
    const release = await hold(path);
    const second = withLock(path, { timeoutMs: 0, signal: never }, () => Promise.resolve());
    await expect(second).rejects.toThrow(coded('LockHeld'));
    await expect(second).rejects.toThrow(`fuser ${path}`);
    await release();
  });

  it('is waited for, and taken when the first has let it go', async () => {
    const path = join(directory, 'waited');
    const order: string[] = [];
    const release = await hold(path);
    const second = withLock(path, { timeoutMs: 20_000, signal: never }, () => {
      order.push('second');
      return Promise.resolve();
    });
    await wait(50);
    order.push('first lets go');
    await release();
    await second;
    expect(order).toEqual(['first lets go', 'second']);
  });

  it('is not waited for after an interruption', async () => {
    const path = join(directory, 'interrupted');
    const release = await hold(path);
    const interruption = new AbortController();
    interruption.abort();
    const second = withLock(path, { timeoutMs: 60_000, signal: interruption.signal }, () =>
      Promise.resolve(),
    );
    await expect(second).rejects.toThrow(coded('Aborted'));
    await release();
  });

  it('is given back when the work fails', async () => {
    const path = join(directory, 'failed');
    const failing = withLock(path, { timeoutMs: 0, signal: never }, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    await (
      await hold(path)
    )();
  });

  it('is no link', async () => {
    const path = join(directory, 'link');
    symlinkSync('/etc/passwd', path);
    const linked = withLock(path, { timeoutMs: 0, signal: never }, () => Promise.resolve());
    await expect(linked).rejects.toThrow(coded('PathEscapes'));
  });
});
