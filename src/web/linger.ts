// The end of a connection whose client still sends. A socket that is destroyed with bytes of its client unread resets the
// connection, and a client that learns of that while it sends never looks for the answer (RFC 9112, 9.6).
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Milliseconds in which a client may read the last answer, and stop. */
const lingerMs = 2000;

/**
 * Before the answer to a request whose body nobody reads, and which closes its connection: says then that nothing more comes,
 * drops what does, and destroys the socket when its client is done or has had its time. Node itself would destroy it at once.
 */
export function lingerAtEnd(socket: Socket): void {
  socket.destroySoon = () => {
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.once('close', () => clearTimeout(timer));
    socket.end();
  };
}

type Listener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/** Who asks again on a connection whose last answer is out is not heard. */
export function unlessEnded(listener: Listener): Listener {
  return (incoming, outgoing) => {
    if (incoming.socket.writableEnded) incoming.socket.destroy();
    else listener(incoming, outgoing);
  };
}
