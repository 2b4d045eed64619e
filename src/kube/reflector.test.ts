import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { KubeClient } from './client.ts';
import { Reflector } from './reflector.ts';
import { resources } from './resources.ts';
import type { WatchEvent } from './watch.ts';

/** A server whose watches end at once, having told `events`. */
function serverOf(events: readonly WatchEvent<unknown>[]): { client: KubeClient; calls: string[] } {
  const calls: string[] = [];
  const answers: Record<string, unknown> = {
    list: async () => {
      calls.push('list');
      return { items: [], resourceVersion: '1' };
    },
    watch: async function* watch() {
      calls.push('watch');
      yield* events;
    },
  };
  const client: KubeClient = Object.assign(Object.create(null), answers);
  return { client, calls };
}

async function callsWithin(milliseconds: number, events: readonly WatchEvent<unknown>[]): Promise<string[]> {
  const { client, calls } = serverOf(events);
  const stop = new AbortController();
  const reflector = new Reflector(client, resources.pods, {
    onChange: () => undefined,
    onError: () => undefined,
    backoff: { first: 40, most: 1000 },
  });
  const running = reflector.run(stop.signal);
  await wait(milliseconds);
  stop.abort();
  await running;
  return calls;
}

describe('a watch that ends at once', () => {
  it('having told nothing, is asked for again ever more rarely', async () => {
    const calls = await callsWithin(400, []);
    expect(calls.length).toBeGreaterThan(2);
    expect(calls.length).toBeLessThan(9);
  });

  it('having only said that its place is gone, does not make the list be read without a pause', async () => {
    const calls = await callsWithin(400, [{ type: 'expired' }]);
    expect(calls.length).toBeGreaterThan(3);
    expect(calls.length).toBeLessThan(16);
  });
});
