import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { serveHealth } from './health-server.ts';
import { Metrics } from './metrics.ts';

let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

async function serve(): Promise<number> {
  const state = { alive: () => undefined, ready: () => 'not read yet' };
  const options = { host: undefined, port: 0, metrics: new Metrics(), ...state };
  const address = (await serveHealth(options, stop.signal)).address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function status(host: string, port: number, path: string): Promise<number> {
  return (await fetch(`http://${host}:${port}${path}`)).status;
}

const outside = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

describe('serveHealth', () => {
  it('answers the probes and, from within the Pod, the metrics', async () => {
    const port = await serve();
    expect(await status('127.0.0.1', port, '/healthz')).toBe(200);
    expect(await status('127.0.0.1', port, '/readyz')).toBe(503);
    expect(await status('127.0.0.1', port, '/metrics')).toBe(200);
    expect(await status('127.0.0.1', port, '/')).toBe(404);
  });

  it.skipIf(outside === undefined)('has no metrics for who comes from elsewhere', async () => {
    const port = await serve();
    expect(await status(outside ?? '', port, '/healthz')).toBe(200);
    expect(await status(outside ?? '', port, '/metrics')).toBe(404);
  });
});
