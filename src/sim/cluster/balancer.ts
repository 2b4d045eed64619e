// What stands before the API servers: connections go to those that say at /readyz that they are ready.
import * as net from 'node:net';
import { Agent, request } from 'node:https';
import { createSecureContext } from 'node:tls';

export interface Balancer {
  readonly close: () => void;
}

interface Server {
  readonly host: string;
  readonly port: number;
  ready: boolean;
}

/** Often: who comes late waits for whoever looks. */
const lookMs = 100;
const timeoutMs = 1000;
/** One connection a server, for as long as it lives; a context for all tries, since one costs more than a try. */
const agent = new Agent({
  keepAlive: true,
  rejectUnauthorized: false,
  secureContext: createSecureContext(),
});

/** Errors of listening reject. */
export async function startBalancer(
  where: { readonly host: string; readonly port: number },
  servers: readonly { readonly host: string; readonly port: number }[],
): Promise<Balancer> {
  const known: readonly Server[] = servers.map((server) => ({ ...server, ready: false }));
  const open = new Set<net.Socket>();
  let turn = 0;
  const listener = net.createServer((client) => {
    const ready = known.filter((server) => server.ready);
    const server = ready[turn++ % Math.max(1, ready.length)];
    if (server === undefined) {
      client.destroy();
      return;
    }
    const upstream = net.connect(server.port, server.host);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(where.port, where.host, resolve);
  });
  const look = (): void => {
    for (const server of known) void isReady(server).then((ready) => (server.ready = ready));
  };
  look();
  const timer = setInterval(look, lookMs);
  return {
    close: () => {
      clearInterval(timer);
      listener.close();
      for (const socket of open) socket.destroy();
    },
  };
}

async function isReady({ host, port }: Server): Promise<boolean> {
  return new Promise((resolve) => {
    const options = {
      host,
      port,
      path: '/readyz',
      agent,
      timeout: timeoutMs,
    };
    const sent = request(options, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    sent.once('timeout', () => sent.destroy(new Error('late')));
    sent.once('error', () => resolve(false));
    sent.end();
  });
}
