// Server-sent events: that there is something new, never what. A client that was away, however long, asks for what it shows
// and has all of it. Nothing is kept for a client: one that does not take what little it is sent is dropped.
import type { ServerResponse } from 'node:http';

export interface StreamLimits {
  readonly clients: number;
  /** Milliseconds between two signs of life. */
  readonly heartbeat: number;
  /** Bytes that a client may leave untaken. */
  readonly untaken: number;
}

export const defaultStreamLimits: StreamLimits = { clients: 1000, heartbeat: 15_000, untaken: 4096 };

export class Stream {
  readonly #limits: StreamLimits;
  readonly #clients = new Set<ServerResponse>();
  #last = '';

  constructor(limits: StreamLimits) {
    this.#limits = limits;
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Beats until `signal` aborts, and then lets everybody go. */
  start(signal: AbortSignal): void {
    const timer = setInterval(() => this.#send('event: alive\ndata:\n\n'), this.#limits.heartbeat);
    signal.addEventListener(
      'abort',
      () => {
        clearInterval(timer);
        for (const client of this.#clients) client.end();
        this.#clients.clear();
      },
      { once: true },
    );
  }

  /** False: there are too many. */
  join(client: ServerResponse, headers: Readonly<Record<string, string>>): boolean {
    if (this.#clients.size >= this.#limits.clients) return false;
    this.#clients.add(client);
    client.once('close', () => this.#clients.delete(client));
    // Whoever goes in the middle of a word is gone: `close` follows.
    client.on('error', () => this.#clients.delete(client));
    client.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // A proxy that collects what it passes on would hold it back.
      'x-accel-buffering': 'no',
    });
    client.write(`retry: ${3000 + Math.floor(Math.random() * 4000)}\n\n${this.#last}`);
    return true;
  }

  /** Tells everybody, and whoever comes later first of all. */
  tell(version: string): void {
    this.#last = `id: ${version}\nevent: version\ndata: ${version}\n\n`;
    this.#send(this.#last);
  }

  #send(text: string): void {
    for (const client of this.#clients) {
      if (client.writableLength > this.#limits.untaken) client.destroy();
      else client.write(text);
    }
  }
}
