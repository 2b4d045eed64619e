import { describe, expect, it } from 'vitest';
import { Alarm } from './loop-alarm.ts';

const never = new AbortController().signal;

describe('the alarm', () => {
  it('makes one turn of many rings', async () => {
    const alarm = new Alarm();
    alarm.ring();
    alarm.ring();
    await alarm.next(60_000, never);
    const begun = performance.now();
    await alarm.next(50, never);
    expect(performance.now() - begun).toBeGreaterThan(40);
  });

  it('wakes at a ring and at an abort', async () => {
    const alarm = new Alarm();
    const stop = new AbortController();
    const begun = performance.now();
    setTimeout(alarm.ring, 10);
    await alarm.next(60_000, stop.signal);
    setTimeout(() => stop.abort(), 10);
    await alarm.next(60_000, stop.signal);
    await alarm.next(60_000, stop.signal);
    expect(performance.now() - begun).toBeLessThan(5000);
  });
});
