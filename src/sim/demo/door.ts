// A plain door on loopback before the dashboard's HTTPS: a browser that does not know the certificate would warn, and who
// opens the page of a demo has nobody to ask. What goes through it is left as it is.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';

export interface Door {
  readonly url: string;
  readonly close: () => void;
}

export interface Behind {
  readonly host: string;
  readonly port: number;
  /** PEM of who signed its certificate. */
  readonly ca: string;
}

const host = '127.0.0.1';
const mostTries = 50;

/** On the first free port from `port` on. */
export async function openDoor(behind: Behind, port = 8080): Promise<Door> {
  const agent = new Agent({ keepAlive: true });
  for (let each = port; each < port + mostTries; each++) {
    const server = await listenOn(each, (incoming, outgoing) => pass(behind, agent, incoming, outgoing));
    if (server === undefined) continue;
    return {
      url: `http://${host}:${each}`,
      close: () => {
        server.close();
        server.closeAllConnections();
        agent.destroy();
      },
    };
  }
  throw new Error(`no port from ${port} to ${port + mostTries} is free on ${host}`);
}

async function listenOn(
  port: number,
  handler: (incoming: IncomingMessage, outgoing: ServerResponse) => void,
): Promise<Server | undefined> {
  const server = createServer(handler);
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      if ('code' in error && error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(port, host, () => resolve(server));
  });
}

function pass(behind: Behind, agent: Agent, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method, url: path, headers } = incoming;
  const sent = request({ ...behind, method, path, headers, agent }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    // A stream says that it has begun before anything happens.
    outgoing.flushHeaders();
    answer.pipe(outgoing);
    answer.once('error', () => outgoing.destroy());
  });
  sent.once('error', () => {
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(502).end('the dashboard does not answer');
  });
  outgoing.once('close', () => sent.destroy());
  incoming.pipe(sent);
}
