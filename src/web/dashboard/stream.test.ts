import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect, test, vi } from 'vitest';
import { defaultStreamLimits, Stream } from './stream.ts';

/** Takes what it is sent, or lets it lie. */
class Client extends EventEmitter {
  readonly taken: string[] = [];
  writableLength = 0;
  isSlow = false;
  writeHead = vi.fn<() => void>();
  write(text: string): void {
    if (this.isSlow) this.writableLength += text.length;
    else this.taken.push(text);
  }
  end(): void {
    this.emit('close');
  }
  destroy = this.end.bind(this);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the stream uses of one
  readonly response = this as unknown as ServerResponse;
}

test('who comes late is told of the version there is', () => {
  const stream = new Stream(defaultStreamLimits);
  stream.tell('a-1');
  const client = new Client();
  expect(stream.join(client.response, {})).toBe(true);
  expect(client.taken.join('')).toContain('id: a-1\nevent: version\ndata: a-1\n\n');
});

test('one that takes nothing is dropped, and the others go on', () => {
  const stream = new Stream({ ...defaultStreamLimits, untaken: 200 });
  const [slow, quick] = [new Client(), new Client()];
  slow.isSlow = true;
  for (const { response } of [slow, quick]) stream.join(response, {});
  for (let i = 0; i < 20; i += 1) stream.tell(`a-${i}`);
  expect(stream.clients).toBe(1);
  expect(quick.taken.join('')).toContain('a-19');
  expect(slow.writableLength).toBeLessThan(400);
});

test('there is an end of places, and one that leaves gives its own back', () => {
  const stream = new Stream({ ...defaultStreamLimits, clients: 1 });
  const [first, second] = [new Client(), new Client()];
  expect(stream.join(first.response, {})).toBe(true);
  expect(stream.join(second.response, {})).toBe(false);
  first.end();
  expect(stream.join(second.response, {})).toBe(true);
});

test('it beats until it is stopped, and then lets everybody go', () => {
  vi.useFakeTimers();
  const stop = new AbortController();
  const stream = new Stream({ ...defaultStreamLimits, heartbeat: 1000 });
  stream.start(stop.signal);
  const client = new Client();
  stream.join(client.response, {});
  vi.advanceTimersByTime(2500);
  expect(client.taken.filter((text) => text.startsWith('event: alive'))).toHaveLength(2);
  stop.abort();
  const taken = client.taken.length;
  stream.tell('a-2');
  expect(client.taken).toHaveLength(taken);
  expect(stream.clients).toBe(0);
  vi.useRealTimers();
});
