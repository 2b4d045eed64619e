// The end of a connection whose client still sends. A socket that is destroyed with bytes of its client unread resets the
// connection, and a client that learns of that while it sends never looks for the answer (RFC 9112, 9.6).
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Milliseconds in which a client may read the last answer, and stop. */
const lingerMs = 2000;

/** Connections on which what is answered now is the last. */
const last = new WeakSet<Socket>();

/**
 * Before the answer to a request whose body nobody reads to its end: it is the last of this connection. When it is out, says
 * that nothing more comes, drops what does, and destroys the socket when its client is done or has had its time. Node itself
 * would destroy it at once.
 */
export function lingerAtEnd(outgoing: ServerResponse): void {
  const { req: incoming } = outgoing;
  const { socket } = incoming;
  outgoing.setHeader('connection', 'close');
  last.add(socket);
  let timer: ReturnType<typeof setTimeout> | undefined;
  socket.destroySoon = () => {
    if (timer !== undefined) return;
    timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => clearTimeout(timer));
    drop(incoming);
    socket.end();
  };
}

/** Who had begun to read it would stop its flow again. */
function drop(incoming: IncomingMessage): void {
  incoming.removeAllListeners('data');
  incoming.resume();
}

type Listener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/** Who asks again on a connection that has had its last request is not heard. */
export function unlessEnding(listener: Listener): Listener {
  return (incoming, outgoing) => {
    if (last.has(incoming.socket)) drop(incoming);
    else listener(incoming, outgoing);
  };
}
