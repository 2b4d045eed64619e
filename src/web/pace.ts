// A client that takes an answer more slowly than it must is let go: it holds a turn, and buffers, that others wait for.
import type { Socket } from 'node:net';

export interface Pace {
  /** Bytes a second that a client must take on the average. */
  readonly floor: number;
  /** Milliseconds for which it may take less, or nothing: what it takes renews them. */
  readonly stalled: number;
}

/** Destroys the socket when too little of what is written to it moves. Must be ended. */
export function keepPace(socket: Socket, { floor, stalled }: Pace): () => void {
  let left = stalled;
  let known = { at: performance.now(), taken: takenFrom(socket) };
  const timer = setInterval(
    () => {
      const current = { at: performance.now(), taken: takenFrom(socket) };
      const earned = ((current.taken - known.taken) / floor) * 1000;
      left = Math.min(stalled, left + earned) - (current.at - known.at);
      known = current;
      if (left <= 0) socket.destroy();
    },
    Math.min(1000, stalled / 4),
  );
  return () => clearInterval(timer);
}

/** Node's count has in it what it has not yet handed to the kernel. */
function takenFrom({ bytesWritten, writableLength }: Socket): number {
  return bytesWritten - writableLength;
}
